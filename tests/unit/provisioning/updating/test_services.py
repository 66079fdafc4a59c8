"""systemd is asked in words that it knows, and its answers are understood: here by a program in its place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from provisioning.updating.errors import UpdateError
from provisioning.updating.services import Systemd


class Manager:
    """A ``systemctl`` that notes its orders, and answers what it was told to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        program = folder / "systemctl"
        program.write_text(
            '#!/bin/sh\ncd "$(dirname "$0")"\necho "$*" >> orders\n'
            '[ -e "answer $1 $3" ] || [ -e "answer $1 $4" ] || exit 0\n'
            'cat "answer $1 $3" "answer $1 $4" 2> /dev/null | grep -v "^no$" && exit 0\nexit 3\n'
        )
        program.chmod(0o755)

    def answers(self, question: str, unit: str, words: str) -> None:
        (self._folder / f"answer {question} {unit}").write_text(f"{words}\n")

    @property
    def orders(self) -> list[str]:
        return (self._folder / "orders").read_text().splitlines()


@pytest.fixture(name="manager")
def _manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manager:
    manager = Manager(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return manager


def test_a_daemon_is_killed_and_not_stopped_so_that_no_lesson_ends(manager: Manager) -> None:
    Systemd().restart()
    assert manager.orders[:3] == [
        "kill --kill-whom=main --signal=KILL darsbox-room.service",
        "reset-failed darsbox-room.service darsbox-sync.service",
        "start --no-block darsbox-room.service",
    ]
    assert not any(order.startswith(("stop", "restart")) for order in manager.orders)


def test_services_that_live_are_well(manager: Manager) -> None:
    assert (Systemd().ailing(), Systemd().falling()) == ("", "")


def test_a_service_that_does_not_live_is_named_unless_nobody_wants_it(manager: Manager) -> None:
    manager.answers("is-active", "darsbox-sync.service", "no")
    assert Systemd().ailing() == "darsbox-sync.service ended."
    manager.answers("is-enabled", "darsbox-sync.service", "no")
    assert Systemd().ailing() == ""


@pytest.mark.parametrize(("count", "said"), [("0", ""), ("5", ""), ("6", "ended 6 times."), ("[not set]", "")])
def test_a_service_that_ends_again_and_again_is_not_waited_for(manager: Manager, count: str, said: str) -> None:
    manager.answers("show", "darsbox-room.service", count)
    assert Systemd().falling().endswith(said)
    assert bool(Systemd().falling()) == bool(said)


def test_without_systemd_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UpdateError, match="systemd does not answer"):
        Systemd().restart()
