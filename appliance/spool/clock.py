"""``spool/clock.json``: what time it is, as the central server said last, for whoever must not go by a wrong clock.

The sync agent writes it; the daemon reads it. In the same run of the machine the server's time goes on by the machine's
own count of seconds, with or without a link. In a later run it is still a time that has passed: a clock that is behind
it is wrong.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from appliance.spool.layout import Spool, write_atomically

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
EARLIEST = 1_767_225_600.0
"""Unix seconds of 2026-01-01: nothing of this program ran before."""
SLACK = 300.0
"""Seconds by which a clock may be behind what is known to have passed."""
_DRIFT, _SELDOM = 30.0, 3600.0


def _uptime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _boot() -> str:
    return BOOT_ID.read_text().strip()


@dataclass(frozen=True, slots=True)
class _Told:
    """The server's time (Unix seconds) when the machine had been on for so many seconds, and in which run of it."""

    server: float
    uptime: float
    boot: str


class Clock:
    """wall, uptime, boot: for tests; else this machine's."""

    def __init__(
        self,
        spool: Spool,
        *,
        wall: Callable[[], float] = time.time,
        uptime: Callable[[], float] = _uptime,
        boot: Callable[[], str] = _boot,
    ) -> None:
        self._file = spool.root / "clock.json"
        self._wall = wall
        self._uptime = uptime
        self._boot = boot()
        self._stamp: tuple[int, ...] | None = None
        self._told: _Told | None = None

    def now(self) -> float | None:
        """Unix seconds: the server's, if it has spoken in this run of the machine, else the machine's own; None when
        that is known to be wrong."""
        told = self._look()
        if told is not None and told.boot == self._boot:
            return told.server + self._uptime() - told.uptime
        least = max(EARLIEST, told.server - SLACK if told is not None else 0.0)
        own = self._wall()
        return own if own >= least else None

    def passed(self) -> float:
        """Unix seconds that have certainly gone by: the server's time, now or when it last spoke. The machine's own
        clock is not asked."""
        told = self._look()
        if told is None:
            return EARLIEST
        since = self._uptime() - told.uptime if told.boot == self._boot else 0.0
        return max(EARLIEST, told.server + since)

    def sure(self) -> bool:
        """Whether ``now`` is the server's."""
        told = self._look()
        return told is not None and told.boot == self._boot

    def learn(self, server: float) -> None:
        """The server says what time it is. Written when that is news. Raises OSError."""
        told, uptime = self._look(), self._uptime()
        if told is not None and told.boot == self._boot:
            wrong = abs(told.server + uptime - told.uptime - server)
            if wrong < _DRIFT and uptime - told.uptime < _SELDOM:
                return
        body = {"server": round(server, 3), "uptime": round(uptime, 3), "boot": self._boot}
        write_atomically(self._file, json.dumps(body).encode() + b"\n")

    def _look(self) -> _Told | None:
        try:
            facts = self._file.stat()
            stamp = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
            if stamp != self._stamp:
                found = json.loads(self._file.read_bytes())
                self._told = _Told(float(found["server"]), float(found["uptime"]), str(found["boot"]))
                self._stamp = stamp
        except FileNotFoundError:
            self._told = None
        except (OSError, ValueError, KeyError, TypeError):
            return None  # it is no help; the machine's own clock is left
        return self._told
