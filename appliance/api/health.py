"""The room's health in one code, judged from evidence alone. Pure.

The gravest comes first; the face makes a sentence of the code and its facts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from appliance.api.views import HealthView
from appliance.config import DiskTable, JudgeTable
from appliance.recorder.status import RecorderStatus, SourceStatus

UNBROKEN = 5.0
"""Seconds between two looks at a microphone beyond which silence in between is not proven."""


class Silence:
    """How long each microphone has been silent, as far as anybody looked."""

    def __init__(self, table: JudgeTable) -> None:
        self._table = table
        self._since: dict[str, float] = {}
        self._looked: dict[str, float] = {}

    def observe(self, sources: Sequence[SourceStatus], now: float) -> dict[str, float]:
        """Microphones silent for long enough to say so, and for how many seconds. now: monotonic seconds."""
        for source in sources:
            peak = source.peak_db if source.state == "recording" else None
            if peak is None or peak >= self._table.silence_db:
                self._since.pop(source.id, None)
            elif now - self._looked.get(source.id, -UNBROKEN) >= UNBROKEN:
                self._since[source.id] = now
            else:
                self._since.setdefault(source.id, now)
            self._looked[source.id] = now
        return {id_: now - at for id_, at in self._since.items() if now - at >= self._table.silence_seconds}


def judge(status: RecorderStatus, silent: Mapping[str, float], disk: DiskTable) -> HealthView:
    """The gravest finding, or ``all-well``. silent: seconds by microphone, from Silence."""
    return next(_findings(status, silent, disk), HealthView(code="all-well"))


def _findings(status: RecorderStatus, silent: Mapping[str, float], disk: DiskTable) -> Iterator[HealthView]:
    """In the order of their gravity."""
    sources = status.sources
    if not sources:
        yield HealthView(code="no-sources", level="error")
    if status.disk_free <= status.disk_total * disk.reserve_percent / 100:
        yield HealthView(code="disk-full", level="error", facts={"free_bytes": status.disk_free})
    lost = [s for s in sources if s.state == "lost" or (s.problem is not None and s.state != "recording")]
    if lost:
        why = lost[0].problem.code if lost[0].problem else None
        level: Literal["warning", "error"] = "error" if len(lost) == len(sources) else "warning"
        yield HealthView(code="source-lost", level=level, facts=_facts(lost, problem=why))
    stalled = [s for s in sources if s.state == "stalled"]
    if stalled:
        facts = _facts(stalled, seconds=stalled[0].last_byte_age)
        yield HealthView(code="source-stalled", level="warning", facts=facts)
    quiet = [s for s in sources if s.id in silent]
    if quiet:
        facts = _facts(quiet, seconds=round(silent[quiet[0].id]))
        yield HealthView(code="microphone-silent", level="warning", facts=facts)
    if status.hours_left < disk.warn_hours:
        facts = {"hours_left": status.hours_left, "free_bytes": status.disk_free}
        yield HealthView(code="disk-low", level="warning", facts=facts)
    starting = [s for s in sources if s.state == "starting"]
    if starting:
        yield HealthView(code="source-starting", facts=_facts(starting))


def _facts(sources: Sequence[SourceStatus], **more: Any) -> dict[str, Any]:
    """Of the first one concerned, and how many there are."""
    first = sources[0]
    return {"source": first.id, "label": first.label, "kind": first.kind, "count": len(sources), **more}
