"""A zip that was made to harm touches nothing but its own place."""

from __future__ import annotations

import io
import itertools
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lms_server.capture import zipped
from lms_server.errors import BadRequest, ServerError, TooLarge

MANIFEST = (
    '<mediapackage xmlns="http://mediapackage.opencastproject.org" id="p-1"><media>'
    '<track type="presenter/source"><url>{url}</url></track></media><metadata>'
    '<catalog type="dublincore/episode"><url>episode.xml</url></catalog></metadata></mediapackage>'
)
EPISODE = "<dublincore><title>Maths</title></dublincore>"
MOST = 64 * 1024 * 1024


def made(folder: Path, *, url: str = "camera.mkv", **more: bytes) -> Path:
    file = folder / "package.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("manifest.xml", MANIFEST.format(url=url))
        archive.writestr("episode.xml", EPISODE)
        archive.writestr("camera.mkv", b"pictures")
        for name, data in more.items():
            archive.writestr(name, data)
    return file


def unpack(file: Path, most: int = MOST) -> list[bytes]:
    """The contents of its tracks; in the folder of the zip."""
    numbers = itertools.count()
    with zipped.opened(file) as found:
        assert [said.title for said in found.described()] == ["Maths"]
        new = found.tracks(lambda: f"{next(numbers)}.part", lambda name: file.parent / name, most, 0)
        return [(file.parent / each.staged).read_bytes() for each in new]


def test_a_package_is_unpacked_under_names_of_ours(tmp_path: Path) -> None:
    assert unpack(made(tmp_path)) == [b"pictures"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.part", "package.zip"]


def member(name: str, *, mode: int = 0, data: bytes = b"x") -> Callable[[zipfile.ZipFile], None]:
    def add(archive: zipfile.ZipFile) -> None:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        archive.writestr(info, data)

    return add


def bomb(archive: zipfile.ZipFile) -> None:
    archive.writestr("zeros", bytes(64 * 1024 * 1024), zipfile.ZIP_DEFLATED)


def many(archive: zipfile.ZipFile) -> None:
    for number in range(zipped.MOST_MEMBERS):
        archive.writestr(f"f{number}", b"")


BAD = {
    "climbs": member("../../../tmp/evil"),
    "climbs inside": member("a/../../evil"),
    "absolute": member("/tmp/evil"),
    "backslash": member("..\\evil"),
    "drive": member("C:evil"),
    "link": member("link", mode=stat.S_IFLNK | 0o777, data=b"/etc/passwd"),
    "bomb": bomb,
    "too many": many,
}


@pytest.mark.parametrize("spoil", BAD.values(), ids=BAD.keys())
def test_a_bad_member_refuses_the_whole_zip(tmp_path: Path, spoil: Callable[[zipfile.ZipFile], None]) -> None:
    file = made(tmp_path)
    with zipfile.ZipFile(file, "a") as archive:
        spoil(archive)
    refused(file)


def test_a_name_that_is_cut_at_a_nul_is_refused(tmp_path: Path) -> None:
    file = made(tmp_path, abcdef=b"x")
    file.write_bytes(file.read_bytes().replace(b"abcdef", b"ab\0../"))
    refused(file)


@pytest.mark.parametrize("url", ["../camera.mkv", "/etc/passwd", "file:///etc/passwd", "missing.mkv", ""])
def test_the_manifest_names_only_what_is_in_the_zip(tmp_path: Path, url: str) -> None:
    refused(made(tmp_path, url=url))


def test_what_grows_beyond_what_the_server_takes_is_stopped_on_the_way(tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        unpack(made(tmp_path), most=4)
    assert [path.name for path in tmp_path.iterdir()] == ["package.zip"]


@pytest.mark.parametrize("cut", [10, -10, -30])
def test_a_torn_zip_is_refused(tmp_path: Path, cut: int) -> None:
    file = made(tmp_path)
    file.write_bytes(file.read_bytes()[:cut])
    refused(file)


def test_a_zip_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    """The directory says that a member has no bytes; the member has."""
    file = made(tmp_path)
    data = bytearray(file.read_bytes())
    at = data.rindex(b"PK\1\2")
    data[at + 24 : at + 28] = bytes(4)
    file.write_bytes(bytes(data))
    refused(file)


def test_a_directory_larger_than_memory_is_not_read(tmp_path: Path) -> None:
    """The last record announces a directory of a gigabyte, before which the file is sparse."""
    file = tmp_path / "package.zip"
    size = 1024**3
    end = io.BytesIO()
    zipfile.ZipFile(end, "w").close()
    record = bytearray(end.getvalue())
    record[12:16] = size.to_bytes(4, "little")
    with file.open("wb") as out:
        out.truncate(size)
        out.seek(size)
        out.write(record)
    refused(file)


def refused(file: Path) -> None:
    before = {path.name for path in file.parent.iterdir()}
    with pytest.raises((BadRequest, TooLarge)) as error:
        unpack(file)
    assert isinstance(error.value, ServerError)
    assert error.value.detail.endswith(".")
    assert {path.name for path in file.parent.iterdir()} == before
