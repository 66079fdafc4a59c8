"""Before anything runs: Debian packages in one printed step, then ``.venv`` from the lock. ``python3 -m
provisioning.prepare run|check|test|soak``, from the project's folder.

Standard library only. Each thing is done once: what ``.venv`` was made from is written down in it, so that a second
start takes no time, and a changed lock is installed at the next. What does not wait for another is installed beside it.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from provisioning.packages import PURPOSES, VENV, Package, install_line, may_install, missing
from provisioning.progress import Step, complain, say

LOCKS = {"run": "requirements.lock", **dict.fromkeys(("check", "test", "soak"), "requirements-test.lock")}
TESTS = ("test", "soak")
PEERS_LOCK = "requirements-peers.lock"
"""Programs of others that tests speak to and that cannot live beside what we need, or are too large for ``make check``:
amqtt, ipycam (without its OpenCV), pyca, SeaweedFS. Each one's lines come from ``echo amqtt==… | uv pip compile
--universal --python-version 3.11 --generate-hashes --no-header --no-annotate -``."""
NPM_PEERS = "tests/peers/npm"
"""A tus server and a tus client of others, for Node.js, and TypeScript, which checks the panel's scripts. The lock is
made anew there by ``npm install --package-lock-only``, without registry addresses (see its .npmrc)."""
STAMP = "darsbox-installed.json"


class CannotPrepare(Exception):
    """One sentence with the next thing to do."""


# -- Debian packages -------------------------------------------------------------------------------------


def lacking(project: Path, purpose: str) -> list[Package]:
    """The Debian packages that are missing for this."""
    return missing([package for package in PURPOSES[purpose] if not (package is VENV and _works(project))])


def debian_packages(purpose: str, wanted: Sequence[Package], log: Path) -> None:
    """Install them when this may be done, else say what will not work. Raises CannotPrepare when it cannot go on
    without."""
    if not wanted:
        return
    prefix = may_install()
    names = [package.name for package in wanted]
    if prefix is not None:
        say("Debian packages to install: " + " ".join(names))
        try:
            _apt_get(prefix, names, log)
        except CannotPrepare as error:
            complain(str(error))
        wanted = missing(wanted)
    _report(purpose, wanted)


def _apt_get(prefix: Sequence[str], names: Sequence[str], log: Path) -> None:
    # env stands behind sudo, which passes no environment on.
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=120"]
    steps = {
        "apt-get update": [*apt, "update"],
        "apt-get install --no-install-recommends": [*apt, "install", "-y", "--no-install-recommends", *names],
    }
    for text, command in steps.items():
        with Step(text):
            _logged(command, log, f"{text} did not work; its words are in {log}.")


def _report(purpose: str, lacking: Sequence[Package]) -> None:
    if not lacking:
        return
    line = install_line([package.name for package in lacking])
    if purpose in TESTS:
        raise CannotPrepare(f"The tests need packages that are missing and cannot be installed from here: {line}")
    for package in lacking:
        if package.needed:
            raise CannotPrepare(f"Without {package.name} {package.without}: {line}")
    for package in lacking:
        say(f"Without {package.name}: {package.without}.")
    say(f"To have all of it: {line}")


# -- the Python environment ------------------------------------------------------------------------------


def virtual_environment(project: Path, purpose: str, log: Path) -> None:
    """``.venv``, empty where there was none that is of use here. Raises CannotPrepare."""
    venv = project / ".venv"
    made_from = installed(venv)
    if is_current(made_from, fingerprint(project, purpose)):
        return
    if made_from.get("project", str(project)) != str(project) or not _works(project):
        with Step("Making .venv"):
            _logged(
                [sys.executable, "-m", "venv", "--clear", str(venv)],
                log,
                f"The Python environment .venv could not be made; the reason is in {log}.",
            )


def python_packages(project: Path, purpose: str, log: Path) -> None:
    """What the lock names, and Darsbox, in ``.venv``. Raises CannotPrepare."""
    venv = project / ".venv"
    wanted = fingerprint(project, purpose)
    if is_current(installed(venv), wanted):
        return
    pip = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    lock = LOCKS[purpose]
    with Step(f"Installing Python packages from {lock} (the first time takes a minute or two)"):
        _logged(
            [*pip, "install", "--no-compile", "--require-hashes", "-r", str(project / lock)],
            log,
            f"The Python packages could not be installed; is there a network? The reason is in {log}.",
        )
        # pip would compile one file after the other. What cannot be compiled is a template for something else.
        compiling = [str(venv / "bin" / "python"), "-m", "compileall", "-q", "-j", "0", str(venv / "lib")]
        subprocess.run(compiling, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    with Step("Installing Darsbox itself"):
        _logged(
            [*pip, "install", "--no-deps", "--no-build-isolation", "-e", str(project)],
            log,
            f"Darsbox could not be installed into .venv; the reason is in {log}.",
        )
    stamp = venv / STAMP
    fresh = stamp.with_suffix(".new")
    fresh.write_text(json.dumps({**installed(venv), **wanted}, indent=1))
    fresh.replace(stamp)


def peers_environment(project: Path, log: Path) -> None:
    """``.venv/peers``, a second Python environment for tests. Raises CannotPrepare."""
    peers, lock = project / ".venv" / "peers", project / PEERS_LOCK
    wanted = {PEERS_LOCK: hashlib.sha256(lock.read_bytes()).hexdigest()}
    if is_current(installed(peers), wanted):
        return
    with Step(f"Installing the tests' peers from {PEERS_LOCK}"):
        for command in (
            [str(project / ".venv" / "bin" / "python"), "-m", "venv", "--clear", str(peers)],
            [str(peers / "bin" / "pip"), "--no-input", "install", "--require-hashes", "--no-deps", "-r", str(lock)],
        ):
            _logged(command, log, f"The tests' peers could not be installed; the reason is in {log}.")
    (peers / STAMP).write_text(json.dumps(wanted))


def npm_peers(project: Path, log: Path) -> None:
    """The tests' peers that run in Node.js, in a folder that git does not have. Raises CannotPrepare."""
    folder = project / NPM_PEERS
    lock, stamp = folder / "package-lock.json", folder / "node_modules" / STAMP
    wanted = {lock.name: hashlib.sha256(lock.read_bytes()).hexdigest()}
    if is_current(_read(stamp), wanted):
        return
    with Step(f"Installing the tests' peers from {NPM_PEERS}/{lock.name}"):
        _logged(
            ["npm", "ci", "--prefix", str(folder), "--omit=optional", "--no-audit", "--no-fund", "--no-progress"],
            log,
            f"The tests' peers for Node.js could not be installed; is there a network? The reason is in {log}.",
        )
    stamp.write_text(json.dumps(wanted))


