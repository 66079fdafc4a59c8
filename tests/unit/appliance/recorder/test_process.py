"""If these fail, bytes of a capture are lost or doubled on their way out of the pipe."""

from __future__ import annotations

import os
import threading

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.recorder.process import Bursts


@settings(max_examples=40, deadline=None)
@given(
    pieces=st.lists(st.binary(min_size=1, max_size=5000), max_size=6), sizes=st.lists(st.integers(1, 6000), max_size=9)
)
def test_what_went_into_the_pipe_comes_out_once_and_in_order(pieces: list[bytes], sizes: list[int]) -> None:
    out, into = os.pipe()

    def write() -> None:
        for piece in pieces:
            os.write(into, piece)
        os.close(into)

    writer = threading.Thread(target=write)
    writer.start()
    bursts = Bursts(out, lambda: None)
    whole = b"".join(pieces)
    at = 0
    for size in [*sizes, len(whole) + 1]:
        data = bursts.read(size)
        assert data == whole[at : at + size]
        at += len(data)
    writer.join()
    os.close(out)
    assert at == len(whole)
