"""Small pipelines of programs for the preview: (feeder |) decoder, which die with the daemon and at a word.

Not for recordings: those belong to keepers, which outlive the daemon.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_NICENESS = 10
_FIRST_TO_GO = b"300"
"""Of oom_score_adj (proc(5)); the room's unit gives its recorder, and what it starts, -500."""
CLOSING = 1.0
"""Seconds a killed program's pipe may still be held open by somebody it started."""
_libc = ctypes.CDLL(None)


def as_a_guest() -> None:
    """In the child: die with the daemon even if it is killed, and give way to recordings, also when memory runs out."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.nice(_NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_bytes(_FIRST_TO_GO)


class Pipe:
    """One or two running programs; the last one's output is read, everybody's last words are kept."""

    def __init__(self, processes: Sequence[Process]) -> None:
        self._processes = processes
        self._words: deque[str] = deque(maxlen=5)
        self._last = processes[-1]

    async def read(self) -> bytes:
        """What the last program wrote; empty when it has ended."""
        return await self._last.stdout.read(1 << 16) if self._last.stdout is not None else b""

    async def write(self, data: bytes) -> None:
        """Into the last program's input. Raises OSError when it has ended."""
        await tell(self._last, data)

    def end_input(self) -> None:
        if self._last.stdin is not None:
            self._last.stdin.close()

    async def said(self) -> AsyncIterator[bytes]:
        """Lines of the last program's standard error; not together with ``read_log``."""
        if self._last.stderr is not None:
            async for line in _lines(self._last.stderr):
                yield line

    def kill(self) -> None:
        for process in self._processes:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()

    async def wait(self) -> None:
        """Returns when all have ended."""
        for process in self._processes:
            await process.wait()

    async def close(self) -> None:
        """Kill, and take what is left in the pipes, so that nothing stays open, not even a pipe that somebody holds
        whom these programs have started."""
        self.kill()
        self.end_input()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSING):
                while await self.read():
                    pass
        for process in self._processes:
            # asyncio knows of an end only when every pipe has ended or was closed, and has no public word for that.
            process._transport.close()  # type: ignore[attr-defined]
        await self.wait()

    async def read_log(self) -> None:
        """Keep what the programs complain of, until they end."""
        await asyncio.gather(*(self._read(process) for process in self._processes))

    async def _read(self, process: Process) -> None:
        if process.stderr is not None:
            async for line in _lines(process.stderr):
                text = line.decode(errors="replace").strip()
                if text and not text.startswith(('{"epoch"', '{"rms_db"')):
                    self._words.append(text)

    @property
    def last_words(self) -> str:
        return self._words[-1] if self._words else "it ended without a word"


@asynccontextmanager
async def until_the_end(pipe: Pipe, *, log: bool = True) -> AsyncIterator[None]:
    """The programs are dead and their pipes closed when the block is left, however it is left. log: keep what they
    complain of."""
    reading = asyncio.ensure_future(pipe.read_log()) if log else None

    async def end() -> None:
        await pipe.close()
        if reading is not None:
            await reading

    try:
        yield
    finally:
        pipe.kill()
        await surely(end())


async def tell(process: Process, data: bytes) -> None:
    """Into a program's input. Raises OSError when it has ended; uvloop by itself would raise RuntimeError."""
    if process.stdin is None or process.stdin.is_closing():
        raise BrokenPipeError
    process.stdin.write(data)
    await process.stdin.drain()


async def put_down(process: Process) -> None:
    """Kill it, if it lives, and see it buried, however often we are cancelled meanwhile."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await surely(process.wait())


async def surely(work: Coroutine[None, None, object]) -> None:
    """Await it to its end, however often we are cancelled meanwhile; and are cancelled then."""
    working = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not working.done():
        try:
            await asyncio.wait({working})
        except asyncio.CancelledError as error:
            cancelled = error
    working.result()
    if cancelled is not None:
        raise cancelled


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Lines until the end of the stream; an endless one is passed over."""
    while True:
        try:
            line = await stream.readline()
        except ValueError:
            continue  # longer than the reader's limit: asyncio has dropped it
        if not line:
            return
        yield line


async def open_pipe(
    decoder: Sequence[str], feeder: Sequence[str] | None, env: Mapping[str, str], *, fed: bool = False
) -> Pipe:
    """Start the programs. fed: the caller writes to the decoder's standard input. Raises OSError."""
    environment = {**os.environ, **env}
    if feeder is None:
        return Pipe([await _start(decoder, PIPE if fed else DEVNULL, PIPE, environment)])
    read, write = os.pipe()
    try:
        first = await _start(feeder, DEVNULL, write, environment)
        try:
            second = await _start(decoder, read, PIPE, environment)
        except BaseException:  # a cancellation too: the feeder has nobody else who knows of it
            await surely(Pipe([first]).close())
            raise
    finally:
        os.close(read)
        os.close(write)
    return Pipe([first, second])


async def open_feeder(feeder: Sequence[str], env: Mapping[str, str]) -> Pipe:
    """Only a microphone's feeder, for the levels on its standard error. Raises OSError."""
    return Pipe([await _start(feeder, DEVNULL, DEVNULL, {**os.environ, **env})])


async def _start(argv: Sequence[str], stdin: int, stdout: int, env: Mapping[str, str]) -> Process:
    return await asyncio.create_subprocess_exec(
        *argv, stdin=stdin, stdout=stdout, stderr=PIPE, env=env, preexec_fn=as_a_guest
    )
