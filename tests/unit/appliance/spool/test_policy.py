"""The agent knows of room.toml only what the daemon writes down. If these fail, it takes the whole link of a class, or
sends nothing because of a broken file."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.config import parse as parse_room
from appliance.spool import policy
from appliance.spool.layout import Spool
from appliance.spool.policy import BadPolicy, Hours, Policy
from appliance.uplink import SyncTable


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    place = Spool(tmp_path / "spool")
    place.prepare()
    return place


def put(spool: Spool, text: str) -> None:
    table = parse_room(text).tables.sync
    policy.write(spool, table.model_dump(mode="json"))


def test_what_room_toml_says_is_what_the_agent_reads(spool: Spool) -> None:
    put(
        spool,
        """
        [sync]
        max_kbit = 256
        daily_mb = 50
        monthly_mb = 900
        metered = "yes"
        metered_tiers = ["card"]
        yield = false
        while_recording = false
        hours = [{days = "mon-fri", from = "07:30", to = "18:00", max_kbit = 64}, {max_kbit = 0}]
        """,
    )
    assert policy.read(spool) == Policy(
        kbit=256,
        hours=(Hours((0, 1, 2, 3, 4), 450, 1080, 64), Hours((0, 1, 2, 3, 4, 5, 6), 0, 1440, 0)),
        daily=50_000_000,
        monthly=900_000_000,
        metered="yes",
        metered_tiers=("card",),
        yields=False,
        while_recording=False,
    )


def test_the_defaults_are_the_same_on_both_sides(spool: Spool) -> None:
    assert policy.read(spool) == Policy()
    assert policy.parse(SyncTable().model_dump(mode="json")) == Policy()
    assert policy.parse({}) == Policy()


def test_a_daemon_that_starts_again_with_the_same_file_writes_nothing(spool: Spool) -> None:
    put(spool, "[sync]\nmax_kbit = 64")
    before = policy.file_of(spool).stat()
    put(spool, "[sync]\nmax_kbit = 64")
    assert policy.file_of(spool).stat().st_ino == before.st_ino
    policy.file_of(spool).write_bytes(b"\xff\x00")
    put(spool, "[sync]\nmax_kbit = 64")
    assert policy.read(spool).kbit == 64


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "[" * 60_000,
        '{"max_kbit": -1}',
        '{"max_kbit": true}',
        '{"daily_mb": "5"}',
        '{"monthly_mb": 1e3}',
        '{"metered": "maybe"}',
        '{"metered": ["auto"]}',
        '{"metered_tiers": "card"}',
        '{"metered_tiers": ["film"]}',
        '{"metered_tiers": [[]]}',
        '{"yield": 1}',
        '{"while_recording": "no"}',
        '{"hours": {}}',
        '{"hours": [5]}',
        '{"hours": [{}]}',
        '{"hours": [{"max_kbit": 0, "days": "mon"}]}',
        '{"hours": [{"max_kbit": 0, "days": [{}]}]}',
        '{"hours": [{"max_kbit": 0, "from": "24:01"}]}',
        '{"hours": [{"max_kbit": 0, "to": 5}]}',
        " " * 70_000 + "{}",
    ],
)
def test_a_broken_file_is_said_to_be_one(spool: Spool, text: str) -> None:
    policy.file_of(spool).write_text(text)
    with pytest.raises(BadPolicy, match=r"^sync\.json .*\.$|^sync\.json: .*\.$"):
        policy.read(spool)


def test_a_key_of_a_newer_program_is_passed_over() -> None:
    assert policy.parse({"speed": 5, "max_kbit": 64}) == Policy(kbit=64)


def test_what_the_server_sets_counts_instead_of_the_rooms_own_and_only_that(spool: Spool) -> None:
    put(spool, "[sync]\nmax_kbit = 256\ndaily_mb = 50")
    policy.give(spool, {"daily_mb": 10, "metered": "yes"})
    found = policy.read(spool)
    assert (found.kbit, found.daily, found.metered) == (256, 10_000_000, "yes")
    assert policy.given(spool) == {"daily_mb": 10, "metered": "yes"}
    policy.give(spool, {})
    assert policy.read(spool).daily == 50_000_000


@pytest.mark.parametrize("torn", ["", "{", "[]", '{"daily_mb": -1}', '{"hours": 3}'])
def test_rules_of_the_server_that_cannot_be_read_leave_the_rooms_own(spool: Spool, torn: str) -> None:
    put(spool, "[sync]\nmax_kbit = 256")
    policy.file_given(spool).write_text(torn)
    assert policy.read(spool).kbit == 256
    with pytest.raises(BadPolicy):
        policy.give(spool, {"metered": "perhaps"})
