"""What is carried to a room must be readable there, whoever carried it and by whatever."""

from __future__ import annotations

import io
from dataclasses import replace

import cv2
import numpy as np
import pytest
import segno

from lms_sync.wire.slip import BadSlip, Slip, file_name

SLIP = Slip("https://lessons.example.org", "7QK2M-9XDR4", "قاعة 1", "ENS", "rCLfGpvVaowxrf4D5eZ1BaAg", 1_795_953_668.0)


def test_what_is_written_is_read_again() -> None:
    assert Slip.read(SLIP.text().encode()) == SLIP
    assert Slip.read(b"\xef\xbb\xbf" + SLIP.text().encode() + b"\r\n") == SLIP  # an editor of Windows was at it


def test_another_programs_reader_reads_the_qr_code() -> None:
    picture = io.BytesIO()
    latin = replace(SLIP, room="Amphi A")
    segno.make(latin.text(), error="m").save(picture, kind="png", scale=6, border=4)
    pixels = cv2.imdecode(np.frombuffer(picture.getvalue(), np.uint8), cv2.IMREAD_GRAYSCALE)
    text, _, _ = cv2.QRCodeDetector().detectAndDecode(pixels)
    assert Slip.read(text.encode()) == latin


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[1]",
        b"\xff\xfe",
        b'{"darsbox-enrolment":2}',
        b'{"darsbox-enrolment":1,"server":"x"}',
        SLIP.text().replace('"ENS"', "5").encode(),
        SLIP.text().replace("1795953668", '"soon"').encode(),
        SLIP.text().encode() + b" " * 5000,
        b"[" * 3000,
    ],
)
def test_what_is_none_is_refused_in_a_sentence(data: bytes) -> None:
    with pytest.raises(BadSlip, match="make a new one on the server"):
        Slip.read(data)


def test_names_of_every_script_become_names_of_files() -> None:
    assert file_name("Amphi A / Bât. 2") == "amphi-a-bât-2"
    assert file_name("قاعة 1") == "قاعة-1"
    assert file_name("../..") == ""
    assert len(file_name("ق" * 200).encode()) <= 80
