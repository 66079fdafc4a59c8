"""A recorded room for tests: a lesson, the folder of its takes, and what is made of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from media.assemble import Output, assemble_lesson
from media.lesson import Lesson, Source, Span
from tests.measure import Offset, vcl_hashes
from tests.measure.takes import add_audio, add_video, lesson_of

FRONT = Source("front", "camera", "video", "Front camera")
LECTERN = Source("lectern", "microphone", "audio", "Lectern")
WALL = 1_790_000_000.0


class Room:
    """A lesson and the folder its takes lie in."""

    def __init__(self, folder: Path, *sources: Source, spans: list[Span] | None = None) -> None:
        self.folder = folder / "lesson"
        self.out = folder / "out"
        self.out.mkdir()
        self.lesson: Lesson = lesson_of([replace(source) for source in sources or (FRONT, LECTERN)], spans)

    def video(self, epoch: float, seconds: float, source: str = "front", **how: object) -> None:
        add_video(self.lesson, self.folder, source, epoch, seconds, **how)  # type: ignore[arg-type]  # passed through

    def audio(self, epoch: float, seconds: float, source: str = "lectern", **how: object) -> None:
        add_audio(self.lesson, self.folder, source, epoch, seconds, **how)  # type: ignore[arg-type]  # passed through

    def assemble(self, **options: object) -> dict[str, Output]:
        outputs = assemble_lesson(
            self.lesson,
            lambda take: self.folder / take.file,
            self.out,
            **options,  # type: ignore[arg-type]  # passed through
        )
        assert sorted(path.name for path in self.out.iterdir()) == sorted(output.name for output in outputs)
        return {output.name: output for output in outputs}

    def file(self, source: str, number: int = 1) -> Path:
        return self.folder / self.lesson.takes_of(source)[number - 1].file

    def hashes(self, source: str) -> list[str]:
        return [h for take in self.lesson.takes_of(source) for h in vcl_hashes(self.folder / take.file)]


def in_sync(pairs: list[Offset], count: int) -> None:
    assert len(pairs) == count
    assert all(abs(pair.ms) <= 15 for pair in pairs), pairs
