"""What lessons may take of a room's link. If these fail, a mistake in room.toml cannot be understood, or the class
waits for a video."""

from __future__ import annotations

import pytest

from appliance.config import parse
from appliance.errors import ConfigError


def test_without_a_word_a_room_sends_what_it_can_and_steps_back() -> None:
    table = parse("").tables.sync
    assert (table.max_kbit, table.hours, table.daily_mb, table.monthly_mb) == (0, (), 0, 0)
    assert (table.metered, table.metered_tiers, table.yields) == ("auto", ("card", "slidecast"), True)


def test_hours_are_read_as_they_are_written() -> None:
    text = """
        [sync]
        hours = [
          {days = "mon-fri", from = "07:30", to = "18:00", max_kbit = 64},
          {days = ["sat"], from = "22:00", to = "06:00", max_kbit = 0},
          {max_kbit = 512},
        ]
    """
    school, night, rest = parse(text).tables.sync.hours
    assert (school.days, school.begin, school.end) == (("mon", "tue", "wed", "thu", "fri"), "07:30", "18:00")
    assert (night.days, night.begin, night.end, night.max_kbit) == (("sat",), "22:00", "06:00", 0)
    assert (len(rest.days), rest.begin, rest.end) == (7, "00:00", "24:00")


@pytest.mark.parametrize(
    ("written", "days"),
    [
        ('"sat, sun"', ("sat", "sun")),
        ('"Fri-Mon"', ("mon", "fri", "sat", "sun")),
        ('"wed"', ("wed",)),
        ('"mon-sun"', ("mon", "tue", "wed", "thu", "fri", "sat", "sun")),
        ('"mon-tue,thu-fri"', ("mon", "tue", "thu", "fri")),
        ('["fri", "mon"]', ("mon", "fri")),
    ],
)
def test_days_are_written_as_people_write_them(written: str, days: tuple[str, ...]) -> None:
    (row,) = parse(f"[sync]\nhours = [{{days = {written}, max_kbit = 64}}]").tables.sync.hours
    assert row.days == days


DAYS = 'hours number 1: "days" must be days such as "mon-fri" or "sat, sun", of mon, tue, wed, thu, fri, sat, sun.'
TIME = 'must be a time of day such as "07:30".'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("max_kbit = -1", '[sync]: "max_kbit" must be at least 0, not -1.'),
        ("max_kbit = 5", '[sync]: "max_kbit" must be 0, or at least 8 kbit/s: slower links lose every request.'),
        ('max_kbit = "64"', '[sync]: "max_kbit" must be a whole number, not "64".'),
        ("yeld = true", '[sync]: unknown key "yeld" (did you mean "yield"?).'),
        ("yield = 1", '[sync]: "yield" must be true or false, not 1.'),
        ('metered = "maybe"', "[sync]: \"metered\" must be 'auto', 'yes' or 'no', not \"maybe\"."),
        ("hours = 5", '[sync]: "hours" must be a list in brackets, not 5.'),
        ('hours = ["night"]', '[sync] hours number 1: "hours" must be a table, not "night".'),
        ("hours = [{}]", '[sync] hours number 1: the key "max_kbit" is missing.'),
        ('hours = [{days = "mon-frei", max_kbit = 0}]', f"[sync] {DAYS}"),
        ('hours = [{days = "", max_kbit = 0}]', f"[sync] {DAYS}"),
        ("hours = [{days = 5, max_kbit = 0}]", f"[sync] {DAYS}"),
        ('hours = [{days = ["mon", "x"], max_kbit = 0}]', f"[sync] {DAYS}"),
        (
            'hours = [{form = "07:30", max_kbit = 0}]',
            '[sync] hours number 1: unknown key "form" (did you mean "from"?).',
        ),
        ('hours = [{max_kbit = 9}, {from = "7:30", max_kbit = 0}]', f'[sync] hours number 2: "from" {TIME}'),
        ('hours = [{to = "24:01", max_kbit = 0}]', f'[sync] hours number 1: "to" {TIME}'),
        (
            'hours = [{from = "07:30", to = "07:30", max_kbit = 0}]',
            '[sync] hours number 1: "from" and "to" are the same time; leave both out for the whole day.',
        ),
        (
            'metered_tiers = ["film"]',
            "[sync] metered_tiers number 1: \"metered_tiers\" must be 'card', 'slidecast', 'proxy' or 'master', not"
            ' "film".',
        ),
    ],
)
def test_a_mistake_is_one_plain_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(f"[sync]\n{text}")
    assert refused.value.detail == sentence


def test_the_dump_can_be_read_again() -> None:
    room = parse('[sync]\nyield = false\nhours = [{days = "mon-fri", from = "08:00", to = "18:00", max_kbit = 64}]')
    assert parse(room.dump()).tables == room.tables
