"""One lesson assembled, in a process of its own: what a strange recording does to the media libraries, it does here.

    {"manifest": "…/lesson.json", "files": {"front/take-001.mp4": "…/ab/cd/abcd…"}, "out": "…"}

is the order, a JSON line on standard input to ``python -m lms_server.worker.assembly``. With ``"goal": "film"`` and
``"films": ["…"]``, the lesson's programmes, one film of two pictures is made beside them; with ``"goal": "small"`` and
a ``"kind"``, that small form, a thumbnail from ``"files": {"poster": "…"}``; both at the lowest priority.

How far it is stands in the file ``progress``, where the order names one: a number from 0 to 1.

Answers one JSON line: {"outputs": [{name, kind, source, path, bytes, sha256, seconds, content_type, problems}]}, for a
lesson of another system with the "sources" that were found in its files, or
{"problem": one sentence, "final": whether trying again is of no use, "full": whether the disk was}. The standard input
stays open as long as the worker lives; when it ends, so does this.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from av.error import FFmpegError

from lms_server.worker import rendering
from media import foreign
from media.assemble import CannotAssemble, Output, assemble_lesson
from media.compose import Form, compose
from media.lesson import BadLesson, Lesson, Original, Source, Take
from media.probe import Unreadable
from media.remux import NotWhole
from media.renditions.layout import CannotRender, lay_out

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
FORM: Form = "pip"
"""Of the film: as wide as students' screens are. Whoever wants the pictures beside each other exports that in the room.
"""


def main() -> None:
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_worker, daemon=True).start()
    if order.get("goal", "files") != "files":
        os.nice(19)
    json.dump(assemble(order), sys.stdout, default=str)
    sys.stdout.flush()


def assemble(order: dict[str, Any]) -> dict[str, Any]:
    """The answer to an order; both as in the module's head."""
    sources: list[Source] | None = None
    try:
        if order.get("kind") == "thumbnail":
            outputs = rendering.shrink(Path(order["files"]["poster"]), Path(order["out"]))
        else:
            outputs, sources = _outputs(order)
    except (BadLesson, CannotAssemble, CannotRender) as error:
        return {"problem": str(error), "final": True, "full": False}
    except NotWhole as error:
        return {"problem": str(error), "final": False, "full": False}
    except OSError as error:
        full = error.errno in FULL
        sentence = "The server's disk is full." if full else f"A file could not be read or written: {error}."
        return {"problem": sentence, "final": False, "full": full}
    except (FFmpegError, Unreadable) as error:
        return {"problem": f"A recording could not be read: {error}.", "final": False, "full": False}
    answer: dict[str, Any] = {"outputs": [asdict(output) for output in outputs]}
    if sources is not None:
        answer["sources"] = [asdict(source) for source in sources]
    return answer


def _outputs(order: dict[str, Any]) -> tuple[list[Output], list[Source] | None]:
    """What was made; and the sources of a lesson of another system, where they were found. Raises what media raises."""
    files = {name: Path(path) for name, path in order["files"].items()}
    films = [Path(film) for film in order.get("films", [])]
    out = Path(order["out"])
    progress = Progress(Path(order["progress"])) if "progress" in order else lambda done: None
    lesson = Lesson.from_json(Path(order["manifest"]).read_bytes())

    def file_of(part: Take | Original) -> Path:
        return files.get(part.file, out / "missing" / part.file)

    if order.get("goal", "files") != "files":
        if lesson.originals:
            lesson, made = foreign.of_films(lesson, films, next(map(Path, order.get("sounds", [])), None))
            files |= made
        if order["goal"] == "small":
            return rendering.render(order["kind"], lesson, file_of, out, progress), None
        layout = lay_out(lesson, file_of)
        return [compose(layout, films, FORM, out, report=lambda problem: None, progress=progress)], None
    problems: list[str] = []
    if lesson.originals:
        # It may have to be encoded: at a low priority, behind what is only copied; not at the lowest, for somebody
        # waits for it.
        os.nice(10)
        lesson, problems = foreign.unpacked(lesson, file_of, out / "takes")
        files |= {take.file: out / "takes" / take.file for take in lesson.takes}
    outputs = [
        replace(output, problems=(*output.problems, *problems))
        for output in assemble_lesson(lesson, file_of, out, progress=progress)
    ]
    if not outputs:
        raise CannotAssemble(" ".join([*problems, "Nothing of this lesson can be played."]))
    return outputs, lesson.sources if lesson.originals else None


class Progress:
    """Writes down how far the work is, now and again. It may be lost: nothing depends on it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._next = 0.0

    def __call__(self, done: float) -> None:
        """done: 0 to 1."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + 1.0
            part = self._file.with_suffix(".part")
            part.write_text(f"{done:.4f}")
            part.replace(self._file)


def _end_with_the_worker() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