def fingerprint(project: Path, purpose: str) -> dict[str, str]:
    """What .venv must have been made from: the lock and the project's own description, by SHA-256, and where."""
    files = {LOCKS[purpose]: project / LOCKS[purpose], "pyproject.toml": project / "pyproject.toml"}
    return {
        **{name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()},
        # A copied or moved clone has scripts that point to the old place.
        "project": str(project),
    }


def installed(venv: Path) -> dict[str, str]:
    """What .venv says it was made from; nothing when it does not say or does not work."""
    return _read(venv / STAMP) if (venv / "bin" / "python").exists() else {}


def _read(file: Path) -> dict[str, str]:
    """What a stamp says; nothing when it is not there or damaged."""
    try:
        stamp = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def is_current(stamp: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(stamp.get(key) == value for key, value in wanted.items())


def _works(project: Path) -> bool:
    """Whether .venv is there, of a good Python, and can install."""
    python = project / ".venv" / "bin" / "python"
    try:
        question = [str(python), "-c", "import sys, pip; sys.exit(sys.version_info < (3, 11))"]
        return subprocess.run(question, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _logged(command: Sequence[str], log: Path, sentence: str) -> None:
    """Run it with its words in the log. Raises CannotPrepare with the sentence and its last words."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as words:
        words.write(f"\n$ {' '.join(command)}\n")
        words.flush()
        code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=words, stderr=words, check=False).returncode
    if code:
        last = [line for line in log.read_text(errors="replace").splitlines() if line.strip()][-3:]
        raise CannotPrepare("\n".join([*(f"    {line}" for line in last), sentence]))


def everything(project: Path, purpose: str, logs: Path) -> None:
    """Debian's packages while Python's come by the network, for each of them leaves a processor idle at times. logs: a
    folder. Raises CannotPrepare."""
    packages = lacking(project, purpose)
    if VENV in packages:
        debian_packages(purpose, packages, logs / "install-debian.log")
        packages = []
    virtual_environment(project, purpose, logs / "install-python.log")
    with ThreadPoolExecutor() as beside:
        debian = beside.submit(debian_packages, purpose, packages, logs / "install-debian.log")
        parts: list[Future[None]] = [
            debian,
            beside.submit(python_packages, project, purpose, logs / "install-python.log"),
        ]
        if purpose in TESTS:
            parts.append(beside.submit(peers_environment, project, logs / "install-peers.log"))

            def with_npm() -> None:
                debian.result()  # npm is one of Debian's
                npm_peers(project, logs / "install-npm.log")

            parts.append(beside.submit(with_npm))
    for part in parts:
        part.result()


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in PURPOSES:
        complain(f"Say what for: python3 -m provisioning.prepare {'|'.join(PURPOSES)}")
        return 2
    project = Path(__file__).resolve().parent.parent
    try:
        everything(project, arguments[0], project / "var" / "log")
    except CannotPrepare as error:
        complain(str(error))
        return 1
    except KeyboardInterrupt:
        complain("Stopped. The next start goes on from here.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
