"""Silence as AAC packets of a given form, to fill the holes of a lesson's sound without re-encoding it."""

from __future__ import annotations

import av
import numpy as np

from media.probe import Form

FRAME = 1024
"""Samples in one AAC-LC packet."""
_AAC_LC = 2
_OBJECT_TYPE_BITS = 3


class NoSilence(Exception):
    """Sound of a form for which no matching silence can be made: says so in one sentence."""


def silent_packet(form: Form) -> bytes:
    """One AAC packet that decodes to silence wherever it stands in a stream of this form. Raises NoSilence.

    The AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1) of the silence is compared with the form's in its first two
    bytes: object type, rate, channels and frame length, all on which the decoding of an LC packet depends. What
    encoders append after them says only that there is no SBR.
    """
    if form.codec != "aac" or len(form.extra) < 2 or form.extra[0] >> _OBJECT_TYPE_BITS != _AAC_LC:
        raise NoSilence(
            f"There is no silence to fill its gaps with: the sound is {form.codec} of another kind than AAC-LC."
        )
    layout = {1: "mono", 2: "stereo"}.get(form.channels)
    if layout is None:
        raise NoSilence(f"There is no silence to fill its gaps with: the sound has {form.channels} channels.")
    encoder = av.AudioCodecContext.create("aac", "w")
    encoder.sample_rate, encoder.layout, encoder.format = form.rate, layout, "fltp"
    encoder.open()
    packet = b""
    # The first packets carry the encoder's name and its ramp; after them all are the same.
    for number in range(4):
        frame = av.AudioFrame.from_ndarray(np.zeros((form.channels, FRAME), np.float32), "fltp", layout)
        frame.sample_rate, frame.pts = form.rate, number * FRAME
        for made in encoder.encode(frame):
            packet = bytes(made)
    if bytes(encoder.extradata or b"")[:2] != form.extra[:2]:
        raise NoSilence("There is no silence to fill its gaps with: the sound's AAC is of another configuration.")
    return packet
