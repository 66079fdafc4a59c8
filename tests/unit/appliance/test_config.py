"""A room.toml with a mistake must be put right in one go, by whoever has only the sentence to go by."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.config import listening, load, parse
from appliance.dumping import MASK
from appliance.errors import ConfigError


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        parse(text)
    return refused.value.detail.splitlines()


def test_an_empty_file_is_a_room() -> None:
    room = parse("")
    assert (room.room.language, room.server.url, room.devices) == ("en", None, ())
    assert room.tables.api.port == 8400


def test_devices_keep_the_order_of_preference_and_their_own_keys() -> None:
    room = parse("""
        [room]
        name = "Amphi A"
        [[camera]]
        id = "front"
        driver = "rtsp"
        url = "rtsp://camera/1"
        label = "Front camera"
        [[camera]]
        id = "board"
        driver = "sim"
        [[microphone]]
        driver = "sim"
    """)
    assert [device.id for device in room.sources] == ["front", "board", "microphone-1"]
    assert room.devices[0].label == "Front camera"
    assert room.devices[1].label == "board"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[rooms]\nname = "A"', 'room.toml has the unknown table [rooms] (did you mean "room"?).'),
        ('[room]\nnmae = "A"', '[room]: unknown key "nmae" (did you mean "name"?).'),
        ("[room]\nname = 5", '[room]: "name" must be text in quotes, not 5.'),
        ('[room]\nlanguage = "de"', "[room]: \"language\" must be 'en', 'fr', 'ar', 'ur' or 'zh', not \"de\"."),
        ('[recorder]\nheight = "720"', '[recorder]: "height" must be a whole number, not "720".'),
        ("[recorder]\nheight = true", '[recorder]: "height" must be a whole number, not true.'),
        ("[recorder]\nfragment_seconds = 2", '[recorder]: "fragment_seconds" must be at most 0.5, not 2.'),
        ('[disk]\nwarn_hours = "x"', '[disk]: "warn_hours" must be a number, not "x".'),
        ("[timetable]\nfollows = true", '[timetable]: unknown key "follows" (did you mean "follow"?).'),
        (
            '[timetable]\nfile = "table.ics"',
            '[timetable]: "file" must be a whole path, such as "/etc/darsbox/timetable.ics".',
        ),
        ("room = 1", "[room] must be a table, a line [room] with its keys below it."),
        ('[server]\nurl = "lessons"', '[server]: "url" must be a web address such as "https://lessons.example.org".'),
        (
            '[api]\nhost = "0.0.0.0"',
            "[api]: \"host\" must be this machine's own, such as 127.0.0.1: the panel's API is not for the network.",
        ),
        (
            '[camera]\nid = "a"',
            "[camera] must be written with two brackets, [[camera]], once for each camera.",
        ),
        ('[[camera]]\nid = "a"', '[[camera]] number 1 ("a"): the key "driver" is missing.'),
        ("[[camera]]\ndriver = 1", '[[camera]] number 1 ("camera-1"): "driver" must be text in quotes, not 1.'),
        (
            '[[camera]]\nid = "a"\ndriver = "rtsp"\nurll = "rtsp://x/1"\nurl = "rtsp://x/1"',
            '[[camera]] number 1 ("a"): unknown key "urll" (did you mean "url"?).',
        ),
        ('[[camera]]\nid = "a"\ndriver = "rtsp"', '[[camera]] number 1 ("a"): the key "url" is missing.'),
        (
            '[[camera]]\nid = "receipts"\ndriver = "sim"',
            '[[camera]] number 1 ("receipts"): the id "receipts" is taken by a folder of every lesson; choose another.',
        ),
        (
            '[[camera]]\nid = "a"\ndriver = "sim"\n[[microphone]]\nid = "a"\ndriver = "sim"',
            '[[microphone]]: the id "a" is used twice; every device needs its own.',
        ),
    ],
)
def test_a_mistake_is_one_plain_sentence_with_its_place(text: str, sentence: str) -> None:
    assert mistakes(text) == [sentence]


@pytest.mark.parametrize("name", ['"../etc"', '"a b"', '""', '"-a"', '"a/b"', "5", f'"{"x" * 41}"', '"é"'])
def test_an_id_that_is_no_plain_name_never_becomes_a_folder(name: str) -> None:
    (sentence,) = mistakes(f'[[camera]]\nid = {name}\ndriver = "sim"')
    assert "is no plain name" in sentence


def test_all_mistakes_are_told_at_once() -> None:
    said = mistakes('[room]\nnmae = "A"\nlanguage = 1\n[[camera]]\nid = "a"\n[[camera]]\nid = "b c"\ndriver = "sim"')
    assert len(said) == 4


def test_no_toml_is_said_with_its_line() -> None:
    (sentence,) = mistakes('[room\nname = "A"')
    assert "line 1" in sentence


def test_a_device_without_a_driver_costs_only_itself() -> None:
    room = parse('[[panel]]\nid = "p"\ndriver = "telepathy"\n[[camera]]\nid = "c"\ndriver = "rtps"\nurl = "x"')
    camera, panel = room.devices
    assert panel.problem is not None
    assert camera.problem is not None
    assert "rtsp" in camera.problem.detail


def test_a_missing_file_a_folder_and_garbage_are_refused(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "huge").write_bytes(b"#" * (1 << 20) + b"#")
    for name, word in (("nothing", "no file"), (".", "cannot be read"), ("binary", "UTF-8"), ("huge", "1 MiB")):
        with pytest.raises(ConfigError, match=word):
            load(tmp_path / name)


def test_the_dump_is_what_is_in_force_without_secrets() -> None:
    camera = '[[camera]]\nid = "c"\ndriver = "rtsp"\nurl = "rtsp://admin:geheim@camera/1"\n'
    room = parse(camera + '[room]\nname = "Salle \\"A\\""')
    dump = room.dump()
    assert "geheim" not in dump
    assert f"rtsp://{MASK}@camera/1" in dump
    again = parse(dump)
    assert again.tables == room.tables


def test_the_command_line_has_the_last_word_on_the_address() -> None:
    table = parse("").tables.api
    assert listening(table, None, 0).port == 0
    assert listening(table, "localhost", None).host == "localhost"
    with pytest.raises(ConfigError, match="this machine's own"):
        listening(table, "192.168.1.4", None)
