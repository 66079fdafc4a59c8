"""Playable files of a lesson, made from the spool, without a server; or all that the server lacks, on a stick."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from appliance.errors import NotFound, RoomError
from appliance.spool.layout import Spool
from media.assemble import CannotAssemble, Output, assemble_lesson
from media.compose import Form
from media.compose import compose as compose_film
from media.lesson import BadLesson, Lesson
from media.probe import Unreadable
from media.remux import NotWhole
from media.renditions.layout import CannotRender, lay_out

_CARRIER = "lms_sync.cli"


class CannotExport(RoomError):
    code = "cannot-export"


def export_lesson(spool_root: Path, lesson_id: str, out: Path, *, compose: Form | None = None) -> list[dict[str, Any]]:
    """Write the files into ``out``; returns what was written. compose: also one film of two pictures. Raises RoomError
    with one sentence."""
    spool = Spool(spool_root)
    try:
        lesson = spool.read_lesson(lesson_id)
    except (ValueError, FileNotFoundError) as error:
        if isinstance(error, BadLesson):
            raise CannotExport(f"The lesson {lesson_id} cannot be read: {error}") from error
        raise NotFound(f'There is no lesson "{lesson_id}" in {spool_root}; see appliance lessons.') from error
    if lesson.state != "kept":
        raise CannotExport("The lesson is still being recorded; stop it first: appliance stop")
    folder = spool.lesson_dir(lesson_id)
    if lesson.takes and not any((folder / take.file).exists() for take in lesson.takes):
        raise CannotExport(
            "The server has this lesson, and its room on this disk was needed; fetch it there with lms-pull."
        )
    pictured = {take.source for take in lesson.takes} & {each.id for each in lesson.sources if each.media == "video"}
    if compose and len(pictured) < 2:
        raise CannotExport("The lesson has only one picture, so there is nothing to compose; leave out --compose.")
    out.mkdir(parents=True, exist_ok=True)
    try:
        outputs = assemble_lesson(lesson, lambda take: folder / take.file, out, progress=_bar())
        if compose:
            outputs.append(_composed(lesson, folder, outputs, compose, out))
    except (CannotAssemble, NotWhole, CannotRender, Unreadable) as error:
        raise CannotExport(str(error)) from error
    if not outputs:
        raise CannotExport("The lesson has no recording that could be exported.")
    for output in outputs:
        for problem in output.problems:
            sys.stderr.write(f"{output.name}: {problem}\n")
    return [
        {
            "name": output.name,
            "kind": output.kind,
            "source": output.source,
            "bytes": output.bytes,
            "sha256": output.sha256,
            "seconds": round(output.seconds, 3),
        }
        for output in outputs
    ]


def carry(spool_root: Path, stick: Path, *, whole: bool, as_json: bool) -> int:
    """Put on a stick what the server lacks: the sync agent's work, in a process of its own, since it knows the server.
    Returns its exit code; what it says goes straight to the person."""
    more = [*(["--whole"] if whole else []), *(["--json"] if as_json else [])]
    command = [sys.executable, "-m", _CARRIER, "export", "--spool", str(spool_root), *more, "--", str(stick)]
    return subprocess.run(command, check=False).returncode


def _composed(lesson: Lesson, folder: Path, outputs: list[Output], form: Form, out: Path) -> Output:
    films = [output.path for output in outputs if output.kind == "programme"]
    layout = lay_out(lesson, lambda take: folder / take.file)
    return compose_film(layout, films, form, out, report=lambda problem: None, progress=_bar())


def _bar() -> Any:
    """On a terminal, how far it is; elsewhere nothing."""
    if not sys.stderr.isatty():
        return lambda done: None

    def show(done: float) -> None:
        sys.stderr.write(f"\r{100 * min(done, 1.0):3.0f} %" + ("\n" if done >= 1.0 else ""))
        sys.stderr.flush()

    return show
