"""The daemon's log on standard error: JSON lines for the journal, plain lines on a terminal."""

from __future__ import annotations

import logging
import re
import sys
from collections import deque
from dataclasses import dataclass

import structlog

KEPT = 100
"""Lines that the IT screen can show."""
LONGEST = 500
"""Characters of one of them."""
_SECRETS = re.compile(r"(?<=://)[^/\s@]+(?=@)|(?i:(?<=password=)|(?<=token=)|(?<=secret=)|(?<=pin=))[^\s&,;]+")


@dataclass(frozen=True, slots=True)
class Line:
    """at: Unix seconds."""

    at: float
    level: str
    text: str


class Recent(logging.Handler):
    """The last lines of this daemon's log in memory, newest last, without what a camera's address says of passwords."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: deque[Line] = deque(maxlen=KEPT)

    def emit(self, record: logging.LogRecord) -> None:
        text = _SECRETS.sub("***", record.getMessage())[:LONGEST]
        self.lines.append(Line(round(record.created, 3), record.levelname.lower(), text))


def configure(*, plain: bool | None = None, level: int = logging.INFO) -> None:
    """Everything logged through the standard library becomes one form. plain: None asks whether a person reads."""
    if plain is None:
        plain = sys.stderr.isatty()
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: structlog.typing.Processor
    if plain:
        last = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    else:
        last = structlog.processors.JSONRenderer(ensure_ascii=False)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *([] if plain else [structlog.processors.format_exc_info]),
            last,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for every question to a camera
