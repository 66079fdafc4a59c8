"""The recorder as the panel's API and the room's buttons use it."""

from __future__ import annotations

from typing import Protocol

from appliance.recorder.status import RecorderStatus


class Recorder(Protocol):
    """Every order raises appliance.errors.RoomError when it cannot be obeyed."""

    async def start(self, title: str) -> None: ...

    async def pause(self) -> None: ...

    async def resume(self) -> None: ...

    async def stop(self) -> None: ...

    async def mark(self, label: str) -> None: ...

    def status(self) -> RecorderStatus: ...


class Panel(Recorder, Protocol):
    """What the panel may do besides: a stop by a hand that may have slipped, and saying whose the lesson is."""

    async def stop_softly(self) -> None: ...

    async def undo(self) -> None: ...

    async def taught_by(self, teacher: str) -> None: ...
