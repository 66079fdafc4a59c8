"""A room that loses its power at an update comes back by itself, on the old version or the new one, never between."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.system.powercut.crashdisk import possible
from tests.system.powercut.results import write_section
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
def test_thirty_cuts_of_an_update(tmp_path: Path) -> None:
    laboratory = UpdateLaboratory(tmp_path, seed=30)
    laboratory.record()
    outcomes = laboratory.follow(30)
    after = {version: sum(outcome.version == version for outcome in outcomes) for version in (OLD, NEW)}
    rows = (
        ("cuts, of which with unflushed writes at that instant", f"{len(outcomes)}, {sum(map(_torn, outcomes))}"),
        ("back on the old version, on the new one", f"{after[OLD]}, {after[NEW]}"),
        ("cuts with any fault", f"{sum(bool(outcome.faults) for outcome in outcomes)}"),
    )
    write_section("update", rows, "make soak")
    assert faults(outcomes) == []
    assert all(after.values())


def _torn(outcome: Outcome) -> bool:
    return outcome.unflushed > 0
