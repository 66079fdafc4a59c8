"""A second start must do nothing; a changed lock must be installed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from provisioning.prepare import (
    NPM_PEERS,
    STAMP,
    fingerprint,
    installed,
    is_current,
    main,
    npm_peers,
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "requirements.lock").write_text("a==1 --hash=sha256:00\n")
    (tmp_path / "requirements-test.lock").write_text("a==1 --hash=sha256:00\nb==2 --hash=sha256:00\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").touch()
    return tmp_path


def stamp(project: Path, *purposes: str) -> None:
    made_from = {key: value for purpose in purposes for key, value in fingerprint(project, purpose).items()}
    (project / ".venv" / STAMP).write_text(json.dumps(made_from))


def test_what_is_installed_stays_as_it_is(project: Path) -> None:
    stamp(project, "run")
    assert is_current(installed(project / ".venv"), fingerprint(project, "run"))


def test_running_does_not_mean_ready_for_tests(project: Path) -> None:
    stamp(project, "run")
    assert not is_current(installed(project / ".venv"), fingerprint(project, "test"))


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml"])
def test_a_changed_lock_or_description_is_installed_again(project: Path, changed: str) -> None:
    stamp(project, "run")
    (project / changed).write_text("something else\n")
    assert not is_current(installed(project / ".venv"), fingerprint(project, "run"))


def test_a_moved_clone_is_installed_again(project: Path, tmp_path: Path) -> None:
    stamp(project, "run")
    moved = tmp_path.with_name(tmp_path.name + "-moved")
    project.rename(moved)
    assert not is_current(installed(moved / ".venv"), fingerprint(moved, "run"))


def test_an_environment_without_python_counts_as_none(project: Path) -> None:
    stamp(project, "run")
    (project / ".venv" / "bin" / "python").unlink()
    assert installed(project / ".venv") == {}


@pytest.mark.parametrize("rubbish", ["", "not JSON", "[]"])
def test_a_damaged_stamp_counts_as_none(project: Path, rubbish: str) -> None:
    (project / ".venv" / STAMP).write_text(rubbish)
    assert installed(project / ".venv") == {}


def test_peers_for_node_that_are_installed_stay(project: Path) -> None:
    """Else every start of the tests would wait for npm."""
    folder = project / NPM_PEERS
    (folder / "node_modules").mkdir(parents=True)
    (folder / "package-lock.json").write_text("{}")
    made_from = {"package-lock.json": hashlib.sha256(b"{}").hexdigest()}
    (folder / "node_modules" / STAMP).write_text(json.dumps(made_from))
    npm_peers(project, project / "log")
    assert not (project / "log").exists()


def test_wrong_use_is_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["everything"]) == 2
    assert "run|check|test" in capsys.readouterr().err
