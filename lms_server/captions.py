"""Captions that a person gives a lesson: checked as WebVTT, kept in the store."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import webvtt
from webvtt.errors import MalformedCaptionError, MalformedFileError

from lms_server.catalog.editing import Editing
from lms_server.catalog.schemas import Person
from lms_server.errors import BadRequest, TooLarge
from lms_server.store import Store

LARGEST = 2 * 1024 * 1024
"""Bytes; a day of speech in three-byte letters is less."""


class Captions:
    def __init__(self, editing: Editing, store: Store, folder: Path) -> None:
        """folder: where a file may lie until the store takes it, on the store's file system."""
        self._editing, self._store, self._folder = editing, store, folder

    def take(self, person: Person, lesson_id: str, language: str, text: bytes) -> None:
        """In the place of those in this language. Raises Forbidden, NotFound, TooLarge, BadRequest."""
        self._editing.may_edit(person, lesson_id)
        check(text)
        sha256 = hashlib.sha256(text).hexdigest()
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix="captions-", delete=False) as file:
            file.write(text)
        try:
            self._store.adopt(Path(file.name), sha256)
        finally:
            Path(file.name).unlink(missing_ok=True)
        self._editing.caption(person, lesson_id, language, sha256, len(text))


def check(text: bytes) -> None:
    """Raises TooLarge or BadRequest, each with what to do about it."""
    if len(text) > LARGEST:
        raise TooLarge("too-large", f"Captions have at most {LARGEST // 1024**2} MiB.")
    try:
        cues = webvtt.from_string(text.decode("utf-8-sig").replace("\r\n", "\n"), strict=True)
    except UnicodeDecodeError as error:
        raise _bad("The captions are not in UTF-8; save them as UTF-8 and send them again.") from error
    except MalformedFileError as error:
        raise _bad("That is not WebVTT, which begins with the line WEBVTT; export the captions as .vtt.") from error
    except MalformedCaptionError as error:
        what = " ".join(str(error).split())[:200]
        raise _bad(f"A caption cannot be read ({what}); mend it and send it again.") from error
    if not cues.captions:
        raise _bad("There is no caption in that file.")
    for cue in cues.captions:
        if cue.start >= cue.end:
            raise _bad(f"The caption at {cue.start} ends before it begins; mend it and send it again.")


def _bad(sentence: str) -> BadRequest:
    return BadRequest("bad-captions", sentence)
