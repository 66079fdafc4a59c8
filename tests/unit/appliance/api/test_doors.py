"""Guessing a PIN takes years, not a lesson: neither a restart nor another door shortens it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.api.doors import BETWEEN_CARDS, FREE, LONGEST_WAIT, MOST_SESSIONS, SESSION, Doors, wait_after
from appliance.errors import DiskFull, MustWait, NoPin, RoomError, WrongPin
from appliance.spool import cards, pins
from appliance.spool.layout import Spool
from appliance.spool.pins import Pins

IT, TEACHER, WRONG = "271828", "314159", "999111"


class Clock:
    """Monotonic seconds, as a test wants them."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def known() -> Pins:
    """Made once, for hashing takes its time on purpose."""
    known = Pins()
    known.set_it(IT)
    known.set_teacher("Dr Sidi", TEACHER)
    return known


@pytest.fixture
def spool(tmp_path: Path, known: Pins) -> Spool:
    spool = Spool(tmp_path)
    spool.prepare()
    pins.write(spool, known)
    return spool


def told(spool: Spool) -> list[dict[str, object]]:
    return [json.loads(line) for line in (spool.root / "audit.log").read_text().splitlines()]


async def fail(doors: Doors, count: int) -> None:
    for _ in range(count):
        with pytest.raises(WrongPin):
            await doors.enter(WRONG)


def test_the_wait_grows_and_ends_growing() -> None:
    waits = [wait_after(wrong) for wrong in range(60)]
    assert waits[:FREE] == [0.0] * FREE
    assert waits[FREE : FREE + 4] == [5.0, 10.0, 20.0, 40.0]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT


@pytest.mark.anyio
async def test_the_right_pin_opens_for_ten_minutes(spool: Spool, clock: Clock) -> None:
    doors = Doors(spool, clock)
    token = await doors.enter(IT)
    assert doors.remaining(f"Bearer {token}") == SESSION
    assert doors.remaining(token) == 0
    assert doors.remaining(f"Bearer {token}x") == 0
    assert doors.remaining(None) == 0
    clock.now += SESSION
    assert doors.remaining(f"Bearer {token}") == 0
    other = await doors.enter(IT)
    doors.leave(f"Bearer {other}")
    assert doors.remaining(f"Bearer {other}") == 0
    tokens = [await doors.enter(IT) for _ in range(MOST_SESSIONS + 1)]
    assert [bool(doors.remaining(f"Bearer {each}")) for each in tokens] == [False] + [True] * MOST_SESSIONS


@pytest.mark.anyio
async def test_who_guesses_waits_also_after_a_restart_and_even_the_right_pin_must(spool: Spool, clock: Clock) -> None:
    doors = Doors(spool, clock)
    await fail(doors, FREE)
    for reborn in (doors, Doors(spool, clock)):
        with pytest.raises(MustWait) as refused:
            await reborn.enter(IT)
        assert refused.value.facts["seconds"] == 5
    clock.now += 5
    await fail(doors, 1)
    with pytest.raises(MustWait) as refused:
        await doors.enter(IT)
    assert refused.value.facts["seconds"] == 10
    clock.now += 10
    await doors.enter(IT)
    await fail(doors, FREE)  # the right PIN forgives what was wrong before it


@pytest.mark.anyio
async def test_a_guess_counts_before_it_is_looked_at(spool: Spool, clock: Clock) -> None:
    """Whoever cuts the power at each guess is not let off."""
    (spool.root / "audit.log").mkdir()  # the guess fails after it was looked at
    with pytest.raises(DiskFull):
        await Doors(spool, clock).enter(WRONG)
    assert json.loads((spool.identity / "panel-guesses.json").read_text()) == {"it": 1, "teacher": 0}


@pytest.mark.anyio
async def test_a_teachers_own_pin_does_not_help_at_the_other_door(spool: Spool, clock: Clock) -> None:
    doors = Doors(spool, clock)
    await fail(doors, FREE)
    assert await doors.teacher(pin=TEACHER) == "Dr Sidi"
    with pytest.raises(MustWait):
        await doors.enter(IT)


@pytest.mark.anyio
async def test_a_card_of_the_central_server_opens_in_a_room_without_pins_until_the_server_takes_it_back(
    tmp_path: Path, clock: Clock
) -> None:
    spool, code = Spool(tmp_path), "31" * 20
    spool.prepare()
    doors = Doors(spool, clock)
    with pytest.raises(NoPin):
        await doors.teacher(card=code)
    cards.give(spool, f"{pins.of_card(code)} Fatou Ndiaye\n")
    assert await doors.teacher(card=code) == "Fatou Ndiaye"
    with pytest.raises(WrongPin):
        await doors.teacher(pin=TEACHER)
    cards.file_of(spool).write_text("damaged")
    with pytest.raises(WrongPin):
        await doors.teacher(card=code)
    cards.give(spool, "")
    with pytest.raises(NoPin):
        await doors.teacher(card=code)


@pytest.mark.anyio
async def test_a_card_opens_while_pins_must_wait_and_an_unknown_one_does_not(spool: Spool, clock: Clock) -> None:
    known = pins.read(spool)
    code = known.new_card("Dr Sidi")
    pins.write(spool, known)
    doors = Doors(spool, clock)
    for _ in range(FREE):
        with pytest.raises(WrongPin):
            await doors.teacher(pin=WRONG)
    with pytest.raises(MustWait):
        await doors.teacher(pin=TEACHER)
    assert await doors.teacher(card=code) == "Dr Sidi"
    with pytest.raises(WrongPin):
        await doors.teacher(card="1" * 40)
    with pytest.raises(MustWait):
        await doors.teacher(card="2" * 40)
    clock.now += BETWEEN_CARDS
    assert await doors.teacher(card=code) == "Dr Sidi"


@pytest.mark.anyio
async def test_every_attempt_is_on_record_without_its_pin(spool: Spool, clock: Clock) -> None:
    doors = Doors(spool, clock)
    await fail(doors, 1)
    await doors.enter(IT)
    await doors.teacher(pin=TEACHER)
    assert [(line["door"], line["result"], line.get("name")) for line in told(spool)] == [
        ("it", "wrong", None),
        ("it", "right", None),
        ("teacher", "right", "Dr Sidi"),
    ]
    text = (spool.root / "audit.log").read_text()
    assert not any(pin in text for pin in (IT, TEACHER, WRONG))


@pytest.mark.anyio
async def test_no_pin_no_door(tmp_path: Path, clock: Clock) -> None:
    spool = Spool(tmp_path)
    spool.prepare()
    doors = Doors(spool, clock)
    with pytest.raises(NoPin, match="appliance pin set"):
        await doors.enter("")
    with pytest.raises(NoPin):
        await doors.teacher(pin="")
    pins.file_of(spool).write_text("{")
    with pytest.raises(RoomError, match="damaged"):
        await doors.enter(IT)


@pytest.mark.anyio
async def test_what_cannot_be_put_on_record_is_not_opened(spool: Spool, clock: Clock) -> None:
    (spool.root / "audit.log").mkdir()
    with pytest.raises(DiskFull):
        await Doors(spool, clock).enter(IT)


def test_a_count_that_cannot_be_read_is_no_way_in(spool: Spool, clock: Clock) -> None:
    (spool.identity / "panel-guesses.json").write_text("{}")
    doors = Doors(spool, clock)
    assert doors._wrong["it"] > FREE
