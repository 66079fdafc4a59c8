"""What is due is done by one of the workers, and a chore that fails stands in no other's way."""

from __future__ import annotations

import threading

from lms_server.catalog.database import Database
from lms_server.worker.chores import Chore, Chores
from tests.unit.lms_server.conftest import HandClock


def test_of_two_workers_one_does_it_whenever_it_is_due(database: Database, hands: HandClock) -> None:
    done: list[str] = []

    def worker(name: str) -> Chores:
        return Chores(database, hands, [Chore("sweep", 60.0, lambda: done.append(name))])

    first, second, stop = worker("first"), worker("second"), threading.Event()
    first.once(stop)
    second.once(stop)
    assert done == ["first"]
    hands.now += 61
    second.once(stop)
    first.once(stop)
    assert done == ["first", "second"]
    hands.now -= 86400  # somebody set the clock right
    first.once(stop)
    assert done == ["first", "second", "first"]


def test_a_full_disk_at_one_chore_leaves_the_others_alone(database: Database, hands: HandClock) -> None:
    done: list[str] = []

    def full() -> None:
        raise OSError(28, "No space left on device")

    chores = Chores(database, hands, [Chore("a", 60.0, full), Chore("b", 60.0, lambda: done.append("b"))])
    chores.once(threading.Event())
    assert done == ["b"]
