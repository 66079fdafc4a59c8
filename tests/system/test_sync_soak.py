"""A thousand broken connections. If this fails, a lesson of the year arrives damaged, twice, or at twice the price."""

from __future__ import annotations

import random
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.peers.toxic import toxic
from tests.system.deployment import Server
from tests.system.enrolled import Agent, cut_at_random, most_bytes

PAGE = Path(__file__).resolve().parents[2] / "docs" / "results.md"
SECTION = re.compile(r"<!-- link cuts -->.*<!-- /link cuts -->", re.DOTALL)
CUTS = 1000
RATE = 4_000_000
"""Bytes a second of the link."""
SMALL, LARGE = 40, 2
"""Assets of a lesson."""


@pytest.mark.soak
def test_a_thousand_cuts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = Server(tmp_path)
    server.start_web()
    try:
        with toxic(server.port) as link:
            agent = Agent(tmp_path, server, link.url)
            chance = random.Random(1000)
            lessons = cuts = 0
            link.rate = RATE
            agent.service.start()
            try:
                while cuts < CUTS:
                    lessons += 1
                    sizes = [chance.randrange(1, 200_000) for _ in range(SMALL)]
                    sizes += [chance.randrange(5_000_000, 40_000_000) for _ in range(LARGE)]
                    agent.keep(lessons, *sizes)
                    cuts += cut_at_random(agent, link, chance, CUTS - cuts)
                link.rate = 0
                agent.wait_delivered(300)
            finally:
                agent.service.stop()
            agent.check_arrived()
            figures = {
                "cuts": f"{cuts}",
                "assets, lessons": f"{len(agent.rows())}, {lessons}",
                "assets that arrived damaged, or twice": "0, 0",
                "bytes of the assets": f"{agent.total() / 1e6:.1f} MB",
                "bytes on the wire, up": f"{link.up / 1e6:.1f} MB",
                "on the wire for each byte of an asset": f"{link.up / agent.total():.3f}",
                "lost by a cut, all overhead counted": f"{(link.up - agent.total()) / cuts / 1000:.1f} kB",
            }
            write(figures)
            with capsys.disabled():
                sys.stdout.write("".join(f"\n{name}: {value}" for name, value in figures.items()) + "\n")
            assert link.up <= most_bytes(agent, cuts)
    finally:
        server.close()


def write(figures: dict[str, str]) -> None:
    """In place of what the last run wrote."""
    day = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    rows = "".join(f"| {name} | {value} |\n" for name, value in figures.items())
    section = f"<!-- link cuts -->\n{day}, `make soak`\n\n| | |\n|---|---|\n{rows}<!-- /link cuts -->"
    PAGE.write_text(SECTION.sub(lambda _: section, PAGE.read_text()))
