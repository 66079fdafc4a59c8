"""The figures of a run of power cuts, as a person reads them and as docs/results.md keeps the last ones.

python -m tests.system.powercut.results CUTS      records, cuts, follows, and writes docs/results.md
"""

from __future__ import annotations

import re
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.system.powercut.laboratory import Laboratory, Outcome

PAGE = Path(__file__).resolve().parents[3] / "docs" / "results.md"


@dataclass(frozen=True)
class Figures:
    """Seconds; lost is told for every source of every cut, back for every cut."""

    cuts: int
    faults: int
    unflushed: int
    reboots: int
    lost_median: float
    lost_max: float
    back_median: float
    back_max: float

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> Figures:
        lost = [seconds for outcome in outcomes for seconds in outcome.lost.values()] or [float("inf")]
        back = [outcome.back for outcome in outcomes if outcome.back is not None] or [float("inf")]
        return cls(
            cuts=len(outcomes),
            faults=sum(bool(outcome.faults) for outcome in outcomes),
            unflushed=sum(outcome.unflushed > 0 for outcome in outcomes),
            reboots=sum(outcome.reboot for outcome in outcomes),
            lost_median=statistics.median(lost),
            lost_max=max(lost),
            back_median=statistics.median(back),
            back_max=max(back),
        )


def say(figures: Figures) -> None:
    sys.stdout.write(
        f"\n{figures.cuts} power cuts: lost {figures.lost_median:.2f} s (median), {figures.lost_max:.2f} s at most;"
        f" back {figures.back_median:.1f} s after the daemon's start, {figures.back_max:.1f} s at most;"
        f" {figures.unflushed} with unflushed writes, {figures.reboots} as a new boot; {figures.faults} with a fault.\n"
    )


def write(figures: Figures, command: str, page: Path = PAGE) -> None:
    """Replace the section of the last run."""
    rows = (
        ("cuts, of which with unflushed writes at that instant", f"{figures.cuts}, {figures.unflushed}"),
        ("followed as another boot of the machine", f"{figures.reboots}"),
        ("cuts with any fault", f"{figures.faults}"),
        ("seconds lost by a source: median, maximum", f"{figures.lost_median:.2f}, {figures.lost_max:.2f}"),
        (
            "seconds from the daemon's start until all record again: median, maximum",
            f"{figures.back_median:.1f}, {figures.back_max:.1f}",
        ),
    )
    write_section("powercut", rows, command, page)


def write_section(name: str, rows: Sequence[tuple[str, str]], command: str, page: Path = PAGE) -> None:
    """Replace what stands between the page's two marks of this name."""
    day = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    table = "".join(f"| {row} | {value} |\n" for row, value in rows)
    section = f"<!-- {name} -->\n{day}, `{command}`\n\n| | |\n|---|---|\n{table}<!-- /{name} -->"
    marked = re.compile(rf"<!-- {name} -->.*<!-- /{name} -->", re.DOTALL)
    page.write_text(marked.sub(lambda _: section, page.read_text()))


def main() -> None:
    cuts = int(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="darsbox-powercut-") as folder:
        lab = Laboratory(Path(folder))
        lab.record(cuts)
        outcomes = lab.follow_all()
    figures = Figures.of(outcomes)
    say(figures)
    write(figures, f"python -m tests.system.powercut.results {cuts}")
    for outcome in outcomes:
        for fault in outcome.faults:
            sys.stdout.write(f"cut {outcome.number}: {fault}\n")


if __name__ == "__main__":
    main()
