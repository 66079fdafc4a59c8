"""One lesson assembled, in a process of its own: what a strange recording does to the media libraries, it does here.

    {"manifest": "…/lesson.json", "files": {"front/take-001.mp4": "…/ab/cd/abcd…"}, "out": "…"}

is the order, a JSON line on standard input to ``python -m lms_server.worker.assembly``. With ``"films": ["…"]``, the
lesson's programmes, one film of two pictures is made beside them, at the lowest priority.

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
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from av.error import FFmpegError

from media import foreign
from media.assemble import CannotAssemble, assemble_lesson
from media.compose import Form, compose
from media.lesson import BadLesson, Lesson, Original, Take
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
    if "films" in order:
        os.nice(19)
    json.dump(assemble(order), sys.stdout, default=str)
    sys.stdout.flush()


def assemble(order: dict[str, Any]) -> dict[str, Any]:
    """The answer to an order; both as in the module's head."""
    files = {name: Path(path) for name, path in order["files"].items()}
    out = Path(order["out"])
    try:
        lesson = Lesson.from_json(Path(order["manifest"]).read_bytes())

        def file_of(part: Take | Original) -> Path:
            return files.get(part.file, out / "missing" / part.file)

        films = [Path(film) for film in order.get("films", [])]
        problems: list[str] = []
        if lesson.originals:
            lesson, made, problems = _of_others(lesson, file_of, films, out)
            files |= made
        if films:
            outputs = [compose(lay_out(lesson, file_of), films, FORM, out, report=lambda problem: None)]
        else:
            outputs = [
                replace(output, problems=(*output.problems, *problems))
                for output in assemble_lesson(lesson, file_of, out)
            ]
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
    if not outputs:
        problem = " ".join([*problems, "Nothing of this lesson can be played."])
        return {"problem": problem, "final": True, "full": False}
    answer: dict[str, Any] = {"outputs": [asdict(output) for output in outputs]}
    if lesson.originals and not films:
        answer["sources"] = [asdict(source) for source in lesson.sources]
    return answer


def _of_others(
    lesson: Lesson, file_of: Callable[[Original], Path], films: list[Path], out: Path
) -> tuple[Lesson, dict[str, Path], list[str]]:
    """A lesson that another system recorded, with takes, their files, and what is wrong with the originals. It may have
    to be encoded: at a low priority, behind what is only copied; not at the lowest, for somebody waits for it."""
    if films:
        return *foreign.of_films(lesson, films), []
    os.nice(10)
    lesson, problems = foreign.unpacked(lesson, file_of, out / "takes")
    return lesson, {take.file: out / "takes" / take.file for take in lesson.takes}, problems


def _end_with_the_worker() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
