"""What a take's file holds: its codec, and its packets as they lie in it. Reads through PyAV, decodes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Stream

Media = Literal["video", "audio"]
Packet: TypeAlias = "av.Packet[Any]"
Timed = tuple[float, float, Packet]
"""When a packet is shown or heard and when it is decoded, in seconds of media time, and itself."""

_HOLDS: dict[Media, str] = {"video": "pictures", "audio": "sound"}


class Unreadable(Exception):
    """A take whose file is missing or damaged: says so in one sentence."""


@dataclass(frozen=True, slots=True)
class Form:
    """What must be the same in two takes before they can share a track.

    extra: the codec's own configuration, avcC for H.264 (its SPS and PPS), AudioSpecificConfig for AAC. Width and
    height in pixels, rate in samples a second; what does not apply is 0.
    """

    codec: str
    width: int = 0
    height: int = 0
    rate: int = 0
    channels: int = 0
    extra: bytes = b""


@contextmanager
def opened(path: Path, media: Media) -> Iterator[tuple[Stream, Iterator[Timed]]]:
    """A take's one stream of pictures or sound, and its packets in decoding order.

    Raises Unreadable, also out of the packets, where the file breaks off.
    """
    try:
        # The format is named, so that no file a stranger sent is taken for a playlist of other files.
        container = av.open(f"file:{path}", "r", format="mp4")
    except (FFmpegError, OSError) as error:
        raise Unreadable(f"{path.name} cannot be read as a recording ({_plain(error)}).") from error
    with container:
        stream = next((stream for stream in container.streams if stream.type == media), None)
        if stream is None:
            raise Unreadable(f"{path.name} holds no {_HOLDS[media]}.")
        yield stream, _packets(container, stream, path)


def form_of(path: Path, media: Media) -> Form:
    """Raises Unreadable; also when the file has a header but not one packet."""
    with opened(path, media) as (stream, packets):
        if not isinstance(stream, av.VideoStream | av.AudioStream) or next(packets, None) is None:
            raise Unreadable(f"{path.name} holds no {_HOLDS[media]}.")
        context = stream.codec_context
        extra = bytes(context.extradata or b"")
        if isinstance(stream, av.AudioStream):
            return Form(context.name, rate=stream.sample_rate, channels=stream.layout.nb_channels, extra=extra)
        return Form(context.name, width=stream.width, height=stream.height, extra=extra)


def _packets(container: InputContainer, stream: Stream, path: Path) -> Iterator[Timed]:
    base = float(stream.time_base or 0)
    try:
        for packet in container.demux(stream):
            if packet.pts is None or packet.dts is None:
                continue  # the empty packet that ends the stream
            if packet.is_corrupt:
                raise Unreadable(f"{path.name} breaks off in the middle.")
            yield packet.pts * base, packet.dts * base, packet
    except FFmpegError as error:
        raise Unreadable(f"{path.name} breaks off in the middle ({_plain(error)}).") from error


def _plain(error: FFmpegError | OSError) -> str:
    return (error.strerror or str(error)).strip().rstrip(".").lower()
