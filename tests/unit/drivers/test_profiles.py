"""A panel in the list must be spoken to in its vendor's own bytes; a mistake in somebody's profile must be found by its
author, not by a teacher."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.errors import Unsupported
from drivers.panel import model
from drivers.panel.profile import Driver, ProfileConfig
from drivers.panel.sim import Simulator
from drivers.panel.template import Template

EXAMPLES = [(name, number) for name in model.shipped() for number, _ in enumerate(model.load(name).example)]


def driver(name: str, address: int | None = None) -> Driver:
    return Driver(ProfileConfig(id="p", driver="profile", profile=name, port="/dev/ttyUSB0", address=address))


@pytest.mark.parametrize(("name", "number"), EXAMPLES)
def test_what_is_sent_and_understood_is_what_the_example_says(name: str, number: int) -> None:
    example = model.load(name).example[number]
    panel = driver(name, example.address)
    sent = panel.question(example.action) if example.set is None else panel.order(example.action, example.set)
    assert sent.hex(" ").upper() == example.sent
    if example.came:
        (body,) = panel.profile.framing().cut(bytearray.fromhex(example.came))
        if example.set is not None:
            assert panel.confirms(example.action, example.set, body)
        if example.says is not None:
            assert panel.reading(example.action, body) == str(example.says)


@pytest.mark.parametrize("name", model.shipped())
def test_every_profile_names_the_document_it_follows(name: str) -> None:
    profile = model.load(name)
    assert len(profile.document) > 10
    assert profile.models
    assert profile.example


@pytest.mark.parametrize("name", model.shipped())
def test_every_order_and_question_is_understood_by_a_device_of_the_same_protocol(name: str) -> None:
    panel = driver(name)
    device, framing = Simulator(panel.profile), panel.profile.framing()
    for action in sorted(panel.can):
        table = panel.profile.action(action)
        assert table is not None
        wishes: list[str | int] = [0, 5, 50, 100] if action == "volume" else [*table.values]
        for wish in wishes if table.set is not None else []:
            (body,) = framing.cut(bytearray(device.answer(panel.order(action, wish))))
            assert panel.confirms(action, wish, body)
            if table.get is not None:
                (body,) = framing.cut(bytearray(device.answer(panel.question(action))))
                said = panel.reading(action, body)
                assert said == str(wish) or (action == "volume" and abs(int(said or 999) - int(wish)) <= 4)
    if "hours" in panel.can:
        (body,) = framing.cut(bytearray(device.answer(panel.question("hours"))))
        assert panel.reading("hours", body) == "1234"


@pytest.mark.parametrize("name", model.shipped())
@settings(max_examples=30)
@given(noise=st.binary(max_size=60))
def test_noise_is_no_state(name: str, noise: bytes) -> None:
    """Whatever comes is an answer of the right form, or nothing; never an error of ours."""
    panel = driver(name)
    for body in panel.profile.framing().cut(bytearray(noise + noise)):
        assert panel.reading("power", body) in {None, "on", "off", "warming", "cooling"}


texts = st.sampled_from(["a{value:02x}", "v={value:d}", "{value:03d}!", "n{value:x}", "x{value:4X}"])


@given(words=texts, number=st.integers(0, 255))
def test_a_number_written_is_the_number_read(words: str, number: int) -> None:
    template = Template.parse(words, "text")
    raw = template.match(b"\x00\xff" + template.encode({"value": number}), {})
    assert raw is not None
    assert template.number(raw) == number


@given(number=st.integers(0, 65535))
def test_a_number_in_two_bytes_is_the_number_read(number: int) -> None:
    template = Template.parse("0F {value:2}", "hex")
    raw = template.match(template.encode({"value": number}), {})
    assert raw is not None
    assert template.number(raw) == number


# -- mistakes

GOOD = """
title = "Acme"
document = "Acme RS-232 guide"
models = ["A1"]
notation = "text"

[send]
end = "\\r"

[receive]
framing = "end"
end = "\\r"

[power]
set = "PWR {value}"
reply = "PWR {value}"
get = "PWR ?"
values = { on = "1", off = "0" }

[[example]]
action = "power"
set = "on"
sent = "50 57 52 20 31 0D"
"""


def test_a_profile_of_one_s_own_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "acme.toml").write_text(GOOD)
    panel = driver(str(tmp_path / "acme.toml"))
    assert panel.can == {"power"}
    assert panel.order("power", "on") == b"PWR 1\r"
    with pytest.raises(Unsupported, match="offers no volume"):
        panel.order("volume", 50)
    with pytest.raises(Unsupported, match="there are: on, off"):
        panel.order("power", "half")


@pytest.mark.parametrize(
    ("right", "wrong", "line", "key", "said"),
    [
        ('framing = "end"', 'framing = "ned"', 11, "receive.framing", "end"),
        ("[send]", "[sned]", 7, "sned", 'did you mean "send"'),
        ('end = "\\r"\n\n[rec', 'ends = "\\r"\n\n[rec', 8, "send.ends", 'did you mean "end"'),
        ('set = "PWR {value}"', 'set = "PWR {valeu}"', 15, "power.set", "{valeu} is no gap"),
        ('set = "PWR {value}"', 'set = "PWR {value:zz}"', 15, "power.set", '"zz" is no way'),
        ('reply = "PWR {value}"', 'reply = "PWR"', 16, "power.reply", "needs {value}"),
        ('get = "PWR ?"', 'get = "PWR {value}"', 17, "power.get", "no value"),
        ('off = "0"', 'of = "0"', 18, "power.values", '"on" and "off"'),
        ('notation = "text"', 'notation = "hex"', 15, "power.set", "hexadecimal"),
        ('title = "Acme"', "title = 3", 2, "title", "string"),
        ('[[example]]\naction = "power"', '[[example]]\naction = "pwr"', 21, "example.0.action", "input"),
        ("[power]", "[power]\ntimeout_ms = 1", 15, "power.timeout_ms", "50"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_key(right: str, wrong: str, line: int, key: str, said: str) -> None:
    assert right in GOOD
    with pytest.raises(Unsupported) as caught:
        model.parse(GOOD.replace(right, wrong, 1), "acme.toml")
    assert caught.value.code == "profile-mistake"
    assert f"line {line}, {key}: " in caught.value.detail
    assert said in caught.value.detail


def test_what_is_no_toml_is_named_with_its_line() -> None:
    with pytest.raises(Unsupported, match=re.compile("line 3")):
        model.parse('title = "Acme"\n\nthis is no TOML\n', "acme.toml")


def test_an_unknown_profile_gets_a_hint(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match='Did you mean "samsung-mdc"'):
        driver("samsung")
    with pytest.raises(Unsupported, match="cannot be read"):
        driver(str(tmp_path / "none.toml"))


def test_a_panel_is_somewhere_and_in_one_place() -> None:
    for place in ({}, {"port": "/dev/ttyS0", "host": "10.0.0.1"}):
        with pytest.raises(ValueError, match="either"):
            ProfileConfig(id="p", driver="profile", profile="lg", **place)
    with pytest.raises(Unsupported, match="tcp_port"):
        Driver(ProfileConfig(id="p", driver="profile", profile="smart", host="10.0.0.1"))
    with pytest.raises(Unsupported, match="1 to 26"):
        driver("nec", 90)
