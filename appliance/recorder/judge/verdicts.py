"""From measures to verdicts, one judge a source. Pure; no sentence is made here, only codes and facts.

What is wrong must last before it is said, and must be right for a while before it is taken back. A judge that was blind
for long proves nothing about the time in between.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from appliance.recorder.judge.facts import Picture, Sound, Verdict
from appliance.thresholds import JudgeTable

BLIND = 12.0
"""Seconds between two looks beyond which what was wrong before both need not have been wrong in between."""
ALIVE = 4
"""Pictures in a row with a sensor's noise that prove a sensor; an encoder calms down sooner after a new slide."""
PROOF = 150
"""Pictures of which none was still, and most were ``ALIVE``'s kind, that prove a sensor for the lessons to come too:
five minutes of keyframes. What shows slides stands still in between."""
JUMP = 1.0
"""Mean difference in grey that is another picture. A frozen camera has none; slides do."""
MOTION = 4.0
"""Median difference in grey above which the picture moves, so that it says nothing of a sensor."""
HEARD = 8
"""Seconds of sound that are kept in mind for clipping and hum."""
DARK_DETAIL = 0.15
"""Detail as a share of brightness: a dark room loses both alike, what lies on the lens has none in any light."""
LOUD_DB = -40.0
"""Tenths of a second below this cannot clip."""
CREST = 6.0
"""dB. Noise has its peaks at least so far above its mean; the peaks themselves are AAC's as much as the room's."""
MODULATED_DB = 8.0
"""A voice has pauses: its loud tenths of a second stand so far above its calm ones. A fan's do not."""


@dataclass(slots=True)
class Patience:
    """One code's way in and out. lasting and calm in seconds."""

    code: str
    lasting: float
    calm: float
    verdict: Verdict | None = None
    since: float | None = None
    until: float = 0.0

    def observe(self, at: float, facts: dict[str, float | int | str] | None) -> None:
        """facts: what is wrong now; None when nothing is."""
        if self.since is not None and at - self.until > max(BLIND, self.calm):
            self.since, self.verdict = None, None
        if facts is None:
            if self.verdict is None or at - self.until >= self.calm:
                self.since, self.verdict = None, None
            return
        self.since = at if self.since is None else self.since
        self.until = at
        if at - self.since >= self.lasting:
            self.verdict = Verdict(self.code, self.since, facts)


class _Judge:
    """standing: what is wrong now, by code."""

    def __init__(self, table: JudgeTable, lasting: dict[str, float]) -> None:
        self.table = table
        self._codes = {code: Patience(code, seconds, table.calm_seconds) for code, seconds in lasting.items()}

    @property
    def standing(self) -> dict[str, Verdict]:
        return {code: each.verdict for code, each in self._codes.items() if each.verdict is not None}

    def _say(self, at: float, **found: dict[str, float | int | str] | None) -> None:
        for code, facts in found.items():
            self._codes[code.replace("_", "-")].observe(at, facts)


class PictureJudge(_Judge):
    """Of one camera. See it pictures in the order of their time, up to five a second; keyframes do."""

    def __init__(self, table: JudgeTable, *, known: bool = False) -> None:
        """known: an earlier lesson has proved a sensor, so that a picture may be frozen from the first on."""
        super().__init__(
            table,
            {
                "picture-black": table.black_seconds,
                "picture-covered": table.covered_seconds,
                "picture-frozen": table.frozen_seconds,
                "picture-dark": table.dark_seconds,
                "picture-blurred": table.blur_seconds,
                "slides-unchanged": table.slides_minutes * 60,
            },
        )
        self._lively = 0
        self._sensor = False
        self._known = known
        self._jumped = False
        self._pictures = self._alive = self._stills = 0

    @property
    def proved(self) -> bool:
        """A sensor beyond doubt, to be known in the next lesson."""
        return self._pictures >= PROOF and not self._stills and self._alive >= 0.8 * self._pictures

    def see(self, at: float, picture: Picture) -> None:
        table = self.table
        black = picture.top <= 2 * table.black_level and picture.mean <= table.black_level
        acuity = picture.acuity
        soft = acuity is None or acuity <= table.blur_acuity
        covered = (
            not black
            and picture.flat < 0.9  # an empty slide has no detail at all
            and soft
            and picture.detail <= min(table.covered_detail, DARK_DETAIL * picture.mean)
            and picture.mean <= table.covered_level
        )
        drawn = picture.flat >= 0.3 and not self._sensor
        dark = (
            not (black or covered or drawn) and picture.mean <= table.dark_level and picture.bright <= table.dark_bright
        )
        still = picture.difference is not None and picture.difference <= table.frozen_difference
        if picture.noise is not None and picture.difference is not None:
            alive = min(picture.noise, picture.difference) >= table.frozen_noise and picture.noise <= MOTION
            self._lively = self._lively + 1 if alive else 0
            self._sensor = self._sensor or self._lively >= ALIVE
            self._pictures, self._alive, self._stills = (
                self._pictures + 1,
                self._alive + alive,
                self._stills + still,
            )
        # A new picture without noise: somebody shows slides where a camera was once.
        self._known = self._known and not (still and self._jumped)
        self._jumped = picture.difference is not None and picture.difference >= JUMP
        frozen = still and (self._sensor or self._known) and not black and picture.flat < 0.5
        blurred = not (black or covered or dark) and acuity is not None and soft
        unchanged = drawn and not black and picture.difference is not None and picture.difference < 0.5
        level: dict[str, float | int | str] = {"level": round(picture.mean)}
        self._say(
            at,
            picture_black=level if black else None,
            picture_covered=level if covered else None,
            picture_dark=level if dark else None,
            picture_frozen={} if frozen else None,
            picture_blurred={"acuity": round(acuity, 2)} if blurred and acuity is not None else None,
            slides_unchanged={} if unchanged else None,
        )


