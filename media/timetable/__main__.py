"""``python -m media.timetable``: a question on standard input, its answer on standard output; see ``apart``."""

from __future__ import annotations

import json
import resource
import sys

from media.timetable import BadTimetable
from media.timetable.apart import MEMORY, SLOW


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    question = json.loads(sys.stdin.buffer.readline())
    resource.setrlimit(resource.RLIMIT_CPU, (question["seconds"], question["seconds"]))
    from media.timetable.reading import read  # noqa: PLC0415 - only with the limits in force

    text = sys.stdin.buffer.read().decode("utf-8-sig", "replace")
    try:
        answer = read(text, question["since"], question["until"]).as_json()
    except BadTimetable as error:
        answer = {"problem": str(error)}
    except MemoryError:
        answer = {"problem": SLOW}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
