"""python -m benchmarks [ONLY]"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import (
    avsync,
    daemon,
    download,
    drivers,
    finalise,
    ingest,
    judge,
    late,
    loop,
    million,
    month,
    panel,
    player,
    recording,
    renditions,
    rooms,
    salvage,
    starting,
    sync,
)
from benchmarks.harness import Figure, note

BENCHES: dict[str, Callable[[Path], Iterator[Figure]]] = {
    "start.simulated": starting.simulated,
    "start.rtsp": starting.rtsp,
    "daemon.ready": daemon.ready,
    "daemon.idle": daemon.idle,
    "recorder.copy.1": recording.copy,
    "recorder.copy.3": recording.copy_three,
    "recorder.judged.3": recording.judged,
    "recorder.encode.1": recording.encode,
    "recorder.encode.3": recording.encode_three,
    "recorder.loop_delay": loop.delay,
    "recorder.late_fragments": late.fragments,
    "avsync.offset": avsync.offset,
    "finalise.10min": finalise.ten_minutes,
    "finalise.90min": finalise.ninety_minutes,
    "judge.f1": judge.f1,
    "salvage.90min": salvage.ninety_minutes,
    "slidecast.mb_per_90min": renditions.slidecast,
    "proxy.mb_per_90min": renditions.proxy,
    "panel.ready": panel.ready,
    "panel.tap": panel.tap,
    "panel.script_kb": panel.script,
    "panel.preview_delay": panel.preview,
    "panel.daemon_cpu": panel.daemon,
    "portal.player_start": player.start,
    "powercut.loss_max": salvage.loss,
    "drivers.poll_32": drivers.poll_32,
    "drivers.hang_isolation": drivers.hang_isolation,
    "sync.overhead": sync.overhead,
    "sync.slidecast_256k": sync.slidecast,
    "sync.loopback": sync.loopback,
    "sync.shaped": sync.shared,
    "sync.yield": sync.giving_way,
    "sync.idle": sync.idle,
    "sync.month": month.month,
    "server.search_1m": million.search,
    "server.rooms_10000": rooms.ten_thousand,
    "server.download": download.download,
    "server.ingest": ingest.ingest,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="make bench",
        description=__doc__,
        epilog="Example: python -m benchmarks start.rtsp; a beginning such as start takes all that begin so.",
    )
    parser.add_argument("only", nargs="?", default="", help=f"one of {', '.join(BENCHES)}")
    only = parser.parse_args().only
    chosen = [name for name in BENCHES if name == only] or [name for name in BENCHES if name.startswith(only)]
    if not chosen:
        print(f"There is no benchmark {only}; there are {', '.join(BENCHES)}.", file=sys.stderr)
        return 2
    # Whoever asks us to end wants what we started to end too; that is done on the way out.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        with tempfile.TemporaryDirectory(prefix="darsbox-bench-") as folder:
            for name in chosen:
                note(name)
                for figure in BENCHES[name](Path(folder) / name):
                    print(figure.line(), flush=True)
    except KeyboardInterrupt:
        note("Stopped.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
