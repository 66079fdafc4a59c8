"""``make check``, ``make test`` and ``make soak``: the same few tools in the same order; all are run, so that one look
shows everything. ``python -m provisioning.checks check|test|soak``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from provisioning.progress import complain, say

PROJECT = Path(__file__).resolve().parent.parent
NO_TESTS = 5
"""pytest's exit code when its selection is empty."""

_BIN = Path(sys.executable).parent
_PYTEST = [sys.executable, "-m", "pytest", "-q"]
SIDE_BY_SIDE = ["-n", "3", "--dist", "loadfile", "--no-loadscope-reorder"]
"""Most tests wait for lessons to be recorded in real time, so more run at once than there are processors; those of one
file one after the other, for they share servers and browsers. Their order is that of tests/conftest.py: xdist's own
puts files of many tests first, which are quick ones here."""
STATIC: dict[str, list[str]] = {
    "ruff check": [str(_BIN / "ruff"), "check", "--quiet"],
    "ruff format --check": [str(_BIN / "ruff"), "format", "--check", "--quiet"],
    "mypy --strict": [str(_BIN / "mypy"), "--no-error-summary"],
    "import rules": [str(_BIN / "lint-imports"), "--no-logo"],
}
QUIET = ["-m", "quiet and not soak", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
"""What measures seconds, in half the crowd: with more at once it would measure the machine."""
QUICK = ["tests/unit", "tests/architecture"]
BRIEF = ["-n", "3", "--hypothesis-profile", "quick"]
"""Fewer examples of each property than make test tries."""


def check() -> int:
    return _in_order({**STATIC, "unit and architecture tests": [*_PYTEST, *QUICK, *BRIEF]})


def test() -> int:
    # Without arguments: then the floor under the number of tests holds (tests/architecture/conftest.py).
    crowd = [*_PYTEST, "-m", "not quiet and not soak", *SIDE_BY_SIDE]
    return _in_order({**STATIC, "tests": crowd, "tests that measure seconds": [*_PYTEST, *QUIET]})


def soak() -> int:
    code = _run([*_PYTEST, "-m", "soak", "--timeout", "0"])
    if code == NO_TESTS:
        say("There are no long tests yet; the short forms of the fault tests run in make test.")
        return 0
    return code


def _in_order(tools: dict[str, list[str]]) -> int:
    results = {}
    for name, command in tools.items():
        began = time.monotonic()
        code = _run(command)
        results[name] = f"{'ok' if code == 0 else 'failed'} ({time.monotonic() - began:.1f} s)"
        say(f"{name}: {results[name]}")
    failed = [name for name, result in results.items() if result.startswith("failed")]
    if failed:
        complain(f"Not in order: {', '.join(failed)}.")
    return 1 if failed else 0


def _run(command: Sequence[str]) -> int:
    """In a temporary folder of its own: nothing that an earlier run left can trouble this one."""
    scratch = Path(tempfile.mkdtemp(prefix="dars-"))
    scratch.chmod(0o711)  # PostgreSQL refuses to run as root, and has its folder in it
    environment = {**os.environ, "PYTEST_DEBUG_TEMPROOT": str(scratch), "TMPDIR": str(scratch)}
    code = subprocess.run(command, cwd=PROJECT, stdin=subprocess.DEVNULL, env=environment, check=False).returncode
    if code == 0:
        shutil.rmtree(scratch)
    elif any(scratch.iterdir()):
        say(f"What the tests left is in {scratch}.")
    else:
        scratch.rmdir()
    return code


def main(arguments: Sequence[str]) -> int:
    targets = {"check": check, "test": test, "soak": soak}
    if len(arguments) != 1 or arguments[0] not in targets:
        complain(f"Say which: python -m provisioning.checks {'|'.join(targets)}")
        return 2
    return targets[arguments[0]]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
