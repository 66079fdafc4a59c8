"""``appliance pin``: what the IT staff type counts at once, and nothing they mistype does."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from appliance.cli import entry
from appliance.spool import pins
from appliance.spool.layout import Spool


def run(monkeypatch: pytest.MonkeyPatch, spool: Path, *words: str, pin: str | None = None) -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{pin}\n"))
    return entry(["pin", *words, "--spool", str(spool), *(["--pin-stdin"] if pin is not None else [])])


def test_pins_and_cards_are_set_and_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spool = Spool(tmp_path)
    assert run(monkeypatch, tmp_path, "set", pin="271828") == 0
    assert run(monkeypatch, tmp_path, "set", "Dr  Sidi", pin="314159") == 0
    capsys.readouterr()
    assert run(monkeypatch, tmp_path, "card", "Dr Sidi") == 0
    code = capsys.readouterr().out.strip()
    known = pins.read(spool)
    assert known.opens("271828")
    assert (known.teacher("314159"), known.holder(code)) == ("Dr Sidi", "Dr Sidi")
    assert run(monkeypatch, tmp_path, "list") == 0
    assert capsys.readouterr().out == "IT screen: a PIN\nDr Sidi: a PIN and a card\n"
    assert run(monkeypatch, tmp_path, "remove", "Dr Sidi") == 0
    assert run(monkeypatch, tmp_path, "remove") == 0
    known = pins.read(spool)
    assert (known.teachers, known.it) == ({}, "")


@pytest.mark.parametrize(
    ("words", "pin", "said"),
    [
        (["set"], "123456", "guessed too easily"),
        (["set"], "12", "6 to 12 digits"),
        (["set", " "], "271828", "A name has"),
        (["card", "x" * 101], None, "A name has"),
        (["card", "Dr Ba", "--out", "card.txt"], None, "name a .png or an .svg"),
        (["remove", "Dr Ba"], None, "knows no teacher Dr Ba"),
    ],
)
def test_what_cannot_be_set_is_one_sentence_and_changes_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    words: list[str],
    pin: str | None,
    said: str,
) -> None:
    assert run(monkeypatch, tmp_path, *words, pin=pin) == 1
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert said in err
    assert not pins.file_of(Spool(tmp_path)).exists()


def test_a_folder_that_is_no_spool_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path / "nowhere", "list") == 1
    assert "--spool" in capsys.readouterr().err


def test_a_card_is_a_picture_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind, begins in (("png", b"\x89PNG"), ("svg", b"<?xml")):
        picture = tmp_path / f"card.{kind}"
        assert run(monkeypatch, tmp_path, "card", "Dr Sidi", "--out", str(picture)) == 0
        assert picture.read_bytes().startswith(begins)
    assert pins.read(Spool(tmp_path)).teachers["Dr Sidi"].card
    assert run(monkeypatch, tmp_path, "card", "Dr Ba", "--out", str(tmp_path / "nowhere" / "card.png")) == 1
    assert "Dr Ba" not in pins.read(Spool(tmp_path)).teachers


def test_two_different_pins_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = iter(["271828", "271829"])
    monkeypatch.setattr("appliance.pinning.getpass", lambda _prompt: next(typed))
    assert run(monkeypatch, tmp_path, "set") == 1
    assert "two different PINs" in capsys.readouterr().err
