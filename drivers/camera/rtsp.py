"""An IP camera over RTSP (RFC 2326), recorded as it comes: its H.264 or H.265 is copied, never encoded again.

Only the picture is taken; the room has its own microphones.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from pydantic import AfterValidator, Field

from drivers.camera.rtsp_client import Refused, Unreachable, describe, video_codecs
from drivers.errors import AuthFailed, NotReady, Unsupported
from drivers.manifest import DriverManifest
from drivers.protocols import Capture, DriverConfig, Media

CHECK_SECONDS = 4.5

MANIFEST = DriverManifest(
    kind="camera",
    name="rtsp",
    title="IP camera (RTSP, H.264 or H.265)",
    capabilities=frozenset({"copy"}),
    needs=("a camera that sends H.264 or H.265 over RTSP, reachable from the room PC",),
    tested_with=("GStreamer 1.22 RTSP server",),
    transports=("TCP", "UDP"),
)


CODECS = ("H264", "H265")


def _substream(url: str) -> str:
    return _rtsp_url(url) if url else url


def _rtsp_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"rtsp", "rtsps"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or any(sign.isspace() for sign in url):
        raise ValueError('must be an RTSP address such as "rtsp://192.168.1.20/stream1"')
    return url


class RtspConfig(DriverConfig):
    """user and password may stand here, as they are, or in the address, percent-encoded."""

    url: Annotated[str, AfterValidator(_rtsp_url)]
    user: str = ""
    password: str = Field("", repr=False)
    transport: Literal["tcp", "udp"] = "tcp"
    """tcp loses nothing and passes firewalls; udp only for cameras that know nothing else."""
    av_offset_ms: float = 40.0
    """What FFmpeg itself takes at 25 pictures a second: its parser gives a picture on when the next one has begun. A
    camera's own delay comes on top of that; whoever has measured both writes their sum."""
    substream: Annotated[str, AfterValidator(_substream)] = ""
    """The camera's smaller stream, recorded instead of ``url`` when the disk runs short; the login is the same."""
    timeout: float = Field(5.0, ge=1, le=60)
    """Seconds without a byte after which FFmpeg gives the camera up."""


Config = RtspConfig


@dataclass(frozen=True)
class Driver:
    """See ``drivers.protocols.Source``."""

    config: RtspConfig
    Config: ClassVar[type[DriverConfig]] = RtspConfig
    media: ClassVar[Media] = "video"

    def capture(self) -> Capture:
        config = self.config
        user, password = self._login()
        encoded = quote(password, safe="")
        return Capture(
            media="video",
            input=self._input(_with_login(config.url, user, password)),
            copy=True,
            lean=self._input(_with_login(config.substream, user, password)) if config.substream else (),
            secrets=tuple(sorted({encoded, password} - {""}, key=len, reverse=True)),
        )

    def _input(self, address: str) -> tuple[str, ...]:
        config = self.config
        return (
            *("-rtsp_transport", config.transport, "-timeout", str(round(config.timeout * 1_000_000))),
            # The first bytes come fast: without -fpsprobesize 0 FFmpeg watches the camera for a second to learn its
            # frame rate, which a copy does not need. It still waits for the parameter sets, up to ten seconds, for
            # cameras that send them only before a keyframe. Never add -fflags nobuffer: it throws away what was
            # read meanwhile, which is the first keyframe.
            *("-analyzeduration", "10000000", "-fpsprobesize", "0"),
            *("-allowed_media_types", "video"),
            *("-i", address),
        )

    async def check(self) -> None:
        """An RTSP handshake up to the stream's description; the camera is not made to play."""
        config = self.config
        where = _with_login(config.url, "", "")
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                sdp = await describe(where, *self._login())
        except (TimeoutError, Unreachable) as error:
            raise NotReady(
                "camera-unreachable",
                f"The camera at {where} does not answer; check its power, its cable and the address.",
                url=where,
            ) from error
        except Refused as error:
            if error.status in {401, 403}:
                raise AuthFailed(
                    "camera-login", f"The camera at {where} refuses the login; check user and password.", url=where
                ) from error
            if error.status == 404:
                raise Unsupported(
                    "camera-no-stream",
                    f"The camera has no stream at {where}; check the path in the address.",
                    url=where,
                ) from error
            raise NotReady(
                "camera-refuses", f"The camera at {where} answers {error.status} {error.reason}; restart it.", url=where
            ) from error
        codecs = video_codecs(sdp)
        if not set(CODECS) & set(codecs):
            seen = ", ".join(codecs) or "no picture"
            raise Unsupported(
                "camera-codec",
                f"The camera at {where} sends {seen}, which cannot be recorded; set its stream to H.264 or H.265.",
                url=where,
                codec=seen,
            )

    def _login(self) -> tuple[str, str]:
        parts = urlsplit(self.config.url)
        return (
            self.config.user or unquote(parts.username or ""),
            self.config.password or unquote(parts.password or ""),
        )


def _with_login(url: str, user: str, password: str) -> str:
    """The address with this login and no other."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
    return urlunsplit(parts._replace(netloc=login + place))
