"""The room's own programs, watched: every fragment is noted, outside the crash disk, once its keeper calls it durable.

    watched-room CONFIG SPOOL PORT NOTES [--boot NAME] [--plant BUG]

It runs the daemon as ``appliance run`` does, with two differences: its keepers note what they call durable in the file
NOTES, a JSON line a fragment, and one of the PLANTS may be built in. A laboratory that catches no planted bug is none.
Nothing here is known to the product, and tests/peers/zygote.py starts it.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

NOTES, PLANT = "DARSBOX_WITNESS_NOTES", "DARSBOX_WITNESS_PLANT"
PLANTS = ("fragments-not-synced", "journal-synced-alone", "lesson-not-synced", "ledger-not-synced")
NURSERY = "import sys; sys.path.insert(0, sys.argv[1]); from tests.system.powercut.witness import nursery; nursery()"


def nursery() -> None:
    """Makes keepers as the daemon's does, standard library only. Watched and, if so ordered, spoilt."""
    from appliance.recorder import nursery as real
    from appliance.spool.takes import TakeWriter

    notes = os.open(os.environ[NOTES], os.O_WRONLY | os.O_APPEND)
    append, sync = TakeWriter.append, os.fdatasync

    def watched(self: TakeWriter, *what: Any) -> Any:
        entry = append(self, *what)
        place = "/".join(self.file.parts[-3:])
        note = {"file": place, "off": entry.off, "len": entry.len, "sha": entry.sha, "mono": time.monotonic()}
        os.write(notes, json.dumps(note).encode() + b"\n")
        return entry

    def journals_only(descriptor: int) -> None:
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith(".journal"):
            sync(descriptor)

    TakeWriter.append = watched  # type: ignore[method-assign]  # to watch is what this program is for
    if os.environ[PLANT] == "fragments-not-synced":
        os.fdatasync = lambda descriptor: None  # type: ignore[assignment]  # the planted bug
    elif os.environ[PLANT] == "journal-synced-alone":
        os.fdatasync = journals_only  # type: ignore[assignment]  # the planted bug
    real.main()


def daemon() -> None:
    from appliance import config, logs, main
    from appliance.recorder import nursery as nurseries
    from appliance.spool import layout

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("spool", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("notes", type=Path)
    parser.add_argument("--boot", default="")
    parser.add_argument("--plant", default="", choices=("", *PLANTS))
    options = parser.parse_args()
    options.notes.touch()
    os.environ.update({NOTES: str(options.notes), PLANT: options.plant})
    nurseries._BOOT = NURSERY
    if options.plant == "lesson-not-synced":

        def replace_carelessly(path: Path, data: bytes, mode: int = 0o644) -> None:
            temporary = path.with_name(f".{path.name}.new")
            temporary.write_bytes(data)
            temporary.replace(path)

        layout.write_atomically = replace_carelessly
    logs.configure()
    main.run(config.load(options.config), options.spool, "127.0.0.1", options.port, options.boot)
