"""Where keepers come from. If these fail, a touch on Start starts nothing, or a killed helper takes a lesson along."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from appliance.recorder.keeper import Order
from appliance.recorder.nursery import Newborn, Nursery
from appliance.spool.holding import holder
from provisioning.leftovers import end_keepers, keepers
from tests.peers.program import wait_until


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


def order(spool: Path, source: str) -> bytes:
    folder = spool / "lessons" / "L"
    folder.mkdir(parents=True, exist_ok=True)
    made = Order(
        lesson="L",
        folder=str(folder),
        source=source,
        span=0,
        boot="b",
        ffmpeg=["sleep", "600"],
        feeder=None,
        socket=str(spool / "nobody.sock"),
        reserve=0,
        longest=3600.0,
        stall=5.0,
    )
    return made.to_json().encode() + b"\n"


def put_to_work(keeper: Newborn, spool: Path, source: str) -> None:
    assert keeper.stdin is not None
    os.write(keeper.stdin, order(spool, source))
    os.close(keeper.stdin)
    wait_until(lambda: holder(spool / "lessons" / "L" / source) == keeper.pid, 10, "a keeper at work")


def wait_ended(keeper: Newborn) -> None:
    assert select.select([keeper.pidfd], [], [], 10)[0], "the keeper lives on"
    os.close(keeper.pidfd)


def test_a_keeper_lives_on_when_all_around_it_is_killed(nursery: Nursery, tmp_path: Path) -> None:
    first = nursery.bear(heard=False)
    put_to_work(first, tmp_path, "front")
    assert os.getsid(first.pid) == first.pid
    assert nursery._process is not None
    nursery._process.send_signal(signal.SIGKILL)
    nursery._process.wait()
    second = nursery.bear(heard=False)  # by another nursery, and nobody had to ask for one
    put_to_work(second, tmp_path, "board")
    nursery.close()
    assert sorted(keepers(tmp_path)) == sorted([first.pid, second.pid])
    assert end_keepers(tmp_path) == 2
    for keeper in (first, second):
        wait_ended(keeper)
    assert keepers(tmp_path) == []


def test_a_keeper_that_gets_no_order_ends(nursery: Nursery) -> None:
    keeper = nursery.bear(heard=True)
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    os.close(keeper.stdin)
    wait_ended(keeper)
    assert os.read(keeper.stdout, 1) == b""
    os.close(keeper.stdout)


def test_who_recorded_once_and_is_dead_records_no_more(nursery: Nursery, tmp_path: Path) -> None:
    """Its process id may be somebody else's by now."""
    keeper = nursery.bear(heard=False)
    put_to_work(keeper, tmp_path, "front")
    children = Path(f"/proc/{keeper.pid}/task/{keeper.pid}/children").read_text().split()
    os.kill(keeper.pid, signal.SIGKILL)
    wait_ended(keeper)
    assert (tmp_path / "lessons" / "L" / "front" / "keeper.pid").read_text() == str(keeper.pid)
    assert holder(tmp_path / "lessons" / "L" / "front") is None
    for child in map(int, children):
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
