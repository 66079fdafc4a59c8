"""``[sync]`` of room.toml: how much of the room's link lessons may take, and when. Pure.

What is in force reaches the sync agent through the spool (``appliance.spool.policy``), which holds the same keys.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from appliance.schedule import DAYS, Day

Tier = Literal["card", "slidecast", "proxy", "master"]
SLOWEST = 8
"""kbit/s. Below this a single answer takes half a minute, and every request counts as lost."""
_NUMBERS: dict[str, int] = {name: number for number, name in enumerate(DAYS)}
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def _time_of_day(text: str) -> str:
    if not _TIME.fullmatch(text) and text != "24:00":
        raise ValueError('must be a time of day such as "07:30"')
    return text


def _rate(kbit: int) -> int:
    if 0 < kbit < SLOWEST:
        raise ValueError(f"must be 0, or at least {SLOWEST} kbit/s: slower links lose every request")
    return kbit


def weekdays(written: object) -> tuple[str, ...]:
    """ "mon-fri", "sat, sun" or a list of days, as days in their order.

    Raises ValueError with the rest of a sentence.
    """
    parts = written.split(",") if isinstance(written, str) else written
    found: set[int] = set()
    for part in parts if isinstance(parts, list | tuple) else [""]:
        numbers = [_NUMBERS.get(name.strip().lower(), -1) for name in str(part).split("-")]
        if len(numbers) > 2 or -1 in numbers:
            raise ValueError(f'must be days such as "mon-fri" or "sat, sun", of {", ".join(DAYS)}')
        begin, end = numbers[0], numbers[-1]
        found.update(day % 7 for day in range(begin, end + 1 if begin <= end else end + 8))
    return tuple(DAYS[day] for day in sorted(found))


class HoursRow(BaseModel):
    """Hours of the week, by the room's local time, with a rate of their own."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, serialize_by_alias=True)

    days: Annotated[tuple[Day, ...], BeforeValidator(weekdays), Field(min_length=1)] = DAYS
    """``"mon-fri"``, ``"sat, sun"`` or a list of days."""
    begin: Annotated[str, AfterValidator(_time_of_day)] = Field("00:00", alias="from")
    end: Annotated[str, AfterValidator(_time_of_day)] = Field("24:00", alias="to")
    """Earlier than ``from``: of the next day."""
    max_kbit: Annotated[int, Field(ge=0, le=10_000_000), AfterValidator(_rate)]
    """Instead of the table's own; 0: nothing is sent."""

    @model_validator(mode="after")
    def _lasts(self) -> HoursRow:
        if self.begin == self.end:
            raise ValueError('"from" and "to" are the same time; leave both out for the whole day')
        return self


class SyncTable(BaseModel):
    """As much as there is, but never more than the class leaves."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, serialize_by_alias=True)

    max_kbit: Annotated[int, Field(ge=0, le=10_000_000), AfterValidator(_rate)] = 0
    """kbit/s; 0: no limit."""
    hours: tuple[HoursRow, ...] = ()
    """The first that fits counts; outside of all, ``max_kbit``."""
    daily_mb: int = Field(0, ge=0, le=100_000_000)
    """MB (of 10⁶ bytes) a day; 0: no budget. Cards go nevertheless."""
    monthly_mb: int = Field(0, ge=0, le=100_000_000)
    metered: Literal["auto", "yes", "no"] = "auto"
    """Whether every byte of the link costs money; ``auto``: as NetworkManager says, where there is one."""
    metered_tiers: tuple[Tier, ...] = ("card", "slidecast")
    """What a metered link may carry."""
    yields: bool = Field(True, alias="yield")
    """Step back as soon as anything else waits for the link."""
    while_recording: bool = True
    """Send a lesson's recordings already while they grow, when nothing else waits."""
