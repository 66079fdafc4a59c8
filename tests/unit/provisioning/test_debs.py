"""A package that lacks a file, or is another one each time it is built, cannot be trusted by who installs it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from provisioning.debs import PARTS, PROJECT, SCRIPTS, recipe_of

VERSION = "0.1.0~dev20261129112020"
ABOARD = [Path("/tmp/darsbox-0.1.0-py3-none-any.whl"), Path("/tmp/slot.lock")]


@pytest.fixture(params=sorted(PARTS))
def recipe(request: pytest.FixtureRequest) -> dict[str, object]:
    return recipe_of(request.param, VERSION, 1_764_415_220, PROJECT, ABOARD)


def places(recipe: dict[str, object]) -> dict[str, str]:
    contents = recipe["contents"]
    assert isinstance(contents, list)
    return {entry["dst"]: entry["src"] for entry in contents}


def test_all_that_is_packaged_is_in_the_project(recipe: dict[str, object]) -> None:
    found = places(recipe)
    mine = [Path(source) for source in found.values() if source.startswith(str(PROJECT))]
    assert [file for file in mine if not file.is_file()] == []
    scripts = recipe["scripts"]
    assert isinstance(scripts, dict)
    assert [script for script in scripts.values() if not Path(script).is_file()] == []


def test_a_package_brings_its_wheels_and_the_lock_that_names_them(recipe: dict[str, object]) -> None:
    home = f"/usr/lib/darsbox/{str(recipe['name']).removeprefix('darsbox-')}"
    assert places(recipe)[f"{home}/wheelhouse/{ABOARD[0].name}"] == str(ABOARD[0])
    assert places(recipe)[f"{home}/slot.lock"] == str(ABOARD[1])


def test_the_builders_clock_zone_and_umask_are_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def said() -> str:
        return json.dumps(recipe_of("room", VERSION, 1_764_415_220, PROJECT, ABOARD))

    first = said()
    assert '"mtime": "2025-11-29T11:20:20Z"' in first
    monkeypatch.setenv("TZ", "Asia/Karachi")
    umask = os.umask(0o077)
    try:
        assert said() == first
    finally:
        os.umask(umask)
    files = [entry for entry in json.loads(first)["contents"] if entry.get("type") != "symlink"]
    assert {entry["file_info"]["mode"] for entry in files} == {0o644}


def test_both_may_be_on_one_machine() -> None:
    room, server = (recipe_of(name, VERSION, 0, PROJECT, ABOARD) for name in ("room", "server"))
    assert set(places(room)) & set(places(server)) == set()


def test_browser_and_fonts_are_recommended_and_nothing_needs_them() -> None:
    room = recipe_of("room", VERSION, 0, PROJECT, ABOARD)
    assert {"cage", "chromium", "ffmpeg", "fake-hwclock"} <= set(room["recommends"])
    assert not {"cage", "chromium", "ffmpeg"} & set(room["depends"])


def test_no_script_can_remove_lessons() -> None:
    for script in SCRIPTS.values():
        words = (PROJECT / "provisioning" / "debian" / script).read_text()
        removals = [line.strip() for line in words.splitlines() if "rm -r" in line and "echo" not in line]
        assert [line for line in removals if "kept" in line or "spool" in line or "server" in line] == []
