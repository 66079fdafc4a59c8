"""What a camera says of itself, and what may be said of its password."""

from __future__ import annotations

import hashlib
import re

import pytest
from pydantic import ValidationError

from drivers.camera.rtsp import Driver, RtspConfig
from drivers.camera.rtsp_client import _authorization, video_codecs

PASSWORD = "p@ss:w/rd?é"


def config(**keys: object) -> RtspConfig:
    return RtspConfig.model_validate({"id": "front", "driver": "rtsp", "url": "rtsp://10.0.0.9:8554/a?b=1", **keys})


def test_a_difficult_password_reaches_the_camera_and_no_log() -> None:
    capture = Driver(config(user="ad min", password=PASSWORD)).capture()
    url = capture.input[-1]
    assert url == "rtsp://ad%20min:p%40ss%3Aw%2Frd%3F%C3%A9@10.0.0.9:8554/a?b=1"
    assert PASSWORD not in repr(capture)
    assert "p%40ss" not in repr(capture)
    assert PASSWORD not in repr(config(password=PASSWORD))
    assert capture.hide(f"{url}: 401") == "rtsp://ad%20min:…@10.0.0.9:8554/a?b=1: 401"


def test_a_login_in_the_address_is_used_and_hidden_too() -> None:
    capture = Driver(config(url="rtsp://admin:s%40fe@cam/1")).capture()
    assert capture.input[-1] == "rtsp://admin:s%40fe@cam/1"
    assert "s%40fe" not in capture.hide(capture.input[-1])


def test_the_stream_is_copied_and_only_its_picture_is_taken() -> None:
    capture = Driver(config(transport="udp", timeout=7.5)).capture()
    assert capture.copy
    assert capture.media == "video"
    options = dict(zip(capture.input[::2], capture.input[1::2], strict=True))
    assert options["-rtsp_transport"] == "udp"
    assert options["-timeout"] == "7500000"
    assert options["-allowed_media_types"] == "video"


@pytest.mark.parametrize("url", ["http://cam/1", "rtsp://", "cam", "rtsp://cam:99999/1", "rtsp://cam/a b"])
def test_what_is_no_rtsp_address_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match=r"must be an RTSP address|valid"):
        config(url=url)


def test_a_small_stream_is_there_only_if_it_was_named_and_has_the_same_login() -> None:
    assert Driver(config()).capture().lean == ()
    lean = Driver(config(user="a", password="b", substream="rtsp://10.0.0.9/small")).capture().lean
    assert lean[-1] == "rtsp://a:b@10.0.0.9/small"
    with pytest.raises(ValidationError, match="must be an RTSP address"):
        config(substream="small")


def test_codecs_of_the_picture_are_told_from_those_of_the_sound() -> None:
    sdp = (
        "v=0\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 H264/8000\r\n"
        "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\nm=video 0 RTP/AVP 26\r\n"
    )
    assert video_codecs(sdp) == ["H265", "JPEG"]
    assert video_codecs("not sdp at all") == []


def test_digest_answer_is_that_of_the_standard() -> None:
    """The example of RFC 2617, 3.5, with its own nonce count and no cnonce of ours to guess: checked by recomputing."""
    challenge = 'Digest realm="cam", qop="auth,auth-int", nonce="dcd98b", opaque="5ccc"'
    answer = _authorization(challenge, "DESCRIBE", "rtsp://cam/1", "Mufasa", "Circle")
    said = dict(re.findall(r'(\w+)="([^"]*)"', answer))

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    mine, theirs = md5("Mufasa:cam:Circle"), md5("DESCRIBE:rtsp://cam/1")
    assert said["response"] == md5(f"{mine}:dcd98b:00000001:{said['cnonce']}:auth:{theirs}")
    assert said["opaque"] == "5ccc"
    assert "Circle" not in answer


def test_a_login_of_an_unknown_kind_is_not_answered() -> None:
    assert _authorization("Bearer realm=x", "DESCRIBE", "rtsp://cam/1", "a", "b") == ""
