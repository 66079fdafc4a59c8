"""The room PC's screen, or another X11 display it may see, through FFmpeg's x11grab.

A Wayland session lets no program see its screen unless a person consents at every start (xdg-desktop-portal), which no
lesson can wait for; that is said, and what to do instead.

Its check speaks the first words of the X11 protocol (X Window System Protocol, "Connection Setup"), which tell
whether the server lets us in and how large the screen is. A screen may have odd sizes: see ``drivers.protocols``.
"""

from __future__ import annotations

import asyncio
import os
import re
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from drivers.errors import AuthFailed, NotReady, Unsupported
from drivers.manifest import DriverManifest
from drivers.protocols import Capture, DriverConfig, Media

CHECK_SECONDS = 4.5
COOKIE = b"MIT-MAGIC-COOKIE-1"
XWAYLAND = b"XWAYLAND"

MANIFEST = DriverManifest(
    kind="camera",
    name="screen",
    title="Screen (X11)",
    capabilities=frozenset({"encode"}),
    needs=("an X11 display the appliance may see", "FFmpeg with x11grab"),
    tested_with=("Xvfb 21.1",),
    transports=("X11",),
)

_DISPLAY = re.compile(r"(?:unix)?(?P<host>[A-Za-z0-9.\-]*):(?P<number>\d{1,5})(?:\.(?P<screen>\d{1,2}))?")


def _display(display: str) -> str:
    if not _DISPLAY.fullmatch(display):
        raise ValueError('must be an X11 display such as ":0"')
    return display


class ScreenConfig(DriverConfig):
    """display as in DISPLAY; size "WIDTHxHEIGHT" from the corner at x, y, or empty for the whole screen."""

    display: Annotated[str, AfterValidator(_display)] = ":0"
    size: str = Field("", pattern=r"^(\d{2,5}x\d{2,5})?$")
    x: int = Field(0, ge=0)
    y: int = Field(0, ge=0)
    fps: int = Field(10, ge=1, le=60)
    cursor: bool = True
    xauthority: str = ""
    """File with the display's key, when it is not the one of the user who runs the appliance."""


Config = ScreenConfig


@dataclass(frozen=True)
class Driver:
    """See ``drivers.protocols.Source``."""

    config: ScreenConfig
    Config: ClassVar[type[DriverConfig]] = ScreenConfig
    media: ClassVar[Media] = "video"

    def capture(self) -> Capture:
        config = self.config
        return Capture(
            media="video",
            input=(
                *("-f", "x11grab", "-framerate", str(config.fps), "-draw_mouse", str(int(config.cursor))),
                # Without a size x11grab takes the whole screen, whatever it has become by then.
                *(("-video_size", config.size) if config.size else ()),
                *("-i", f"{config.display}+{config.x},{config.y}"),
            ),
            env={"XAUTHORITY": config.xauthority} if config.xauthority else {},
        )

    async def check(self) -> None:
        """Connect to the X server and be let in; the wished part must lie on its screen."""
        display = self.config.display
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                admitted, words = await self._set_up()
        except (TimeoutError, OSError, EOFError, struct.error) as error:
            if _wayland_sessions():
                raise _wayland(display) from error
            raise NotReady(
                "screen-missing",
                f"There is no screen at display {display}; is the graphical session running, and is this its display?",
                display=display,
            ) from error
        if not admitted:
            raise AuthFailed(
                "screen-refused",
                f"The screen {display} lets nobody in ({words}); name its key file as xauthority.",
                display=display,
            )

    async def _set_up(self) -> tuple[bool, str]:
        """Connection setup: whether we are admitted, and if not, the server's reason. Raises Unsupported when the
        wished part is not on the screen."""
        found = _DISPLAY.fullmatch(self.config.display)
        host, number, screen = (found["host"], int(found["number"]), int(found["screen"] or 0)) if found else ("", 0, 0)
        if host:
            reader, writer = await asyncio.open_connection(host, 6000 + number)
        else:
            reader, writer = await asyncio.open_unix_connection(f"/tmp/.X11-unix/X{number}")  # noqa: S108 - X11's own place
        try:
            name, key = (COOKIE, cookie) if (cookie := self._cookie(str(number))) else (b"", b"")
            writer.write(struct.pack("<BxHHHHxx", ord("l"), 11, 0, len(name), len(key)) + _padded(name) + _padded(key))
            await writer.drain()
            status, reason_length, _, _, words = struct.unpack("<BBHHH", await reader.readexactly(8))
            body = await reader.readexactly(4 * words)
            wayland = False
            if status == 1:
                # QueryExtension: an X server that lives inside a Wayland session shows x11grab nothing but black.
                writer.write(
                    struct.pack("<BxHHxx", 98, 2 + len(_padded(XWAYLAND)) // 4, len(XWAYLAND)) + _padded(XWAYLAND)
                )
                await writer.drain()
                wayland = (await reader.readexactly(32))[8] == 1
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        if status != 1:
            return False, body[:reason_length].decode("latin-1").strip() or "no reason given"
        self._check_size(body, screen)
        if wayland:
            raise _wayland(self.config.display)
        return True, ""

    def _check_size(self, body: bytes, screen: int) -> None:
        sizes = _screen_sizes(body)
        if screen >= len(sizes):
            raise Unsupported("screen-missing", f"The display {self.config.display} has {len(sizes)} screen(s) only.")
        width, height = sizes[screen]
        want_width, want_height = (int(n) for n in (self.config.size or "1x1").split("x"))
        if self.config.x + want_width > width or self.config.y + want_height > height:
            raise Unsupported(
                "screen-size",
                f"The screen has {width}x{height} pixels; choose a smaller size, or leave size out.",
                width=width,
                height=height,
            )

    def _cookie(self, number: str) -> bytes:
        """The display's key from the authority file (man Xauthority: big-endian counted strings)."""
        file = Path(self.config.xauthority or os.environ.get("XAUTHORITY", "") or Path.home() / ".Xauthority")
        try:
            data = file.read_bytes()
        except OSError:
            return b""  # many displays need none; the server will say so if this one does
        position = 0
        while position + 2 < len(data):
            position += 2  # the family of the address: one machine's displays are told apart by number
            fields = []
            for _ in range(4):
                (length,) = struct.unpack_from(">H", data, position)
                fields.append(data[position + 2 : position + 2 + length])
                position += 2 + length
            _, display, name, key = fields
            if name == COOKIE and display.decode("latin-1") in {number, ""}:
                return key
        return b""


def _wayland(display: str) -> Unsupported:
    return Unsupported(
        "screen-wayland",
        f"The screen {display} belongs to a Wayland session, which cannot be recorded without a person's consent each "
        "time; choose an X11 session at the login (such as 'Xorg'), or record the HDMI output with a grabber.",
        display=display,
    )


def _wayland_sessions() -> list[Path]:
    """Sockets of Wayland sessions of whom we run as."""
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    return [path for path in folder.glob("wayland-*") if path.is_socket()]


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _screen_sizes(body: bytes) -> list[tuple[int, int]]:
    """(width, height) in pixels of each screen, from the body of a successful setup reply."""
    vendor, screens, formats = struct.unpack_from("<HxxBB", body, 16)
    position = 32 + vendor + (-vendor % 4) + 8 * formats
    sizes = []
    for _ in range(screens):
        sizes.append(struct.unpack_from("<HH", body, position + 20))
        (depths,) = struct.unpack_from("<B", body, position + 39)
        position += 40
        for _ in range(depths):
            (visuals,) = struct.unpack_from("<H", body, position + 2)
            position += 8 + 24 * visuals
    return sizes
