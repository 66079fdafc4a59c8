"""What every store promises; the whole suite runs over each.

A store that breaks one of these loses or mixes up lessons whose only other copy the room has deleted by then.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from lms_server.store import NotStored, Store
from lms_server.store.bucket import Bucket
from lms_server.store.folder import FolderStore
from lms_server.store.s3 import S3Store

CONTENT = random.Random(4).randbytes(700_001)  # the same in every process: names of tests are made of its digest
NAME = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(params=["folder", "seaweedfs"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "folder":
        yield FolderStore(tmp_path / "store")
        return
    bucket = Bucket(request.getfixturevalue("seaweed").make())
    yield S3Store(bucket, tmp_path / "fetched")
    bucket.close()


def put(store: Store, folder: Path, content: bytes = CONTENT) -> str:
    file = folder / "arrived.part"
    file.write_bytes(content)
    name = hashlib.sha256(content).hexdigest()
    store.adopt(file, name)
    assert not file.exists()
    return name


def test_what_goes_in_comes_out(store: Store, tmp_path: Path) -> None:
    name = put(store, tmp_path)
    assert store.size(name) == len(CONTENT)
    assert b"".join(store.read(name)) == CONTENT


@pytest.mark.parametrize(
    ("start", "length"),
    [
        (0, 1),
        (0, None),
        (1, 0),
        (262_143, 2),
        (262_144, 262_144),
        (700_000, 1),
        (700_000, 99),
        (700_001, 5),
        (9e5, None),
    ],
)
def test_any_range_can_be_read(store: Store, tmp_path: Path, start: float, length: int | None) -> None:
    name, first = put(store, tmp_path), int(start)
    end = None if length is None else first + length
    assert b"".join(store.read(name, first, length)) == CONTENT[first:end]


def test_reading_needs_little_memory(store: Store, tmp_path: Path) -> None:
    assert max(len(piece) for piece in store.read(put(store, tmp_path))) <= 256 * 1024


def test_the_same_content_again_is_no_error_and_no_second_copy(store: Store, tmp_path: Path) -> None:
    name = put(store, tmp_path)
    assert put(store, tmp_path) == name
    assert b"".join(store.read(name)) == CONTENT


def test_an_empty_file_is_a_file(store: Store, tmp_path: Path) -> None:
    name = put(store, tmp_path, b"")
    assert store.size(name) == 0
    assert list(store.read(name)) == []


def test_what_is_not_there_is_said_at_once(store: Store) -> None:
    assert store.size(NAME) is None
    with pytest.raises(NotStored):
        store.read(NAME)
    with pytest.raises(NotStored), store.local(NAME):
        pass
    store.delete(NAME)


def test_a_stored_object_is_a_file_for_the_worker(store: Store, tmp_path: Path) -> None:
    name = put(store, tmp_path)
    with store.local(name) as path:
        assert path.read_bytes() == CONTENT


def test_a_deleted_object_is_gone_and_its_neighbour_stays(store: Store, tmp_path: Path) -> None:
    name, other = put(store, tmp_path), put(store, tmp_path, b"another")
    store.delete(name)
    assert store.size(name) is None
    assert b"".join(store.read(other)) == b"another"


def test_somebody_reading_is_not_disturbed_by_a_deletion(store: Store, tmp_path: Path) -> None:
    name = put(store, tmp_path)
    pieces = store.read(name)
    first = next(pieces)
    store.delete(name)
    assert first + b"".join(pieces) == CONTENT


@pytest.mark.parametrize(
    "name",
    ["", "..", "../../etc/passwd", "/etc/passwd", NAME[:-1], NAME + "0", NAME.upper(), NAME[:-1] + "/", NAME + "\n"],
)
def test_a_name_that_is_no_digest_never_becomes_a_path(store: Store, tmp_path: Path, name: str) -> None:
    file = tmp_path / "arrived.part"
    file.write_bytes(b"root")
    with pytest.raises(ValueError, match="SHA-256"):
        store.adopt(file, name)
    with pytest.raises(ValueError, match="SHA-256"):
        store.read(name)
    with pytest.raises(ValueError, match="SHA-256"):
        store.delete(name)
    assert file.read_bytes() == b"root"


def test_it_knows_how_much_room_is_left(store: Store) -> None:
    free = store.free_bytes()
    assert free is None or free > 0


def test_a_file_from_another_disk_comes_in_whole(store: Store) -> None:
    shm = Path("/dev/shm")
    file = shm / f"darsbox-test-{os.getpid()}"
    file.write_bytes(CONTENT)
    try:
        store.adopt(file, NAME)
        assert not file.exists()
    finally:
        file.unlink(missing_ok=True)
    assert b"".join(store.read(NAME)) == CONTENT
