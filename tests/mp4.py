"""Hand-made fragmented MP4, box by box, so that unit tests need no FFmpeg."""

from __future__ import annotations

import struct


def box(kind: bytes, *payload: bytes) -> bytes:
    body = b"".join(payload)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def header(
    *, timescale: int = 15360, start: int = 0, tracks: int = 1, sound: bool = False, h265: bool = False
) -> bytes:
    """ftyp and moov of a take; 640×360 H.264 or H.265, or mono AAC."""
    mdhd = box(b"mdhd", struct.pack(">IIIIIHH", 0, 0, 0, timescale, 0, 0, 0))
    if sound:
        entry = box(b"mp4a", bytes(16), struct.pack(">HHHH", 1, 16, 0, 0), struct.pack(">I", timescale << 16))
    else:
        avcc = box(b"avcC", bytes([1, 0x64, 0x00, 0x1E, 0xFF]))
        hvcc = box(b"hvcC", bytes([1, 1, 0x60, 0, 0, 0, *bytes(6), 93, *bytes(8), 0xFF, 0]))
        form = bytes(24), struct.pack(">HH", 640, 360), bytes(50)
        entry = box(b"hev1", *form, hvcc) if h265 else box(b"avc1", *form, avcc)
    stsd = box(b"stsd", struct.pack(">II", 0, 1), entry)
    mdia = box(b"mdia", mdhd, box(b"minf", box(b"stbl", stsd)))
    edts = box(b"edts", box(b"elst", struct.pack(">IIIiI", 0, 1, 0, start, 0x10000)))
    trak = box(b"trak", edts, mdia)
    trex = box(b"mvex", box(b"trex", struct.pack(">IIIIII", 0, 1, 1, 0, 0, 0)))
    return box(b"ftyp", b"iso5") + box(b"moov", *([trak] * tracks), trex)


def fragment(begin: int, *, samples: int = 8, duration: int = 512, key: bool = False, payload: bytes = b"") -> bytes:
    """moof and mdat; begin and duration in the track's units."""
    tfhd = box(b"tfhd", struct.pack(">III", 0x020028, 1, duration) + struct.pack(">I", 0x01010000))
    tfdt = box(b"tfdt", struct.pack(">IQ", 0x01000000, begin))
    first = 0x02000000 if key else 0x01010000
    trun = box(b"trun", struct.pack(">IIiI", 0x000005, samples, 0, first))
    return box(b"moof", box(b"traf", tfhd, tfdt, trun)) + box(b"mdat", payload or bytes(range(samples)) * 32)
