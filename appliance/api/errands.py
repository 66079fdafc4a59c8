"""What the IT screen sends other processes for: an export to a stick, and a look at everything by the doctor.

Both are the room's own commands, at a low priority. Neither can hold up the daemon or a recording.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from appliance.errors import RoomError, WrongState

DOCTOR_SECONDS = 120.0
_APPLIANCE = ("nice", "-n", "10", sys.executable, "-m", "appliance.cli")


@dataclass(frozen=True, slots=True)
class Export:
    """The last export since the daemon began. Bytes on the stick, and those that did not fit; said: in English, what
    went wrong or is worth a look."""

    path: str
    state: Literal["running", "done", "failed"] = "running"
    bytes: int = 0
    left: int = 0
    said: str = ""


class Errands:
    """config: the file that the daemon was started with; None where it came from elsewhere."""

    def __init__(self, spool: Path, config: Path | None, url: str) -> None:
        self._spool = spool
        self._config = config
        self._url = url
        self._exporting: asyncio.Task[None] | None = None
        self._examining = asyncio.Lock()
        self.export: Export | None = None

    def carry(self, path: str) -> None:
        """Begin to put on a stick what the server lacks. Raises WrongState while one is being filled."""
        if self._exporting is not None and not self._exporting.done():
            raise WrongState("A stick is being filled already; wait until that is done.")
        self.export = Export(path)
        self._exporting = asyncio.create_task(self._carry(self.export))

    async def examine(self) -> list[dict[str, str]]:
        """What the doctor finds in a hurry: what, level, fact, advice. Raises RoomError."""
        if self._config is None:
            raise RoomError("The daemon does not know its room.toml; run appliance doctor on the room PC.")
        more = ["--config", str(self._config.absolute()), "--spool", str(self._spool), "--url", self._url]
        async with self._examining:
            try:
                async with asyncio.timeout(DOCTOR_SECONDS):
                    _, out, err = await _run(["doctor", "--json", "--quick", *more])
            except TimeoutError as error:
                raise RoomError("The doctor took too long; run appliance doctor on the room PC.") from error
            except OSError as error:
                raise RoomError(f"The doctor cannot be run: {error.strerror}.") from error
        found = _json(out)
        if not isinstance(found, list):
            raise RoomError(f"The doctor could not look: {_last_line(err)}")
        return found

    async def close(self) -> None:
        """Nothing is left running; a stick that is half full goes on from there at the next export."""
        if self._exporting is not None:
            self._exporting.cancel()
            await asyncio.gather(self._exporting, return_exceptions=True)

    async def _carry(self, begun: Export) -> None:
        try:
            code, out, err = await _run(["export", "--usb", begun.path, "--spool", str(self._spool), "--json"])
        except OSError as error:
            self.export = replace(begun, state="failed", said=str(error.strerror))
            return
        found = _json(out)
        if code or not isinstance(found, dict):
            self.export = replace(begun, state="failed", said=_last_line(err))
            return
        self.export = replace(
            begun, state="done", bytes=found["bytes"], left=found["bytes_left"], said=found.get("hint", "")
        )


async def _run(arguments: Sequence[str]) -> tuple[int, bytes, bytes]:
    """One command of the room, to its end; if it is given up, it ends. Raises OSError."""
    process = await asyncio.create_subprocess_exec(*_APPLIANCE, *arguments, stdin=DEVNULL, stdout=PIPE, stderr=PIPE)
    try:
        out, err = await process.communicate()
    finally:
        await _end(process)
    return process.returncode or 0, out, err


async def _end(process: Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def _json(text: bytes) -> Any:
    """None for what is none."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def _last_line(text: bytes) -> str:
    lines = text.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing; see the room's log."
