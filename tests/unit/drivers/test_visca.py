"""A camera must be sent the bytes of Sony's command list, and nothing that a line invents may be taken for its word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ptz import visca_codec as visca
from drivers.ptz.sim import Camera, IpCamera, Row

speeds = st.floats(-1, 1)


@pytest.mark.parametrize(
    ("words", "bytes_"),
    [
        (visca.HOME, "81 01 06 04 FF"),
        (visca.recall(2), "81 01 04 3F 02 02 FF"),
        (visca.store(5), "81 01 04 3F 01 05 FF"),
        (visca.drive(-1, 0), "81 01 06 01 18 01 01 03 FF"),
        (visca.drive(1, 1), "81 01 06 01 18 14 02 01 FF"),
        (visca.drive(0, -0.5), "81 01 06 01 01 0A 03 02 FF"),
        (visca.DRIVE_STOP, "81 01 06 01 18 14 03 03 FF"),
        (visca.zoom(1), "81 01 04 07 27 FF"),
        (visca.zoom(-1), "81 01 04 07 37 FF"),
        (visca.ZOOM_STOP, "81 01 04 07 00 FF"),
        (visca.POWER_INQUIRY, "81 09 04 00 FF"),
        (visca.PAN_TILT_INQUIRY, "81 09 06 12 FF"),
        (visca.ZOOM_INQUIRY, "81 09 04 47 FF"),
    ],
)
def test_commands_are_those_of_the_list(words: bytes, bytes_: str) -> None:
    assert visca.to_camera(1, words) == bytes.fromhex(bytes_)


@pytest.mark.parametrize(
    ("bytes_", "said"),
    [
        ("90 41", visca.Reply("ack", 1)),
        ("90 51", visca.Reply("completion", 1)),
        ("90 50 02", visca.Reply("completion", 0, b"\x02")),
        ("90 60 02", visca.Reply("error", 0, error="syntax")),
        ("90 61 41", visca.Reply("error", 1, error="not-now")),
        ("90 62 04", visca.Reply("error", 2, error="cancelled")),
        ("F7 00 90 41", visca.Reply("ack", 1)),
        ("A0 41", None),
        ("81 01 06 04", None),
        ("90", None),
        ("", None),
    ],
)
def test_replies_are_those_of_the_list(bytes_: str, said: visca.Reply | None) -> None:
    assert visca.reply(bytes.fromhex(bytes_), 1) == said


@given(pan=speeds, tilt=speeds, near=speeds, number=st.integers(0, 127))
def test_no_command_holds_the_sign_that_ends_it(pan: float, tilt: float, near: float, number: int) -> None:
    for words in (visca.drive(pan, tilt), visca.zoom(near), visca.recall(number), visca.store(number)):
        assert max(words) < 0x80
        assert visca.FRAMING.cut(bytearray(visca.to_camera(7, words))) == [b"\x87" + words]


@given(number=st.integers(-0x8000, 0x7FFF))
def test_a_position_read_is_the_position_written(number: int) -> None:
    assert visca.signed(visca.nibbles(visca.in_nibbles(number))) == number


@given(
    kind=st.sampled_from([visca.COMMAND, visca.INQUIRY, visca.REPLY, visca.CONTROL]),
    sequence=st.integers(0, 2**32 - 1),
    payload=st.binary(max_size=16),
    cut=st.integers(0, 30),
)
def test_a_packet_arrives_whole_or_not_at_all(kind: int, sequence: int, payload: bytes, cut: int) -> None:
    packet = visca.Packet(kind, sequence, payload)
    assert visca.packet(bytes(packet)) == packet
    torn = bytes(packet)[:cut]
    assert visca.packet(torn) in {None, packet}


@given(noise=st.binary(max_size=80))
def test_noise_upsets_neither_side(noise: bytes) -> None:
    visca.reply(noise, 1)
    Row([Camera()]).answer(noise)
    IpCamera(Camera()).answers(noise)


def test_a_camera_turns_while_it_is_told_to() -> None:
    now = [0.0]
    camera = Camera(lambda: now[0])
    camera.said(visca.drive(1, -1))
    now[0] = 1.0
    camera.said(visca.DRIVE_STOP)
    now[0] = 9.0
    camera.said(visca.POWER_INQUIRY)
    assert (camera.pan, camera.tilt) == (1000, -1000)
