"""Which small forms of a lesson the server makes itself, and whose count.

    slidecast    sound and slides, and a poster with it where none came
    proxy        one small film
    thumbnail    the poster once more, small enough for lists

A row says that one is to be made (see ``rendering``). It is written with what calls for it: the lesson's files are
made, or a poster is there. What the room made itself counts, whenever it comes: ``arrived`` takes away what stood in
for it, and what was still to be made.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session, col, delete, select

from lms_server.catalog import graves
from lms_server.catalog.tables import Asset, LessonRow, OutputRow, RenderingRow

WAIT = 6 * 3600.0
"""Seconds for which a room's own small forms are waited for when its recordings are all here. Of a lesson that came
from another system there will be none, and nobody waits."""
ENDINGS = {"slidecast": ".mp4", "proxy": ".mp4", "poster": ".jpg"}
"""What claims to be a small form must also be of its type: a page plays or shows it."""
ORIGINAL = "original"
"""The name, without an ending, of a file as another system recorded it; see ``packages``."""


def wanted(session: Session, lesson: LessonRow, now: float) -> None:
    """Its files are made, all others that the worker had made are gone: write down what is to be made of them."""
    session.exec(delete(RenderingRow).where(col(RenderingRow.lesson_id) == lesson.id))
    due = now if of_another_system(lesson) else now + WAIT
    for later, kind in enumerate(("slidecast", "proxy")):  # what students can use first comes first
        if not came(session, lesson.id, kind):
            want(session, lesson.id, kind, due + later)
    if came(session, lesson.id, "poster"):
        want(session, lesson.id, "thumbnail", now)


def arrived(session: Session, asset: Asset, now: float) -> None:
    """The room's own file is here. The lesson is locked."""
    if not is_rendition(asset):
        return
    others = ("poster", "thumbnail") if asset.kind == "poster" else (asset.kind,)
    drop(session, asset.lesson_id, others, now)
    mine = (col(RenderingRow.lesson_id) == asset.lesson_id) & col(RenderingRow.kind).in_(others)
    session.exec(delete(RenderingRow).where(mine))
    if asset.kind == "poster":
        want(session, asset.lesson_id, "thumbnail", now)


def is_rendition(asset: Asset) -> bool:
    return ENDINGS.get(asset.kind, "?") == asset.path[asset.path.rfind(".") :]


def want(session: Session, lesson_id: str, kind: str, due: float) -> None:
    """Write down that it is to be made."""
    session.merge(RenderingRow(lesson_id=lesson_id, kind=kind, due=due))


def drop(session: Session, lesson_id: str, kinds: Sequence[str], now: float) -> None:
    """Take away what the server made."""
    mine = (col(OutputRow.lesson_id) == lesson_id) & col(OutputRow.kind).in_(kinds)
    graves.doom(session, lesson_id, session.exec(select(OutputRow.sha256).where(mine)).all(), now)
    session.exec(delete(OutputRow).where(mine))


def came(session: Session, lesson_id: str, kind: str) -> bool:
    """Whether the room sent its own."""
    mine = col(Asset.lesson_id) == lesson_id, col(Asset.kind) == kind
    right = col(Asset.path).endswith(ENDINGS[kind])
    return session.exec(select(Asset.id).where(*mine, right).limit(1)).first() is not None


def of_another_system(lesson: LessonRow) -> bool:
    """Whether its recordings are another system's, and its takes were made here."""
    names = (str(take["path"]).rpartition("/")[2] for take in lesson.takes or [])
    return any(name.partition(".")[0] == ORIGINAL for name in names)
