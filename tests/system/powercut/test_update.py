"""A room that loses its power at an update comes back by itself, on the old version or the new one, never between."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.system.powercut.crashdisk import possible
from tests.system.powercut.updates import NEW, NOT_SYNCED, OLD, Outcome, UpdateLaboratory

pytestmark = [
    pytest.mark.timeout(0),
    pytest.mark.skipif(not possible(), reason="only root can mount the disk whose power is cut, where there is FUSE"),
]


def faults(outcomes: Sequence[Outcome]) -> list[str]:
    return [f"write {outcome.write}: {fault}" for outcome in outcomes for fault in outcome.faults]


def test_six_cuts_leave_the_old_version_or_the_new_one(tmp_path: Path) -> None:
    laboratory = UpdateLaboratory(tmp_path, seed=6)
    laboratory.record()
    outcomes = laboratory.follow(6)
    assert faults(outcomes) == []
    assert {outcome.version for outcome in outcomes} <= {OLD, NEW}
    assert not all(outcome.slot for outcome in outcomes), "some were cut while it was built"


@pytest.mark.soak
def test_the_laboratory_catches_a_slot_that_is_called_complete_too_early(tmp_path: Path) -> None:
    laboratory = UpdateLaboratory(tmp_path, plant=NOT_SYNCED)
    laboratory.record()
    assert faults(laboratory.follow(4)) != []


@pytest.mark.soak
def test_thirty_cuts_of_an_update(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    laboratory = UpdateLaboratory(tmp_path, seed=30)
    laboratory.record()
    outcomes = laboratory.follow(30)
    with capsys.disabled():
        print(told(outcomes))  # noqa: T201 - for docs/results.md
    assert faults(outcomes) == []
    assert {outcome.version for outcome in outcomes} == {OLD, NEW}


def told(outcomes: Sequence[Outcome]) -> str:
    after = {version: sum(outcome.version == version for outcome in outcomes) for version in (OLD, NEW)}
    torn = sum(outcome.unflushed > 0 for outcome in outcomes)
    return (
        f"\n{len(outcomes)} power cuts of an update: {after[OLD]} came back on the old version, {after[NEW]} on the new"
        f" one; {torn} with unflushed writes; {sum(bool(outcome.faults) for outcome in outcomes)} with a fault."
    )
