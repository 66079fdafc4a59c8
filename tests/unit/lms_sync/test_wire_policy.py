"""What IT sets centrally must reach the room as it was meant, or be refused where somebody reads why."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.spool import policy
from appliance.uplink import SyncTable
from lms_sync.wire_policy import MEMBERS, Policy

WHOLE = {
    "long_poll": False,
    "max_kbit": 512,
    "hours": [{"days": ["mon", "fri"], "from": "18:00", "to": "06:00", "max_kbit": 0}, {"max_kbit": 64}],
    "daily_mb": 200,
    "monthly_mb": 0,
    "metered": "yes",
    "metered_tiers": ["card"],
    "yield": True,
    "while_recording": False,
}


def test_a_policy_comes_through_as_it_was_written() -> None:
    found = Policy.from_json(WHOLE)
    assert found.as_json() == WHOLE
    assert Policy.from_json(found.as_json()) == found
    assert WHOLE.keys() == MEMBERS


def test_what_the_room_understands_is_what_a_policy_can_set() -> None:
    """The same names and forms as [sync] of room.toml: a rule that the agent cannot read would be no rule."""
    table = SyncTable.model_validate(Policy.from_json(WHOLE).sync).model_dump(mode="json")
    assert policy.parse(table) == policy.parse(Policy.from_json(WHOLE).sync)
    assert table.keys() == MEMBERS - {"long_poll"}


def test_what_a_newer_server_says_is_passed_over() -> None:
    assert Policy.from_json({"colour": "blue", "daily_mb": 5}).as_json() == {"long_poll": True, "daily_mb": 5}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([], "no JSON object"),
        ({"long_poll": 1}, "long_poll is neither"),
        ({"max_kbit": 3}, "max_kbit must be 0, or a whole number of kbit/s"),
        ({"daily_mb": 1.5}, "daily_mb must be a whole number of MB"),
        ({"monthly_mb": True}, "monthly_mb must be a whole number"),
        ({"metered": "no idea"}, "metered must be one of auto, yes, no"),
        ({"metered_tiers": ["films"]}, "metered_tiers must be a list of card"),
        ({"yield": "no"}, "yield must be true or false"),
        ({"while_recording": 0}, "while_recording must be true or false"),
        ({"hours": {}}, "hours must be a list"),
        ({"hours": [3]}, "hours number 1 must be an object"),
        ({"hours": [{"max_kbit": 0, "at": "noon"}]}, "hours number 1 must be an object"),
        ({"hours": [{"max_kbit": 0}, {"days": ["someday"], "max_kbit": 0}]}, "hours number 2 must have days"),
        ({"hours": [{"from": "25:00", "max_kbit": 0}]}, "two times of day"),
        ({"hours": [{"from": "07:00", "to": "07:00", "max_kbit": 0}]}, "two times of day"),
        ({"hours": [{}]}, "max_kbit, must be 0"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_it(found: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Policy.from_json(found)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(MEMBERS)), JSON, max_size=4))
def test_whatever_is_taken_the_room_can_keep(found: dict[str, Any]) -> None:
    try:
        taken = Policy.from_json(found)
    except ValueError:
        return
    assert math.isfinite(policy.parse(taken.sync).daily)
