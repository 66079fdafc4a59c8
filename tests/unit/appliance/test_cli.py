"""Whoever types a command gets what was asked, or one plain sentence; never a traceback."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from appliance.cli import app, entry
from appliance.spool.layout import Spool
from media.lesson import Lesson, Source, Span, Take

NOBODY = "http://127.0.0.1:1"
LESSON = "01JD4R6YJ3M3W9VZB0Q7RZB6C5"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["frobnicate"], 2, "No such command"),
        (["start", "--titel", "x"], 2, "No such option"),
        (["run", "--port", "99999"], 2, "port"),
        (["export"], 2, "Missing"),
        (["export", LESSON], 2, "Missing"),
        (["export", LESSON, "--out", "/nowhere/out", "--whole"], 2, "Missing"),
        (["export", LESSON, "--usb", "/nowhere"], 2, "leave out the lesson"),
        (["export", "--usb", "/nowhere", "--out", "/nowhere/out"], 2, "leave out the lesson"),
        (["export", "--usb", "/nowhere", "--spool", "/nowhere"], 1, "no lessons in /nowhere"),
        (["run", "--config", "/nowhere/room.toml"], 1, "no file /nowhere/room.toml"),
        (["status", "--url", NOBODY], 1, "No room answers"),
        (["status", "--url", "ftp://x"], 1, "no web address"),
        (["status", "--url", "http://127.0.0.1:x"], 1, "no web address"),
        (["stop", "--url", NOBODY], 1, "No room answers"),
        (["lessons", "--spool", "/nowhere"], 1, "no lessons in /nowhere"),
        (["export", LESSON, "--out", "/nowhere/out", "--spool", "/nowhere"], 1, "no lessons in /nowhere"),
        (["adopt", "/nowhere/else", "--spool", "/nowhere"], 1, "no lessons in /nowhere"),
        (["enrol"], 2, "--from"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert entry(arguments) == code
    out, err = capsys.readouterr()
    assert words in err
    assert len(err.splitlines()) == 1
    assert out == ""


@pytest.mark.parametrize("words", [["adopt", "/nowhere"], ["enrol", "--from", "/nowhere"]])
def test_what_root_would_write_into_the_rooms_spool_is_refused(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lessons").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    assert entry([*words, "--spool", str(tmp_path)]) == 1
    assert "the room's own user" in capsys.readouterr().err
    assert [entry.name for entry in tmp_path.iterdir()] == ["lessons"]


def test_every_command_has_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    names = [command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands]
    promised = "run start stop pause resume mark status devices doctor lessons export"
    assert set(promised.split()) <= set(names)
    for name in names:
        assert entry([name, "--help"]) == 0
        assert f"Example: appliance {name}" in capsys.readouterr().out


def test_a_wrong_file_is_told_line_by_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "room.toml"
    file.write_text('[room]\nnmae = "A"\nlanguage = 1\n')
    assert entry(["config", "--config", str(file)]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_the_configuration_in_force_can_be_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "room.toml"
    file.write_text('[room]\nname = "Amphi A"\n')
    for arguments in (["config", "--dump"], ["run", "--dump-config"]):
        assert entry([*arguments, "--config", str(file)]) == 0
        assert 'name = "Amphi A"' in capsys.readouterr().out


def test_lessons_can_be_listed_without_a_daemon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spool = Spool(tmp_path)
    spool.prepare()
    spool.lesson_dir(LESSON).mkdir()
    take = Take("front", 1, 0, "front/take-001.mp4", 2_500_000, "0" * 64, 5.0, 61.0, "stopped")
    spans = [Span("boot", 5.0, 1_700_000_000.0, "stopped")]
    sources = [Source("front", "camera", "video")]
    spool.write_lesson(Lesson(LESSON, "تحليل", "A", "", "ar", "kept", sources, spans, [take]))
    assert entry(["lessons", "--spool", str(tmp_path), "--json"]) == 0
    (lesson,) = json.loads(capsys.readouterr().out)
    assert (lesson["title"], lesson["assets"][0]["bytes"]) == ("تحليل", 2_500_000)
    assert entry(["lessons", "--spool", str(tmp_path)]) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["LESSON", "STARTED", "LENGTH"]
    assert "0:01:01" in line
    assert "2.5 MB" in line


def test_an_unknown_lesson_cannot_be_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Spool(tmp_path).prepare()
    for name in (LESSON, "../../etc"):
        assert entry(["export", name, "--out", str(tmp_path / "out"), "--spool", str(tmp_path)]) == 1
        assert "There is no lesson" in capsys.readouterr().err
