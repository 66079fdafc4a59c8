"""A thousand rooms come from one sheet; a mistake told at a time costs a day, and a half-made fleet costs a week."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lms_server.errors import BadRequest
from provisioning import fleet
from provisioning.cli import app
from provisioning.layers import Profiles

HEAD = (
    "name,profile,institution,language,server,camera.teacher.url,recorder.height,camera.slides,"
    "microphone.lectern.channel"
)


def row(number: int, **cells: str) -> str:
    usual = {
        "name": f"Room {number}",
        "profile": "lecture-hall",
        "institution": "ENS",
        "language": "fr",
        "server": "https://lessons.example.org",
        "camera.teacher.url": f"rtsp://10.0.{number // 250}.{number % 250}/1",
        "recorder.height": "",
        "camera.slides": "",
        "microphone.lectern.channel": "",
    }
    return ",".join({**usual, **{key.replace("__", "."): value for key, value in cells.items()}}.values())


def sheet(*rows: str) -> bytes:
    return "\n".join([HEAD, *rows, ""]).encode()


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def tree(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


MISTAKES = {
    7: ({"profile": "lecture-hal"}, "column 2 (profile)"),
    31: ({"name": ""}, "column 1 (name)"),
    64: ({"language": "de"}, "column 4 (language)"),
    99: ({"server": "lessons.example.org"}, "column 5 (server)"),
    123: ({"camera__teacher__url": "http://10.0.0.9/1"}, "column 6 (camera.teacher.url)"),
    150: ({"camera__teacher__url": ""}, "column 6 (camera.teacher.url)"),
    222: ({"recorder__height": "tall"}, "column 7 (recorder.height)"),
    301: ({"recorder__height": "99999"}, "column 7 (recorder.height)"),
    333: ({"camera__slides": "perhaps"}, "column 8 (camera.slides)"),
    404: ({"microphone__lectern__channel": "left"}, "column 9 (microphone.lectern.channel)"),
    450: ({"name": "Room 449"}, "column 1 (name)"),
    499: ({"camera__teacher__url": "rtsp://10.0.0.1/1"}, "column 6 (camera.teacher.url)"),
}
"""By the number of the room, which stands in the line after it: what is wrong, and where."""


def test_twelve_mistakes_among_500_rooms_are_all_named_in_one_run_and_nothing_is_written(tmp_path: Path) -> None:
    rows = [row(number, **MISTAKES.get(number, ({}, ""))[0]) for number in range(1, 501)]
    (tmp_path / "rooms.csv").write_bytes(sheet(*rows))
    done = run("fleet", tmp_path / "rooms.csv", "--out", tmp_path / "rooms")
    told = done.stderr.splitlines()
    assert done.exit_code == 1
    wanted = [f"Line {number + 1}, {column}" for number, (_, column) in MISTAKES.items()]
    assert [line.partition(":")[0] for line in told] == [*wanted, "Nothing was written."]
    assert [file.name for file in tmp_path.iterdir()] == ["rooms.csv"]


def test_a_fleet_is_made_whole_and_replaces_the_one_before(tmp_path: Path) -> None:
    file, out = tmp_path / "rooms.csv", tmp_path / "rooms"
    file.write_bytes(sheet(row(1, recorder__height="1080"), row(2, camera__slides="no"), row(3)))
    assert run("fleet", file, "--out", out).exit_code == 0
    assert sorted(tree(out)) == ["ens/room-1.toml", "ens/room-2.toml", "ens/room-3.toml"]
    first = tomllib.loads((out / "ens/room-1.toml").read_text())
    assert first["recorder"]["height"] == 1080
    assert first["room"] == {"name": "Room 1", "institution": "ENS", "language": "fr", "profile": "lecture-hall"}
    second = tomllib.loads((out / "ens/room-2.toml").read_text())
    assert [camera["id"] for camera in second["camera"]] == ["teacher"]
    file.write_bytes(sheet(row(1)))
    assert run("fleet", file, "--out", out).exit_code == 0
    assert sorted(tree(out)) == ["ens/room-1.toml"]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["rooms", "rooms.csv"]


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.odt").write_text("years of work")
    (tmp_path / "rooms.csv").write_bytes(sheet(row(1)))
    done = run("fleet", tmp_path / "rooms.csv", "--out", tmp_path)
    assert done.exit_code == 1
    assert "give the fleet a folder of its own" in done.stderr
    assert sorted(tree(tmp_path)) == ["rooms.csv", "thesis.odt"]


ARABIC = "name{0}profile{0}institution\nقاعة المحاضرات{0}seminar-room{0}جامعة نواكشوط\n"


@pytest.mark.parametrize("sign", [",", ";", "\t"])
@pytest.mark.parametrize(
    ("encoding", "said"),
    [("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8"), ("windows-1256", "Windows-1256 (Arabic)"), ("utf-16", "UTF-16")],
)
def test_a_sheet_is_read_as_excel_saves_it_and_says_how(encoding: str, said: str, sign: str) -> None:
    made = fleet.made(ARABIC.format(sign).encode(encoding), Profiles())
    assert made.sheet.encoding == said
    assert made.rooms[0].room["room"]["name"] == "قاعة المحاضرات"
    assert str(made.rooms[0].file) == "جامعة-نواكشوط/قاعة-المحاضرات.toml"


def test_a_french_sheet_is_not_taken_for_an_arabic_one() -> None:
    text = "name,profile\nÉcole supérieure,seminar-room\n".encode("windows-1252")
    with pytest.raises(BadRequest, match=r"Line 2 is not in UTF-8.*windows-1252 for French"):
        fleet.made(text, Profiles())
    made = fleet.made(text, Profiles(), encoding="windows-1252")
    assert made.rooms[0].room["room"]["name"] == "École supérieure"


@pytest.mark.parametrize("beginning", [b"PK\x03\x04\x14\x00", b"\xd0\xcf\x11\xe0\xa1\xb1"])
def test_a_workbook_is_told_from_a_sheet(beginning: bytes) -> None:
    with pytest.raises(BadRequest, match="save it as CSV"):
        fleet.made(beginning + bytes(range(256)) * 8, Profiles())


def test_a_password_in_a_sheet_is_a_mistake_and_is_not_repeated() -> None:
    text = "name,profile,camera.teacher.url,camera.teacher.password\nA,lecture-hall,rtsp://u:hunter2@c/1,hunter2\n"
    with pytest.raises(BadRequest) as refused:
        fleet.made(text.encode(), Profiles())
    told = refused.value.detail
    assert "Line 2, column 3 (camera.teacher.url)" in told
    assert "Line 2, column 4 (camera.teacher.password)" in told
    assert "hunter2" not in told


def test_a_column_that_is_none_is_named_with_what_was_meant() -> None:
    with pytest.raises(BadRequest, match=r"Line 1, column 2 \(langauge\): .*did you mean \"language\""):
        fleet.made(b"name,langauge\nA,fr\n", Profiles())


def test_a_diff_says_what_a_run_would_change_and_hides_passwords(tmp_path: Path) -> None:
    file, out = tmp_path / "rooms.csv", tmp_path / "rooms"
    file.write_bytes(sheet(row(1), row(2)))
    run("fleet", file, "--out", out)
    assert run("diff", file, out).stdout == "Nothing differs.\n"
    edited = (out / "ens/room-1.toml").read_text().replace("[[microphone]]", "[[microphone]]\ngain_db = 6")
    (out / "ens/room-1.toml").write_text(edited.replace('driver = "rtsp"', 'driver = "rtsp"\npassword = "hunter2"'))
    file.write_bytes(sheet(row(1, recorder__height="1080"), row(3)))
    done = run("diff", file, out)
    assert done.stdout.splitlines() == [
        "ens/room-1.toml",
        '  - camera.teacher.password = "********"',
        "  - microphone.lectern.gain_db = 6",
        "  + recorder.height = 1080",
        "ens/room-2.toml goes",
        "ens/room-3.toml is new",
        "3 of 3 differ.",
    ]


def test_a_room_is_compared_with_its_profile_and_shown_whole(tmp_path: Path) -> None:
    short = tmp_path / "amphi.toml"
    short.write_text('profile = "seminar-room"\n[room]\nname = "Amphi"\n[recorder]\nheight = 480\n')
    lines = run("diff", short).stdout.splitlines()
    assert "  + recorder.height = 480" in lines
    whole = tomllib.loads(run("show", short).stdout)
    assert [camera["id"] for camera in whole["camera"]] == ["room"]
    everything = tomllib.loads(run("show", short, "--dump-config").stdout)
    assert everything["recorder"]["fps"] == 25
    assert run("show", short, "--out", tmp_path / "room.toml").exit_code == 0
    assert run("diff", tmp_path / "room.toml").stdout.splitlines() == lines_for("room.toml", lines, tmp_path)


def lines_for(name: str, lines: list[str], folder: Path) -> list[str]:
    return [str(folder / name), *lines[1:]]


def test_show_keeps_secrets_off_the_screen_and_out_of_what_it_writes(tmp_path: Path) -> None:
    short = tmp_path / "amphi.toml"
    short.write_text('profile = "lecture-hall"\n[[camera]]\nid = "teacher"\nurl = "rtsp://c/1"\npassword = "hunter2"\n')
    for words in (["show", short], ["show", short, "--dump-config"]):
        done = run(*words)
        assert done.exit_code == 0
        assert "hunter2" not in done.output
    refused = run("show", short, "--out", tmp_path / "room.toml")
    assert refused.exit_code == 1
    assert "Nothing was written." in refused.stderr
    assert not (tmp_path / "room.toml").exists()
