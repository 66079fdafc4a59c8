"""The chore that looks at the rooms, and tells of each alarm once when it begins and once when it is over."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from lms_server.catalog.alarms import Alarms

log = structlog.get_logger(__name__)


def telling(alarms: Alarms) -> Callable[[], None]:
    """Into the log, where whatever watches the machine's journal finds it."""

    def look() -> None:
        for alarm in alarms.look():
            facts = alarm.trouble.model_dump(exclude={"code", "need"}, exclude_defaults=True)
            about = {
                "alarm": alarm.id,
                "kind": alarm.trouble.code,
                "room": alarm.room,
                "institution": alarm.institution,
            }
            if alarm.cleared is None:
                log.warning("alarm", **about, **facts)
            else:
                log.info("alarm over", **about, seconds=round(alarm.cleared - alarm.raised))

    return look
