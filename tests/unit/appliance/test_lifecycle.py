"""The service manager must know whether the room lives, and a port in use must be said."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from appliance.errors import ConfigError
from appliance.lifecycle import feed_watchdog, listen, notify
from appliance.main import runtime_folder


def test_the_service_manager_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notify("READY=1")
        assert manager.recv(100) == b"READY=1"


def test_without_a_service_manager_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    notify("READY=1")


def test_a_daemon_that_sees_nothing_any_more_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "2000")

        async def feed() -> None:
            asked = iter([True, False, False])

            async def beats() -> bool:
                answer = next(asked, None)
                if answer is None:
                    raise asyncio.CancelledError
                return answer

            await feed_watchdog(beats)

        with pytest.raises(asyncio.CancelledError):
            asyncio.run(feed())
        assert manager.recv(100) == b"WATCHDOG=1"
        with pytest.raises(BlockingIOError):
            manager.recv(100)


def test_a_port_in_use_is_one_sentence() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(ConfigError) as refused:
            listen("127.0.0.1", port)
    assert str(port) in refused.value.detail
    assert "--port" in refused.value.detail


def test_a_spool_far_down_still_has_a_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    deep = tmp_path / ("x" * 100) / "spool"
    folder = runtime_folder(deep)
    assert folder == runtime_folder(deep)
    assert folder != runtime_folder(tmp_path / ("y" * 100) / "spool")
    assert folder.stat().st_mode & 0o077 == 0
