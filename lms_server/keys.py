"""The server's own secrets, made at the first start: the key that signs receipts, the one for which rooms seal what
they carry on a stick, and the one that signs sessions."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from joserfc import jwk

from lms_server.errors import StartError
from lms_server.store.folder import sync_folder
from lms_sync import wire
from lms_sync.wire import sealing


def server_key(folder: Path) -> jwk.OKPKey:
    """The Ed25519 key of ``folder/server.jwk``. Receipts are worth what this file is worth: rooms delete after them."""
    path = folder / "server.jwk"
    try:
        return wire.load_key(_keep(path, wire.dump_key(wire.new_key(), private=True)))
    except wire.BadSignature as error:
        raise StartError(
            f"{path} is damaged; put it back from a backup, or remove it and enrol the rooms again."
        ) from error


def sealing_key(folder: Path) -> jwk.OKPKey:
    """The X25519 key of ``folder/sealing.jwk``. Without this file nobody can read what rooms have put on sticks."""
    path = folder / "sealing.jwk"
    try:
        return sealing.load_sealing_key(_keep(path, wire.dump_key(sealing.new_sealing_key(), private=True)))
    except wire.BadSignature as error:
        raise StartError(
            f"{path} is damaged; put it back from a backup, or remove it and enrol the rooms again."
        ) from error


def session_secret(folder: Path) -> str:
    """What signs the login cookies. Removing ``folder/session.key`` signs everybody out."""
    return _keep(folder / "session.key", secrets.token_urlsafe(48)).strip()


def _keep(path: Path, fresh: str) -> str:
    """The content of a private file, or ``fresh`` made durable there; two processes that start at once agree on one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        half = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(fresh)
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(half, path)  # unlike a rename, it fails where the other process was first
        finally:
            half.unlink(missing_ok=True)
        sync_folder(path.parent)
    return path.read_text(encoding="utf-8")
