"""server.ingest: how fast the server takes a file in, beside npm's ``@tus/server`` on the same disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from benchmarks import sending
from benchmarks.harness import Figure, medians
from benchmarks.peers import peers, to_ours
from tests.system.enrolled import Agent

BYTES = 256 * 1024 * 1024
RUNS = 5


def ingest(folder: Path) -> Iterator[Figure]:
    """MB/s of 256 MiB by tus-js-client, from the program's start to its end. Ours has proven, synced and signed for it
    by then; theirs has written it."""
    with sending.server(folder) as central, peers({}, folder / "peers") as others:
        file = folder / "take.mp4"
        file.write_bytes(os.urandom(BYTES))
        theirs = next(each for each in others if each.name == "tus-js-client")
        room = Agent(folder, central, central.url)
        ours = next(each for each in to_ours(central, room) if each.name.startswith("tus-js-client"))
        values = medians("server.ingest", RUNS, lambda: ours.rate(file) / 1e6, lambda: theirs.rate(file) / 1e6)
    yield Figure("server.ingest", values[0], "MB/s", "@tus/server", values[1])
