"""What the panel's scripts are checked against must be what the room's API says."""

from __future__ import annotations

import re

import pytest

from appliance.api import views
from kiosk_ui.compile import HERE

WRITTEN = {
    name: re.findall(r"^  (\w+): ", body, re.MULTILINE)
    for name, body in re.findall(
        r"^interface (\w+View) \{\n(.*?)^\}", (HERE / "types.d.ts").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
}


@pytest.mark.parametrize("name", WRITTEN)
def test_the_scripts_know_each_field_of_what_the_room_says(name: str) -> None:
    view: type[views.View] = getattr(views, name)
    assert sorted(WRITTEN[name]) == sorted(view.model_fields)


def test_the_whole_status_is_known() -> None:
    assert "StatusView" in WRITTEN
    named = {found for field in views.StatusView.model_fields.values() for found in re.findall(r"\w+View", str(field))}
    assert named <= set(WRITTEN)
