"""Who gets whole lessons beside the room's server, and how far each lesson is on its way there.

``spool/targets.json`` (0600: it holds passwords) is written by the daemon at its start, from ``[[target]]`` of
room.toml. ``lessons/<ulid>/targets/<id>.json`` is written by the sync agent after each step, so that a killed one
repeats a single step at most, and a lost ledger changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from appliance.spool.layout import Spool, make_directory, write_atomically

FOLDER = "targets"
State = Literal["waiting", "sending", "delivered", "refused"]


class BadTargets(Exception):
    """The file is not one of ours, as one sentence."""


@dataclass(frozen=True, slots=True)
class Target:
    """The keys of ``[[target]]``."""

    id: str
    kind: str
    url: str
    user: str = field(repr=False)
    password: str = field(repr=False)
    workflow: str
    required: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """A lesson on its way to a target. memory: what the target's own steps must remember. retry_at: Unix seconds;
    attempts: failures in a row; problem: the last one's code."""

    state: State = "waiting"
    memory: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""
    retry_at: float = 0.0
    attempts: int = 0


def file_of(spool: Spool) -> Path:
    return spool.root / "targets.json"


def write(spool: Spool, tables: Iterable[Mapping[str, Any]]) -> None:
    """Put ``[[target]]`` tables in force. Raises OSError."""
    text = json.dumps({"targets": list(tables)}, indent=1)
    try:
        if file_of(spool).read_text() == text:
            return
    except (FileNotFoundError, UnicodeDecodeError):
        pass
    write_atomically(file_of(spool), text.encode(), mode=0o600)


def read(spool: Spool) -> Sequence[Target]:
    """None were ever written: none are there. Raises BadTargets, OSError."""
    try:
        body = json.loads(file_of(spool).read_bytes())
        names = [known.name for known in fields(Target)]
        return [Target(**{name: table[name] for name in names}) for table in body["targets"]]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError) as error:
        raise BadTargets("targets.json in the spool cannot be read; start the room's daemon again.") from error


def progress(spool: Spool, lesson: str, target: str) -> Progress:
    """A file that is missing or cannot be read is a way that has not begun: a target takes a lesson twice without
    harm, but one that never got it must not count as having it."""
    try:
        body = json.loads(_progress_file(spool, lesson, target).read_bytes())
        found = Progress(**{known.name: body[known.name] for known in fields(Progress)})
    except (OSError, ValueError, KeyError, TypeError):
        return Progress()
    return found if found.state in get_args(State) and isinstance(found.memory, dict) else Progress()


def keep(spool: Spool, lesson: str, target: str, reached: Progress) -> None:
    """Durable when it returns. Raises OSError."""
    file = _progress_file(spool, lesson, target)
    make_directory(file.parent)
    write_atomically(file, json.dumps(asdict(reached)).encode())


def lacking(spool: Spool, lesson: str, targets: Iterable[Target]) -> list[str]:
    """The required targets that do not have the lesson yet: nothing of it may go."""
    required = (target.id for target in targets if target.required)
    return [target for target in required if progress(spool, lesson, target).state != "delivered"]


def _progress_file(spool: Spool, lesson: str, target: str) -> Path:
    return spool.lesson_dir(lesson) / FOLDER / f"{target}.json"
