"""What it costs to know how 32 panels are, and what one that hangs costs the others.

The panels are simulated in a process of their own and spoken to over TCP; the poller's process is the one measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.harness import Figure, ending, note

PANELS = 32
WARM_SECONDS, SECONDS = 12.0, 40.0
PROFILES = ("samsung-mdc", "lg", "nec", "philips-sicp", "viewsonic")
"""Those that are told apart by nothing but their bytes, in turn."""


def poll_32(_: Path) -> Iterator[Figure]:
    measured = _measure(hanging=0)
    note(f"drivers.poll_32: {measured['polls']:.0f} looks, the latest {measured['late_ms']:.0f} ms after its time")
    yield Figure("drivers.poll_32", measured["cpu_percent"], "% of a core")


def hang_isolation(_: Path) -> Iterator[Figure]:
    measured = _measure(hanging=1)
    note(f"drivers.hang_isolation: {measured['polls']:.0f} looks at the others")
    yield Figure("drivers.hang_isolation", measured["late_ms"], "ms")


def _measure(hanging: int) -> dict[str, float]:
    me = [sys.executable, "-m", "benchmarks.drivers"]
    with ending(subprocess.Popen([*me, "panels", str(PANELS), str(hanging)], stdout=subprocess.PIPE)) as panels:
        assert panels.stdout is not None
        ports = panels.stdout.readline().decode().split()
        said = subprocess.run([*me, "poll", *ports], stdout=subprocess.PIPE, check=True, timeout=180).stdout
        panels.stdout.close()
    return {str(key): float(value) for key, value in json.loads(said).items()}


# -- the panels' process


async def panels(count: int, hanging: int) -> None:
    from drivers.panel.model import load  # noqa: PLC0415 - the parent process needs none of it
    from drivers.panel.sim import Simulator  # noqa: PLC0415

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, device: Simulator | None) -> None:
        while data := await reader.read(4096):
            if device is not None:
                writer.write(device.answer(data))
        writer.close()

    ports = []
    for number in range(count):
        device = Simulator(load(PROFILES[number % len(PROFILES)]))
        device.state["power"] = "on"
        deaf = number < hanging
        server = await asyncio.start_server(
            lambda reader, writer, device=None if deaf else device: serve(reader, writer, device), "127.0.0.1", 0
        )
        ports.append(str(server.sockets[0].getsockname()[1]))
    print(*ports, flush=True)
    await asyncio.Event().wait()


# -- the poller's process


async def poll(ports: Sequence[str]) -> None:
    from appliance.config import parse  # noqa: PLC0415 - the parent process needs none of it
    from appliance.room.poller import Poller  # noqa: PLC0415

    tables = [
        f'[[panel]]\nid = "p{number}"\ndriver = "profile"\nprofile = "{PROFILES[number % len(PROFILES)]}"\n'
        f'host = "127.0.0.1"\ntcp_port = {port}\n'
        for number, port in enumerate(ports)
    ]
    poller = Poller(parse("\n".join(tables)).devices)
    task = asyncio.create_task(poller.run())
    await asyncio.sleep(WARM_SECONDS)  # every line is open now
    poller.latest, looks = 0.0, poller.looks
    began, cpu = time.monotonic(), time.process_time()
    await asyncio.sleep(SECONDS)
    used = (time.process_time() - cpu) / (time.monotonic() - began)
    print(json.dumps({"cpu_percent": 100 * used, "late_ms": 1000 * poller.latest, "polls": poller.looks - looks}))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["panels", "poll"])
    parser.add_argument("rest", nargs="*")
    chosen = parser.parse_args()
    if chosen.part == "panels":
        count, hanging = chosen.rest
        asyncio.run(panels(int(count), int(hanging)))
    else:
        import uvloop  # noqa: PLC0415 - as the daemon has it

        uvloop.run(poll(chosen.rest))


if __name__ == "__main__":
    main()
