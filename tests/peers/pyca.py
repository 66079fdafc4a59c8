"""pyCA from PyPI, unmodified, in the tests' second Python environment: a capture agent of others, which records its own
test source."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.peers.program import stop

PYTHON = Path(sys.prefix) / "peers" / "bin" / "python"


@contextmanager
def pyca(folder: Path, server: str, name: str, password: str, *, method: str, capture: str = "") -> Iterator[Path]:
    """pyCA with this login, by ``digest`` or ``basic``; gives its log. folder: its own, for it keeps its database where
    it was started. capture: lines of that section; as it comes, it records FFmpeg's test picture."""
    assert PYTHON.exists(), "make test installs the tests' peers: .venv/bin/python -m provisioning.prepare test"
    folder.mkdir()
    config, log = folder / "pyca.conf", folder / "pyca.log"
    config.write_text(
        f"[agent]\nname = {name}\nupdate_frequency = 5\n\n[capture]\n{capture}\n"
        f"[server]\nurl = {server}\nauth_method = {method}\nusername = {name}\npassword = {password}\n"
    )
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(PYTHON), "-m", "pyca", "-c", str(config), "run"],
            cwd=folder,
            stdout=out,
            stderr=out,
            env=env,
            start_new_session=True,
        )
    try:
        yield log
    finally:
        stop(process, 10)
