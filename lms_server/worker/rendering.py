"""One small form of a lesson, as its room would have made it (docs/decisions/0012-the-slidecast-is-an-mp4.md). Called
by ``assembly``, in its process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from media.assemble import Output
from media.lesson import Lesson, Take
from media.remux import digest_of
from media.renditions.layout import lay_out
from media.renditions.proxy import make_proxy
from media.renditions.slidecast import make_slidecast
from media.renditions.stills import source_of_slides
from media.renditions.thumbnail import make_thumbnail

Small = Literal["slidecast", "proxy", "thumbnail"]
FOLDER = "renditions"
"""In the names of files, where no source's file can stand."""


def render(
    kind: Small, lesson: Lesson, file_of: Callable[[Take], Path], out: Path, progress: Callable[[float], None]
) -> list[Output]:
    """The small form in the folder ``out``, with a poster beside a slidecast that has pictures; none where nothing of
    that kind can be made of the lesson. Raises CannotRender, OSError, av.FFmpegError."""
    said: dict[str, None] = {}
    layout = lay_out(lesson, file_of)
    slides = source_of_slides(layout, said.setdefault)
    made: list[Output] = []
    if kind == "slidecast":
        slidecast, poster = out / "slidecast.mp4", out / "poster.jpg"
        if make_slidecast(layout, slides, slidecast, poster, said.setdefault, progress=progress).poster:
            made.append(_output("poster", poster, 0.0))
        made.append(_output("slidecast", slidecast, layout.end))
    elif kind == "proxy" and slides is not None:
        proxy = out / "proxy.mp4"
        make_proxy(layout, slides, proxy, said.setdefault, progress)
        made.append(_output("proxy", proxy, layout.end))
    return made


def shrink(poster: Path, out: Path) -> list[Output]:
    """Its thumbnail. Raises CannotRender, OSError."""
    thumbnail = out / "thumbnail.jpg"
    make_thumbnail(poster, thumbnail)
    return [_output("thumbnail", thumbnail, 0.0)]


def _output(kind: Literal["poster", "slidecast", "proxy", "thumbnail"], file: Path, seconds: float) -> Output:
    size, sha256 = digest_of(file)
    content_type = "image/jpeg" if file.suffix == ".jpg" else "video/mp4"
    return Output(f"{FOLDER}/{file.name}", kind, "", file, size, sha256, round(seconds, 3), content_type)
