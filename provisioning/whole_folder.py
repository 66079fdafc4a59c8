"""A folder that is replaced in one step: whoever looks sees all of the old one or all of the new one."""

from __future__ import annotations

import ctypes
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from appliance.spool.layout import make_directory, sync_directory

_HERE = -100
"""AT_FDCWD."""
_EXCHANGE = 2
"""RENAME_EXCHANGE."""


def replace(folder: Path, files: Mapping[Path, str]) -> None:
    """folder holds exactly these files (by their relative paths) afterwards, durably. Raises OSError, and then the
    folder is as it was."""
    folder = folder.absolute()
    make_directory(folder.parent)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        fresh.chmod(0o755)
        for file, text in files.items():
            _write(fresh / file, text)
        for made in {fresh, *(fresh / file.parent for file in files)}:
            sync_directory(made)
        if folder.exists():
            _exchange(fresh, folder)
        else:
            fresh.rename(folder)
        sync_directory(folder.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)  # by now the old one, if all went well


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())


def _exchange(one: Path, other: Path) -> None:
    """Both names change places at once, which Python itself cannot ask for. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, f"{os.strerror(number)}; give --out a folder that is not there yet", str(other))
