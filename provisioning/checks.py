"""``make check``, ``make test`` and ``make soak``: the same few tools; all are run, so that one look shows everything.
``python -m provisioning.checks check|test|soak``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from provisioning.prepare import NPM_PEERS
from provisioning.progress import complain, say

PROJECT = Path(__file__).resolve().parent.parent
NO_TESTS = 5
"""pytest's exit code when its selection is empty."""

_BIN = Path(sys.executable).parent
_PYTEST = [sys.executable, "-m", "pytest", "-q"]
SLOW = ["tests/system", "tests/browser", "tests/contract", "tests/judge"]
QUICK = ["tests/unit", "tests/architecture"]
SIDE_BY_SIDE = ["-n", "5", "--dist", "loadfile", "--no-loadscope-reorder"]
"""Most of these wait for lessons to be recorded in real time, so more run at once than there are processors; those of
one file one after the other, for they share servers and browsers. Not many more: simulated cameras take their share of
a processor for as long as a test lasts, and with eight at once all took longer. Their order is that of
tests/conftest.py: xdist's own puts files of many tests first, which are quick ones here."""
STATIC: dict[str, list[str]] = {
    "ruff check": [str(_BIN / "ruff"), "check", "--quiet"],
    "ruff format --check": [str(_BIN / "ruff"), "format", "--check", "--quiet"],
    "mypy --strict": [str(_BIN / "mypy"), "--no-error-summary"],
    "import rules": [str(_BIN / "lint-imports"), "--no-logo"],
}
TSC = PROJECT / NPM_PEERS / "node_modules" / ".bin" / "tsc"
SCRIPTS: dict[str, list[str]] = {"tsc --checkJs": [str(TSC), "--project", str(PROJECT / "kiosk_ui")]}
"""The panel's scripts. ``make test`` has installed the checker; ``make check``, which needs no npm, uses it if it is
there."""
QUIETLY = "pytest.mark.quiet"
QUIET = ["-m", "quiet and not soak", "-n", "3", "--dist", "load"]
"""What measures seconds, in half the crowd: with more at once it would measure the machine. They share nothing, so that
none waits for those of its file."""
BRIEF = ["-n", "3", "--dist", "loadfile", "--hypothesis-profile", "quick", "-m", "not thorough and not soak"]
"""Fewer examples of each property than make test tries, and none of the few tests that take seconds of a processor.
What a file's tests share is made once."""


def check() -> int:
    scripts = SCRIPTS if TSC.exists() else {}
    return _told(_all({"unit and architecture tests": [*_PYTEST, *QUICK, *BRIEF]}, STATIC | scripts))


def test() -> int:
    slow = [*_PYTEST, *SLOW, "-m", "not quiet and not soak", *SIDE_BY_SIDE]
    quick = [*_PYTEST, *QUICK, "-n", "3", "--dist", "loadfile"]
    # Only the files that have such tests: every process that runs tests reads all the files it is given.
    files = [str(file) for file in sorted((PROJECT / "tests").rglob("test_*.py")) if QUIETLY in file.read_text()]
    found = _all({"slow tests": slow, "quick tests": quick}, {})
    # What reads the program is one process, and gives way: a processor and a half are left for those who measure.
    reading = {name: ["nice", "-n", "19", *command] for name, command in (STATIC | SCRIPTS).items()}
    return _told(found | _all({"tests that measure seconds": [*_PYTEST, *files, *QUIET]}, reading))


def soak() -> int:
    code = _run([*_PYTEST, "-m", "soak", "--timeout", "0"]).code
    if code == NO_TESTS:
        say("There are no long tests yet; the short forms of the fault tests run in make test.")
        return 0
    return code


class Outcome(NamedTuple):
    code: int
    seconds: float
    words: str = ""
    """What it said, if that was kept from the screen."""

    @property
    def verdict(self) -> str:
        return f"{'ok' if self.code == 0 else 'failed'} ({self.seconds:.1f} s)"


def _all(tests: dict[str, list[str]], beside: dict[str, list[str]]) -> dict[str, Outcome]:
    """The tests, one command after the other, and beside them the others, one after the other too: the tests alone
    would leave a processor idle at times."""
    with ThreadPoolExecutor(max_workers=1) as helpers:
        others = {name: helpers.submit(_run, command, silent=True) for name, command in beside.items()}
        results = {}
        for name, command in tests.items():
            results[name] = _run(command)
            say(f"{name}: {results[name].verdict}")
        for name, future in others.items():
            results[name] = future.result()
            say(f"{results[name].words}{name}: {results[name].verdict}")
    return results


def _told(results: dict[str, Outcome]) -> int:
    failed = [name for name, outcome in results.items() if outcome.code]
    if failed:
        complain(f"Not in order: {', '.join(failed)}.")
    return 1 if failed else 0


def _run(command: Sequence[str], *, silent: bool = False) -> Outcome:
    """In a temporary folder of its own: nothing that an earlier run left can trouble this one. silent: what it says
    is kept for later."""
    scratch = Path(tempfile.mkdtemp(prefix="dars-"))
    scratch.chmod(0o711)  # PostgreSQL refuses to run as root, and has its folder in it
    environment = {**os.environ, "PYTEST_DEBUG_TEMPROOT": str(scratch), "TMPDIR": str(scratch)}
    out, err = (subprocess.PIPE, subprocess.STDOUT) if silent else (None, None)
    began = time.monotonic()
    done = subprocess.run(
        command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment, check=False, text=True
    )
    if done.returncode == 0:
        shutil.rmtree(scratch)
    elif any(scratch.iterdir()):
        say(f"What the tests left is in {scratch}.")
    else:
        scratch.rmdir()
    return Outcome(done.returncode, time.monotonic() - began, done.stdout or "")


def main(arguments: Sequence[str]) -> int:
    targets = {"check": check, "test": test, "soak": soak}
    if len(arguments) != 1 or arguments[0] not in targets:
        complain(f"Say which: python -m provisioning.checks {'|'.join(targets)}")
        return 2
    return targets[arguments[0]]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
