"""An alarm is raised once, for what lasts, cleared once, and seen by those it concerns."""

from __future__ import annotations

from typing import Any

import pytest

from lms_server.catalog import Catalog
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import Room
from lms_server.errors import Forbidden, NotFound
from lms_sync.wire_control import Heartbeat
from tests.unit.lms_server.conftest import HandClock

GB = 1_000_000_000
DAY = 86400.0


class World:
    def __init__(self, catalogue: Catalog, room: Room, hands: HandClock) -> None:
        self.catalogue, self.room, self.hands = catalogue, room, hands

    def after(self, seconds: float, **said: Any) -> list[str]:
        """So much later the room says this, or nothing, and somebody looks: what was raised (+) or cleared (-)."""
        self.hands.now += seconds
        if said:
            room = self.catalogue.rooms.find(self.room.id)
            assert room is not None
            self.catalogue.rooms.saw(room)
            self.catalogue.desks.heard(room, Heartbeat("1", **{"state": "ready", **said}))
        return [("-" if each.cleared else "+") + each.trouble.code for each in self.catalogue.alarms.look()]


@pytest.fixture
def world(catalogue: Catalog, amphi: Room, hands: HandClock) -> World:
    return World(catalogue, amphi, hands)


def test_what_flickers_is_told_once(world: World) -> None:
    """A disk at the brink must not ring every minute."""
    assert world.after(0, disk_hours=2.0) == []  # it may be over in a moment
    assert world.after(60, disk_hours=9.0) == []
    assert world.after(60, disk_hours=2.0) == []
    assert world.after(130, disk_hours=2.0) == ["+disk-filling"]
    for hours in (2.0, 3.5, 2.0, 5.9):
        assert world.after(60, disk_hours=hours) == []
    assert world.after(60, disk_hours=6.5) == ["-disk-filling"]
    assert world.after(60, disk_hours=6.5) == []


def test_a_lesson_without_sound_is_told_and_is_over_with_it(world: World, admin: Person) -> None:
    silent = {"state": "recording", "finding": "microphone-silent", "finding_of": "Lectern"}
    assert world.after(0, **silent) == []
    assert world.after(61, **silent) == ["+lesson-silent"]
    alarm = world.catalogue.alarms.of(admin, lasting=True)[0]
    assert (alarm.room, alarm.institution, alarm.trouble.names) == ("Amphi A", "ENS", ["Lectern"])
    assert world.after(60, state="ready") == []  # the next look may find it silent again
    assert world.after(60, state="ready") == ["-lesson-silent"]
    assert world.catalogue.alarms.of(admin, lasting=True) == []
    assert world.catalogue.alarms.of(admin)[0].cleared == world.hands.now


def test_a_room_that_goes_in_the_middle_of_a_lesson_keeps_its_alarms_until_it_is_back(world: World) -> None:
    assert world.after(0, state="recording", clock_ahead=4000.0) == []
    assert world.after(301, state="recording", clock_ahead=4000.0) == ["+clock-wrong"]
    assert world.after(901) == ["+room-silent"]
    assert world.after(3600) == []
    assert world.after(60, clock_ahead=1.0) == []
    assert world.after(301, clock_ahead=1.0) == ["-room-silent", "-clock-wrong"]


def test_a_backlog_that_never_ebbs_is_told_after_days_and_one_that_is_sent_by_night_is_not(world: World) -> None:
    for evening in range(4):
        assert world.after(DAY / 2, backlog={"master": 9 * GB}) == [], evening
        assert world.after(DAY / 2, backlog={}) == []
    told = []
    for waiting in (1, 2, 3, 4, 5):
        told += world.after(DAY / 2, backlog={"master": waiting * 2 * GB})
        told += world.after(DAY / 2, backlog={"master": waiting * 3 * GB})
    assert told == ["+backlog-growing"]
    assert world.after(60, backlog={}) + world.after(60, backlog={}) == ["-backlog-growing"]


def test_an_alarm_is_of_its_institution_and_acknowledged_by_the_first(world: World, admin: Person) -> None:
    world.after(0, disk_hours=1.0)
    world.after(200, disk_hours=1.0)
    alarm = world.catalogue.alarms.of(admin)[0]
    stranger = Person(id=9, name="sara", role="it", institution_id=99)
    assert world.catalogue.alarms.of(stranger) == []
    with pytest.raises(NotFound):
        world.catalogue.alarms.acknowledge(stranger, str(alarm.id))
    with pytest.raises(Forbidden):
        world.catalogue.alarms.acknowledge(Person(id=8, name="pull", role="service"), str(alarm.id))
    world.catalogue.alarms.acknowledge(admin, str(alarm.id))
    world.catalogue.alarms.acknowledge(Person(id=7, name="late", role="it"), str(alarm.id))
    seen = world.catalogue.rooms.all(admin)[0].alarms[0]
    assert (seen.acknowledged_by, seen.acknowledged) == ("amina", world.hands.now)
    assert world.after(60, disk_hours=1.0) == []  # acknowledged, and still not over
