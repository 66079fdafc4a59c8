"""Small versions of Darsbox and their makers: wheels of a few bytes, signed as real ones are."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from provisioning.updating.bundle import kind_here
from provisioning.updating.publishing import Publisher, make_keys


def wheel(
    folder: Path, project: str, version: str, files: Mapping[str, str] | None = None, tag: str = "py3-none-any"
) -> Path:
    """One that pip installs: the same bytes every time."""
    about = f"{project}-{version}.dist-info"
    contents = {
        **(files or {f"{project}_says.py": f"version = {version!r}\n"}),
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n",
        f"{about}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    record = [f"{name},sha256={_digest(text)},{len(text.encode())}" for name, text in contents.items()]
    contents[f"{about}/RECORD"] = "\n".join([*record, f"{about}/RECORD,,"]) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{project}-{version}-{tag}.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in contents.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return file


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


class Maker:
    """Of updates: keys and a repository below ``folder``. now: when everything is signed; none for this moment."""

    def __init__(self, folder: Path, now: datetime | None = None) -> None:
        self.keys = folder / "keys"
        self.repository = folder / "updates"
        self._wheels = folder / "wheels"
        self._now = now
        make_keys(self.keys)
        self.root = self.publisher().begin()

    @property
    def anchor(self) -> bytes:
        return self.root.read_bytes()

    def publisher(self, now: datetime | None = None) -> Publisher:
        return Publisher(self.repository, self.keys, now or self._now)

    def publish(self, version: str, *, kind: str | None = None, files: Mapping[str, str] | None = None) -> None:
        """A version of two wheels: Darsbox of these files, and one that is the same in all versions."""
        folder = self._wheels / version
        wheel(folder, "darsbox", version, files)
        wheel(folder, "steady", "1.0")
        self.publisher().publish(folder, kind or kind_here())
