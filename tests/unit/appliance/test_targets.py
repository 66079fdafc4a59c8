"""``[[target]]`` of room.toml. If these fail, a slip of the pen sends lessons nowhere, or shows a password."""

from __future__ import annotations

import pytest

from appliance import config
from appliance.errors import ConfigError

GOOD = """
[[target]]
id = "media-centre"
kind = "opencast"
url = "https://opencast.example.org/"
user = "ca-amphi-a"
password = "secret"
"""


def test_a_target_has_the_keys_that_it_needs_and_defaults_for_the_rest() -> None:
    (target,) = config.parse(GOOD).targets
    assert (target.url, target.workflow, target.required) == (
        "https://opencast.example.org",
        "schedule-and-upload",
        False,
    )


def test_what_is_in_force_is_shown_without_the_password() -> None:
    shown = config.parse(GOOD).dump()
    assert "[[target]]" in shown
    assert "secret" not in shown
    assert config.parse(shown.replace("********", "secret")).targets == config.parse(GOOD).targets


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace("workflow", "workflw") + 'workflw = "x"', '[[target]] number 1: unknown key "workflw" (did you'),
        (GOOD.replace('"opencast"', '"panopto"'), "\"kind\" must be 'opencast', not"),
        (GOOD.replace("https://", "https://me:secret@"), "without a login in it"),
        (GOOD.replace('user = "ca-amphi-a"', ""), '[[target]] number 1: the key "user" is missing.'),
        (GOOD + GOOD, '[[target]] number 2: the id "media-centre" is used twice.'),
        ('[target]\nid = "x"', "[target] must be written with two brackets, [[target]]"),
        (GOOD.replace("[[target]]", "[[targt]]"), '(did you mean "target"?)'),
    ],
)
def test_every_mistake_is_one_sentence(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse(text)
    assert said in caught.value.detail
    assert "secret" not in caught.value.detail or "without a login" in said
