"""What a driver says about itself before any of its code runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DriverManifest:
    """kind: ``camera`` | ``microphone`` | …; name: as written in room.toml (``driver = "rtsp"``).

    capabilities: e.g. ``copy`` (delivers H.264), ``encode`` (raw pictures), ``level``, ``discover``.
    needs: programs, libraries or devices without which it cannot work, in words for IT staff.
    tested_with: devices and software it was seen to work with.
    transports: how bytes get to the device: ``RS-232``, ``TCP``, ``UDP``, ``USB`` …
    """

    kind: str
    name: str
    title: str
    capabilities: frozenset[str]
    needs: tuple[str, ...] = ()
    tested_with: tuple[str, ...] = ()
    transports: tuple[str, ...] = ()