class SoundJudge(_Judge):
    """Of one microphone. Hears every second of it, in order."""

    def __init__(self, table: JudgeTable) -> None:
        # What is judged over a stretch of time has lasted already; one second more proves that it goes on.
        super().__init__(
            table,
            {
                "microphone-muted": table.muted_seconds - 1,
                "microphone-silent": table.silence_seconds - 1,
                "sound-clipped": 1.0,
                "sound-hum": 1.0,
                "sound-quiet": 1.0,
            },
        )
        self._heard: deque[Sound] = deque(maxlen=HEARD)
        self._hums: deque[Sound] = deque(maxlen=round(table.hum_seconds))
        self._levels: deque[float] = deque(maxlen=10 * round(table.quiet_seconds))

    def hear(self, at: float, second: Sound) -> None:
        """at: when the second began."""
        table = self.table
        peak = _decibels(max(second.peaks))
        muted = peak <= table.muted_db
        silent = not muted and max(second.rms) < table.silence_db - CREST
        self._heard.append(second)
        self._hums.append(second)
        self._levels.extend(second.rms)
        facts: dict[str, float | int | str] = {"peak_db": round(peak, 1)}
        self._say(
            at,
            microphone_muted={} if muted else None,
            microphone_silent=facts if silent else None,
            sound_clipped=self._clipped(),
            sound_hum=None if muted or silent else self._humming(),
            sound_quiet=None if muted or silent else self._quiet(),
        )

    def _clipped(self) -> dict[str, float | int | str] | None:
        table = self.table
        loud = cut = 0
        for second in self._heard:
            for rms, peak, flat in zip(second.rms, second.peaks, second.flat, strict=True):
                loud += rms >= LOUD_DB
                cut += peak >= table.clipping_peak and flat >= table.clipping_flat
        if cut < 4 or cut < table.clipping_share * loud:
            return None
        return {"percent": round(100 * cut / loud)}

    def _humming(self) -> dict[str, float | int | str] | None:
        table = self.table
        if len(self._hums) < (self._hums.maxlen or 0):
            return None
        for mains in (50, 60):
            found = [
                second.hum_db
                for second in self._hums
                if second.mains == mains
                and second.hum_db >= table.hum_db
                and second.hum_excess_db >= table.hum_excess_db
            ]
            # Most seconds, for a word can cover it, and all equally loud, for a voice is not.
            if len(found) >= 0.7 * len(self._hums) and max(found) - min(found) <= 6.0:
                return {"hertz": mains, "level_db": round(sum(found) / len(found), 1)}
        return None

    def _quiet(self) -> dict[str, float | int | str] | None:
        if len(self._levels) < (self._levels.maxlen or 0):
            return None
        levels = sorted(self._levels)
        loud, calm = levels[len(levels) * 9 // 10], levels[len(levels) // 10]
        if loud - calm < MODULATED_DB or loud >= self.table.quiet_db:
            return None
        return {"level_db": round(loud, 1)}


def _decibels(level: float) -> float:
    return 20 * math.log10(level) if level > 1e-6 else -120.0
