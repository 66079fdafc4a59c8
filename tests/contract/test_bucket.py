"""A bucket that is not what it should be is said in a sentence, and what killed processes leave in it does not stay."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

import pytest

from lms_server.catalog.tables import Room
from lms_server.catalog.uploads import Uploads
from lms_server.errors import StartError
from lms_server.ingest.bucket_parts import FORGOTTEN, BucketParts
from lms_server.places import open_places
from lms_server.settings import Settings
from lms_server.store import StoreUnavailable
from lms_server.store.bucket import Bucket, Missing, Stretch
from lms_server.store.s3 import S3Store
from tests.peers.seaweedfs import KEYS, SeaweedFS
from tests.unit.lms_server.conftest import amphi, catalogue, database, fresh_database, hands, uploads

__all__ = ["amphi", "catalogue", "database", "fresh_database", "hands", "uploads"]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("lessons", "s3://lessons"),
        ("s3://", "s3://lessons"),
        ("https://s3.example.org/lessons", "s3://lessons"),
        ("s3://lessons?endpont=https://s3.example.org", "s3://lessons"),
        ("s3://darsbox:secret@lessons", "AWS_SECRET_ACCESS_KEY"),
        ("s3://lessons?endpoint=https://darsbox:secret@s3.example.org", "AWS_SECRET_ACCESS_KEY"),
        ("s3://lessons?endpoint=nowhere", "cannot be used"),
    ],
)
def test_an_address_that_will_not_do_is_refused_without_repeating_its_secret(address: str, said: str) -> None:
    with pytest.raises(StartError, match=said) as refused:
        Bucket(address)
    assert "secret" not in str(refused.value).replace("AWS_SECRET", "")


def test_a_store_that_is_not_there_or_lets_nobody_in_is_said_at_the_start(
    seaweed: SeaweedFS, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(address: str) -> str:
        with pytest.raises(StartError) as told:
            open_places(Settings(data=tmp_path, store_address=address), lambda _: None)
        return str(told.value)

    good = seaweed.make()
    assert "no bucket nowhere" in refused(f"s3://nowhere?endpoint={seaweed.endpoint}")
    assert "does not answer" in refused("s3://lessons?endpoint=http://127.0.0.1:9")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    assert "refuses" in refused(good)
    for name in KEYS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "does not answer: Unable to locate credentials" in refused(good)


def test_what_was_put_and_never_noted_goes_after_a_day_and_what_is_noted_stays(
    seaweed: SeaweedFS, tmp_path: Path, uploads: Uploads, amphi: Room
) -> None:
    bucket = Bucket(seaweed.make())
    row = uploads.create_part(amphi, 10)
    bucket.put("uploads/noted", b"noted")
    assert uploads.advance(row.id, 0, 5, "uploads/noted")
    bucket.put("uploads/never noted", b"never noted")
    with pytest.raises(Missing):
        bucket.join("objects/half", [Stretch("uploads/noted", 20_000_000), Stretch("uploads/not there", 20_000_000)])
    begun = bucket._s3.create_multipart_upload(**bucket._at("objects/half"))

    def left() -> list[str]:
        return sorted(found.key for page in bucket.list("") for found in page)

    BucketParts(bucket, uploads, tmp_path / "spool", time.time).sweep()
    assert left() == ["uploads/never noted", "uploads/noted"]
    BucketParts(bucket, uploads, tmp_path / "spool", lambda: time.time() + FORGOTTEN + 60).sweep()
    assert left() == ["uploads/noted"]
    with pytest.raises(bucket._s3.exceptions.ClientError, match="NoSuchUpload"):
        bucket._s3.list_parts(**bucket._at("objects/half"), UploadId=begun["UploadId"])
    bucket.close()


def test_what_a_killed_worker_fetched_is_removed_and_what_another_reads_is_not(
    seaweed: SeaweedFS, tmp_path: Path
) -> None:
    bucket = Bucket(seaweed.make())
    long_ago = time.time() - 3600
    for name in ("left", "read"):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (long_ago, long_ago))
    (tmp_path / "just begun").write_bytes(b"x")
    with (tmp_path / "read").open("rb") as reading:
        fcntl.flock(reading, fcntl.LOCK_SH)
        S3Store(bucket, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["just begun", "read"]
    bucket.close()


def test_a_store_that_went_away_is_no_lost_object(seaweed: SeaweedFS, tmp_path: Path) -> None:
    """Else a lesson would be called lost because a cable was pulled."""
    bucket = Bucket("s3://lessons?endpoint=http://127.0.0.1:9")
    store = S3Store(bucket, tmp_path)
    with pytest.raises(StoreUnavailable):
        store.size("0" * 64)
    with pytest.raises(StoreUnavailable):
        store.read("0" * 64)
    bucket.close()
