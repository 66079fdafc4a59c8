"""An archive that Linux cannot unpack leaves the installer without its answers: it would ask in an empty classroom."""

from __future__ import annotations

import subprocess
from pathlib import Path

from provisioning.imaging.cpio import archive

FILES = {
    "preseed.cfg": b"d-i x string y\n",
    "darsbox/installer.sh": b"#!/bin/sh\necho hello\n",
    "darsbox/disk": b"only\n",
}


def test_what_cpio_unpacks_is_what_was_put_in(tmp_path: Path) -> None:
    subprocess.run(["cpio", "-id", "--quiet"], input=archive(FILES, 1_764_415_220), cwd=tmp_path, check=True)
    assert {str(f.relative_to(tmp_path)): f.read_bytes() for f in tmp_path.rglob("*") if f.is_file()} == FILES
    assert subprocess.run([tmp_path / "darsbox/installer.sh"], capture_output=True, check=True).stdout == b"hello\n"


def test_it_is_the_same_bytes_whatever_the_order_of_time() -> None:
    assert archive(FILES, 5) == archive(FILES, 5)
    assert len(archive(FILES, 5)) % 4 == 0
