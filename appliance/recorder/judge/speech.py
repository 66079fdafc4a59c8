"""Does somebody teach while nothing records? From the levels that the idle panel shows anyway. Standard library only.

A voice rises above the room again and again: syllables and pauses. A fan, a projector or rain stands at one level; a
door is one rise.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise

from appliance.thresholds import JudgeTable

BREAK = 2.0
"""Seconds without a level after which listening begins anew."""
FORGET = 20.0
"""Seconds without speech before the question is taken back."""
LEAST, MOST = 0.25, 0.97
"""Share of the tenths of a second in which a teacher's voice is heard."""
ONSETS = 0.25
"""Rises a second: at least one phrase in four seconds."""


class SpeechEar:
    """One microphone while nothing records. ``hear`` takes about ten levels a second."""

    def __init__(self, table: JudgeTable) -> None:
        self._table = table
        self._levels: deque[tuple[float, float]] = deque()
        self._spoken: float | None = None

    def hear(self, at: float, rms_db: float) -> None:
        """at: monotonic seconds."""
        levels = self._levels
        if levels and at - levels[-1][0] > BREAK:
            levels.clear()
            self._spoken = None
        levels.append((at, rms_db))
        while levels[0][0] < at - self._table.speech_seconds - 0.5:
            levels.popleft()

    def forget(self) -> None:
        """A lesson began: nothing was missed any more."""
        self._levels.clear()
        self._spoken = None

    def speaks(self, now: float) -> bool:
        """Whether somebody has been teaching, until a while after it ended."""
        levels = self._levels
        if not levels or now - levels[-1][0] > BREAK:
            return False
        if levels[-1][0] - levels[0][0] >= self._table.speech_seconds and self._is_speech():
            self._spoken = now
        return self._spoken is not None and now - self._spoken <= FORGET

    def _is_speech(self) -> bool:
        heard = [level for _, level in self._levels]
        ordered = sorted(heard)
        floor, loud = ordered[len(ordered) // 20], ordered[len(ordered) * 9 // 10]
        line = max(floor + self._table.speech_rise_db, self._table.speech_db)
        above = [level >= line for level in heard]
        onsets = sum(now and not before for before, now in pairwise(above))
        share = sum(above) / len(above)
        # In every third of the time: a noisy arrival is over after one.
        third = len(above) // 3
        throughout = all(any(above[n * third : (n + 1) * third]) for n in range(3))
        return loud >= line and LEAST <= share <= MOST and onsets >= ONSETS * self._table.speech_seconds and throughout
