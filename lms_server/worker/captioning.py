"""Captions by a program of the institution's: it gets a lesson's sound, and says WebVTT.

    COMMAND SOUND LANGUAGE        SOUND: an M4A file to read. LANGUAGE: a code (BCP 47), ``und`` when it is not known.

It writes WebVTT in UTF-8 on its standard output and ends with 0; nothing else of it is kept but the last line of what
it says on standard error, when it fails. It runs at the lowest priority and ends with the worker.
"""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import structlog
from sqlalchemy.exc import OperationalError

from lms_server.captions import LARGEST, Captions, check
from lms_server.catalog.audit import AT_WORK
from lms_server.catalog.captioning import Captioning, Sound
from lms_server.catalog.jobs import LEASE
from lms_server.errors import ServerError
from lms_server.store import NotStored, Store

IDLE = 30.0
"""Seconds between looks for a lesson while there is none."""
LOOK = 0.2
"""Seconds between looks at the running program."""
LONGEST = 12 * 3600.0
"""Seconds it may take for one lesson."""
log = structlog.get_logger(__name__)


class Captioner:
    def __init__(
        self, jobs: Captioning, captions: Captions, store: Store, *, command: Sequence[str], owner: str, folder: Path
    ) -> None:
        """command: its words, to which the sound's path and the language are added. folder: for what it says."""
        self._jobs, self._captions, self._store = jobs, captions, store
        self._command, self._owner, self._folder = list(command), owner, folder
        folder.mkdir(parents=True, exist_ok=True)

    def run(self, stop: threading.Event) -> None:
        """Until stop is set; a lesson half-way is given back then."""
        while not stop.is_set():
            try:
                found = self.once(stop)
            except (OperationalError, OSError) as error:
                log.error("captions put off", problem=str(error))
                found = False
            if not found:
                stop.wait(IDLE)

    def once(self, stop: threading.Event) -> bool:
        """One lesson. False when none waits."""
        sound = self._jobs.claim(self._owner)
        if sound is None:
            return False
        try:
            with self._store.local(sound.sha256) as file, tempfile.TemporaryFile(dir=self._folder) as said:
                problem = self._listen(sound, file, said.fileno(), stop)
                if problem is None:
                    said.seek(0)
                    self._give(sound, said.read(LARGEST + 1))
                elif problem:
                    self._fail(sound, problem)
        except NotStored:
            self._fail(sound, "The store has lost the sound.")
        except ServerError as error:
            self._fail(sound, f"What the captions program said is refused: {error.detail}")
        return True

    def _listen(self, sound: Sound, file: Path, out: int, stop: threading.Event) -> str | None:
        """What went wrong, one sentence; "" when it is no longer ours to do, None when all is well."""
        command = ["nice", "-n", "19", *self._command, str(file), sound.language]
        with tempfile.TemporaryFile(dir=self._folder) as errors:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=errors)
            try:
                begun = renewed = time.monotonic()
                while process.poll() is None:
                    now = time.monotonic()
                    if stop.wait(LOOK):
                        self._jobs.release(sound, self._owner)
                        return ""
                    if now - begun > LONGEST:
                        return "The captions program took too long."
                    if now - renewed > LEASE / 4:
                        renewed = now
                        if not self._jobs.renew(sound, self._owner):
                            return ""
            finally:
                process.kill()  # it holds nothing worth keeping
                process.wait()
            if process.returncode == 0:
                return None
            errors.seek(0)
            last = errors.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
            return f"The captions program ended with {process.returncode}: {last[:200]}"

    def _give(self, sound: Sound, text: bytes) -> None:
        """Raises BadRequest, TooLarge for what is no WebVTT."""
        check(text)
        if self._jobs.wanted(sound, self._owner):
            self._captions.take(AT_WORK, sound.lesson, sound.language, text)
            log.info("captions made", lesson=sound.lesson, language=sound.language)
        self._jobs.done(sound, self._owner)

    def _fail(self, sound: Sound, problem: str) -> None:
        log.error("no captions", lesson=sound.lesson, problem=problem)
        self._jobs.failed(sound, self._owner, problem)
