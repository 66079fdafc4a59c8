"""Happenings that say how something is, and not that somebody did something."""

from __future__ import annotations

from drivers.protocols import Happening

STATES: frozenset[Happening] = frozenset({"mute", "unmute", "occupied", "empty"})
"""They may be taken in late, and said twice; a press may not."""
