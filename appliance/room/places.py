"""Pictures of the places to which cameras turn: what each showed when somebody made it that place."""

from __future__ import annotations

import hashlib
from pathlib import Path

from appliance.spool.layout import make_directory, write_atomically


class Places:
    """A folder with a JPEG file for each place that has a picture. A disk that does not take one costs the picture."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._versions: dict[Path, str] = {}
        """What was read already; "" for none."""

    def version(self, camera: str, place: str) -> str:
        """What changes with the picture; "" if there is none. Reads the file only once."""
        file = self._file(camera, place)
        if file not in self._versions:
            self._versions[file] = _version(self.picture(camera, place))
        return self._versions[file]

    def picture(self, camera: str, place: str) -> bytes:
        """The JPEG; empty if there is none."""
        try:
            return self._file(camera, place).read_bytes()
        except OSError:
            return b""

    def keep(self, camera: str, place: str, jpeg: bytes) -> None:
        """jpeg: empty when the place has changed and there is no picture of it. Raises OSError."""
        file = self._file(camera, place)
        self._versions.pop(file, None)
        if jpeg:
            make_directory(self._folder)
            write_atomically(file, jpeg)
        else:
            file.unlink(missing_ok=True)

    def _file(self, camera: str, place: str) -> Path:
        """Names of places may be anything that room.toml may hold."""
        name = "\0".join((camera, place)).encode()
        return self._folder / f"{hashlib.sha256(name).hexdigest()[:32]}.jpg"


def _version(jpeg: bytes) -> str:
    return hashlib.sha256(jpeg).hexdigest()[:16] if jpeg else ""
