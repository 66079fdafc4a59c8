"""The worker: takes one lesson after the other, assembles it, puts the files into the store."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.exc import OperationalError

from lms_server.catalog.jobs import LEASE, Goal, Job, Jobs, Made
from lms_server.catalog.rendering import Rendering
from lms_server.ingest.manifest import source_card
from lms_server.store import NotStored, Store, StoreUnavailable
from media.lesson import Source

IDLE: dict[Goal, float] = {"files": 2.0, "film": 30.0, "small": 5.0}
"""Seconds between looks into the database while there is nothing to do: nobody waits for them, and a small server's
processor stays asleep."""
PROGRESS = "progress"
"""The file in which an assembly says how far it is."""
LOOK = 0.1
"""Seconds between looks at a running assembly."""
LONGEST: dict[Goal, float] = {"files": 6 * 3600.0, "film": 48 * 3600.0, "small": 48 * 3600.0}
"""Seconds the work on a lesson may take. Files are copied packets, a day's in minutes; films are encoded, and only
while the server has nothing better to do."""
log = structlog.get_logger(__name__)


class Worker:
    def __init__(self, jobs: Jobs | Rendering, store: Store, folder: Path, owner: str, goal: Goal = "files") -> None:
        """folder: where files are built, on the store's file system. owner: this worker's name on its leases."""
        self._jobs = jobs
        self._store = store
        self._folder = folder
        self._owner = owner
        self._goal = goal
        self._folder.mkdir(parents=True, exist_ok=True)

    def run(self, stop: threading.Event) -> None:
        """Until stop is set; a lesson half-way is given back then."""
        while not stop.is_set():
            try:
                found = self.once(stop)
            except OperationalError as error:
                log.error("the database does not answer", problem=str(error.orig))
                found = False
            if not found:
                stop.wait(IDLE[self._goal])

    def once(self, stop: threading.Event) -> bool:
        """Work on the lesson that waits longest. False when none does."""
        job = self._jobs.claim(self._owner, self._goal)
        if job is None:
            return False
        log.info("assembling", lesson=job.lesson, goal=job.kind or job.goal, attempt=job.attempts + 1)
        folder = self._folder / f"{job.lesson}.{job.kind or job.goal}"
        shutil.rmtree(folder, ignore_errors=True)  # a killed worker's leavings
        try:
            folder.mkdir(parents=True)
            with self._renewing(job, folder) as lost:
                self._assemble(job, folder, stop, lost)
        except OSError as error:
            # The folder or the store, not the lesson: it is tried again for ever.
            disk = f"The server's disk refuses to work: {error}."
            problem = str(error) if isinstance(error, StoreUnavailable) else disk
            self._fail(job, {"problem": problem, "final": False, "full": True})
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return True

    @contextmanager
    def _renewing(self, job: Job, folder: Path) -> Iterator[threading.Event]:
        """Keeps the lease while the block lasts: fetching from a store and putting into it takes longer than a lease.
        With it goes how far the work in this folder is. The event is set when the lesson is no longer ours."""
        over, lost = threading.Event(), threading.Event()

        def renew() -> None:
            while not over.wait(LEASE / 4):
                try:
                    if self._jobs.renew(job, self._owner, _progress(folder)):
                        continue
                except OperationalError as error:
                    log.error("lease not renewed", lesson=job.lesson, problem=str(error.orig))
                    continue  # whether it is still ours is found in the end
                log.warning("lost the lease", lesson=job.lesson)
                lost.set()
                return

        thread = threading.Thread(target=renew, daemon=True)
        thread.start()
        try:
            yield lost
        finally:
            over.set()
            thread.join()

    def _assemble(self, job: Job, folder: Path, stop: threading.Event, lost: threading.Event) -> None:
        with ExitStack() as held:
            try:

                def local(sha256: str) -> str:
                    return str(held.enter_context(self._store.local(sha256)))

                order: dict[str, Any] = {
                    "goal": job.goal,
                    "kind": job.kind,
                    "files": {path: local(sha256) for path, sha256 in job.files.items()},
                    "films": [local(each) for each in job.programmes],
                    "sounds": [local(each) for each in job.sounds],
                    "out": str(folder),
                    "progress": str(folder / PROGRESS),
                }
                if job.manifest:
                    order["manifest"] = local(job.manifest)
            except NotStored as error:
                answer: dict[str, Any] = {"problem": f"The store has lost {error}.", "final": False, "full": False}
            else:
                found = self._run(job, order, stop, lost)
                if found is None:
                    return
                answer = found
        if "outputs" in answer:
            self._finish(job, answer["outputs"], answer.get("sources"))
        else:
            self._fail(job, answer)

    def _run(
        self, job: Job, order: dict[str, Any], stop: threading.Event, lost: threading.Event
    ) -> dict[str, Any] | None:
        """The assembly's answer; None when it was stopped, because we end or the lesson is no longer ours."""
        errors = Path(order["out"]) / "errors.log"
        with errors.open("wb") as log_file:
            process = subprocess.Popen(
                [sys.executable, "-m", "lms_server.worker.assembly"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log_file,
            )
        assert process.stdin is not None  # noqa: S101  asked for above
        assert process.stdout is not None  # noqa: S101  asked for above
        with process.stdin, process.stdout:
            try:
                process.stdin.write(json.dumps(order).encode() + b"\n")
                process.stdin.flush()
            except BrokenPipeError:
                pass  # it died at its start: the exit code below says so
            begun = time.monotonic()
            while process.poll() is None and not lost.is_set():
                if stop.wait(LOOK) or time.monotonic() - begun > LONGEST[job.goal]:
                    break
            if lost.is_set():
                _end(process)
                return None
            if process.poll() is None:
                _end(process)
                if stop.is_set():
                    self._jobs.release(job, self._owner)
                    return None
                return {"problem": "Assembling took too long.", "final": False, "full": False}
            return _answer(process, process.stdout.read(), errors)

    def _finish(self, job: Job, outputs: list[dict[str, Any]], sources: list[dict[str, Any]] | None) -> None:
        made: list[Made] = []
        for output in outputs:
            self._store.adopt(Path(output["path"]), output["sha256"])
            made.append(Made(**{name: output[name] for name in Made.__dataclass_fields__}))
        found = None if sources is None else [source_card(Source(**each)) for each in sources]
        problems = dict.fromkeys(problem for output in outputs for problem in output["problems"])
        if self._jobs.done(job, self._owner, made, " ".join(problems), found):
            log.info("ready", lesson=job.lesson, goal=job.kind or job.goal, files=len(made))

    def _fail(self, job: Job, answer: dict[str, Any]) -> None:
        log.error("not assembled", lesson=job.lesson, problem=answer["problem"], final=answer["final"])
        self._jobs.failed(job, self._owner, answer["problem"], final=answer["final"], counts=not answer["full"])


def _progress(folder: Path) -> float:
    """How far an assembly says it is, 0 to 1."""
    try:
        return min(1.0, max(0.0, float((folder / PROGRESS).read_text())))
    except (OSError, ValueError):  # it has not said it yet
        return 0.0


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()  # it holds nothing worth keeping
    process.wait()


def _answer(process: subprocess.Popen[bytes], text: bytes, errors: Path) -> dict[str, Any]:
    if process.returncode == 0:
        answer: dict[str, Any] = json.loads(text)
        return answer
    last = errors.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
    log.error("assembly died", code=process.returncode, last=last)
    return {"problem": f"Assembling ended with {process.returncode}: {last[:200]}", "final": False, "full": False}
