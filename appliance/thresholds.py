"""``[judge]`` of room.toml: from when on a take is called bad, each with its reason.

Pictures are measured at 320×180 in grey, 0 black to 255 white; sound in dB of full scale. Everything must last before
it is said, and must be gone for ``calm_seconds`` before it is taken back. docs/judge.md shows how well that works on
labelled clips.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class JudgeTable(BaseModel):
    """Thresholds of the judge."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    enabled: bool = True
    """Whether takes are looked at and listened to while they are recorded. It costs about a fiftieth of a core a
    camera."""
    calm_seconds: float = Field(4.0, ge=0, le=60)
    """What was wrong must be right for so long before it is taken back: two keyframes, so that it does not flicker."""

    silence_db: float = Field(-60.0, ge=-120, le=0)
    """A microphone whose peaks stay below this is called silent: an open microphone hears at least the room, at about
    -55 dB."""
    silence_seconds: float = Field(8.0, ge=1, le=600)
    """A teacher who thinks pauses for five seconds, and even then a chair or a sheet of paper is heard."""
    muted_db: float = Field(-95.0, ge=-120, le=0)
    """Below the last bit of 16: no sound at all but a switch or a broken cable, which calls for another remedy."""
    muted_seconds: float = Field(4.0, ge=1, le=600)
    """Noise never is exactly zero, so there is little to wait for."""
    clipping_peak: float = Field(0.9, gt=0, le=1)
    """Share of full scale. AAC rounds what was cut off flat, so clipping is looked for a little below the top."""
    clipping_flat: float = Field(0.06, gt=0, le=1)
    """Share of a tenth of a second's samples at its own peak: a voice has 2 %, a voice cut off flat 10 % and more."""
    clipping_share: float = Field(0.12, gt=0, le=1)
    """Of the loud tenths of a second in 8 s; a single cough or knock is no reason to turn anything down."""
    hum_db: float = Field(-62.0, ge=-120, le=0)
    """Mains hum (50 or 60 Hz and harmonics) below this drowns in the room's own noise."""
    hum_excess_db: float = Field(12.0, ge=0, le=60)
    """By so much hum must stand above what lies between its harmonics: a fan is as loud there, a bad cable is not."""
    hum_seconds: float = Field(8.0, ge=2, le=600)
    """A voice can hold a tone for a second or two, hum never stops."""
    quiet_db: float = Field(-45.0, ge=-120, le=0)
    """A voice whose loudest tenths of a second stay below this will be hard to follow on a phone in a bus; a low voice
    at a well placed microphone reaches -40 dB."""
    quiet_seconds: float = Field(12.0, ge=1, le=600)
    """A few low sentences are no reason to complain."""

    black_level: float = Field(10.0, ge=0, le=255)
    """All but the brightest hundredth of a black picture is below twice this; a room lit by one screen is above."""
    black_seconds: float = Field(5.0, ge=1, le=600)
    """Slides may fade through black."""
    dark_level: float = Field(38.0, ge=0, le=255)
    """Mean grey of a room in which nobody is recognised."""
    dark_bright: float = Field(95.0, ge=0, le=255)
    """Where a tenth of the picture is brighter than this, there is a screen or a lamp, and the room is dark on
    purpose."""
    dark_seconds: float = Field(12.0, ge=1, le=600)
    """A teacher who turns the light off to show something turns the projector on within seconds."""
    covered_detail: float = Field(9.0, ge=0, le=100)
    """Standard deviation of grey within blocks of 20×20 points, of the most detailed block: a hand or a cap
    has no edges anywhere, the emptiest wall has a corner or a socket."""
    covered_level: float = Field(170.0, ge=0, le=255)
    """An empty bright slide has no detail either; what lies on a lens is not that bright."""
    covered_seconds: float = Field(6.0, ge=1, le=600)
    """Somebody walks past the camera in less."""
    blur_acuity: float = Field(0.3, gt=0, le=1)
    """Steepest step between two points, as a share of the contrast around it; 1 is a hard edge. A lens wide out of
    focus gives 0.2 at this size, a good one 0.5 and more."""
    blur_seconds: float = Field(14.0, ge=1, le=600)
    """A camera that focuses anew takes up to five seconds."""
    frozen_difference: float = Field(0.06, ge=0, le=10)
    """Mean difference in grey of two pictures of which one is a copy of the other, encoded anew; every sensor's noise
    is above."""
    frozen_noise: float = Field(0.2, ge=0, le=10)
    """Median difference that shows that there was a sensor at work before: slides without one never are frozen."""
    frozen_seconds: float = Field(12.0, ge=1, le=600)
    """Six keyframes without a trace of noise are no chance."""
    slides_minutes: float = Field(25.0, ge=1, le=600)
    """Slides that do not change for so long are noted for the report, and nobody is disturbed: some lessons have one
    slide."""

    speech_seconds: float = Field(25.0, ge=5, le=600)
    """Who speaks so long while nothing records is asked whether to record. Greetings at the door are shorter."""
    speech_rise_db: float = Field(10.0, ge=1, le=60)
    """By so much a voice rises above the room's own noise."""
    speech_db: float = Field(-48.0, ge=-120, le=0)
    """Voices from the corridor stay below."""
