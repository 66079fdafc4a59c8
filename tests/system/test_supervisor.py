"""The supervisor with small real processes: what dies comes back, what stops leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from provisioning.supervisor import Service, ServiceFailed, Supervised

pytestmark = pytest.mark.anyio

DEADLINE = 20.0
WEB = """
import http.server, sys
class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()
    def log_message(self, *arguments): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Healthy).serve_forever()
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(600)
"""


def service(tmp_path: Path, program: str, *arguments: str, port: int | None = None, stop: float = 5.0) -> Service:
    return Service(
        "thing", [sys.executable, "-c", program, *arguments], tmp_path / "thing.log", port, stop_seconds=stop
    )


@asynccontextmanager
async def running(wanted: Service) -> AsyncIterator[tuple[Supervised, list[str]]]:
    told: list[str] = []
    supervised = Supervised(wanted, told.append)
    async with asyncio.TaskGroup() as group:
        group.create_task(supervised.run())
        try:
            yield supervised, told
        finally:
            await supervised.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while True:
            if condition():
                return
            await asyncio.sleep(0.01)


async def test_a_killed_service_is_back_at_once(tmp_path: Path, free_tcp_port: int) -> None:
    async with running(service(tmp_path, WEB, str(free_tcp_port), port=free_tcp_port)) as (thing, told):
        async with asyncio.timeout(DEADLINE):
            await thing.ready.wait()
        first = thing.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: thing.pid not in (None, first))
        await until(lambda: any("works again" in line for line in told))
        assert any("SIGKILL" in line for line in told)


async def test_what_cannot_start_is_given_up_with_its_own_words(tmp_path: Path) -> None:
    broken = service(tmp_path, "import sys; sys.exit('The shelf is not level.')")
    with pytest.raises(ExceptionGroup) as caught:
        async with running(broken):
            await until(lambda: False)
    failure = caught.value.exceptions[0]
    assert isinstance(failure, ServiceFailed)
    assert "5 times in a row: The shelf is not level." in str(failure)


async def test_a_wrongly_called_service_is_not_tried_again(tmp_path: Path) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        async with running(service(tmp_path, "import sys; sys.exit(2)")) as (thing, _):
            await until(lambda: False)
    assert isinstance(caught.value.exceptions[0], ServiceFailed)
    assert thing.starts == 1


async def test_what_will_not_stop_is_killed_and_named(tmp_path: Path) -> None:
    async with running(service(tmp_path, STUBBORN, stop=0.2)) as (thing, told):
        async with asyncio.timeout(DEADLINE):
            await thing.ready.wait()
        pid = thing.pid
        assert pid is not None
    assert not psutil.pid_exists(pid)
    assert told == ["thing: did not stop in time; killed"]


async def test_nothing_outlives_a_killed_launcher(tmp_path: Path) -> None:
    """kill -9 of the launcher must not leave a server on the port of the next start."""
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from provisioning.supervisor import Service, Supervised\n"
        "thing = Supervised(Service('thing', [sys.executable, '-c', 'import time; time.sleep(600)'],"
        " Path(sys.argv[1])), print)\n"
        "async def main():\n"
        "    running = asyncio.ensure_future(thing.run())\n"
        "    await thing.ready.wait()\n"
        "    print(thing.pid, flush=True)\n"
        "    await running\n"
        "asyncio.run(main())\n"
    )
    launcher = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(tmp_path / "log"), stdout=asyncio.subprocess.PIPE
    )
    assert launcher.stdout is not None
    async with asyncio.timeout(DEADLINE):
        pid = int(await launcher.stdout.readline())
    launcher.kill()
    await launcher.wait()
    await until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
