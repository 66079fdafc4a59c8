"""A bucket of an S3 store, as far as we need it: objects that are put whole, joined, read in ranges, and deleted.

Credentials come as AWS' own tools take them: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws, or the machine's
role. What is put carries its MD5 (Content-MD5), which every S3 store checks; newer checksums are not asked for, because
many stores do not know them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO
from urllib.parse import parse_qs, urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lms_server.errors import StartError
from lms_server.store import PIECE, StoreUnavailable

PART = 16 * 1024 * 1024
"""Bytes of a file that are sent at once: what one upload needs in memory."""
LEAST_PART = 5 * 1024 * 1024
MOST_PARTS = 10_000
LONGEST_COPY = 1024 * 1024 * 1024
"""S3's limits, but for the last, which is 5 GiB: a copy must be done before anybody thinks it was forgotten."""
_ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})
EXAMPLE = "s3://lessons?endpoint=https://s3.example.org"


class Missing(Exception):
    """The bucket has no such object."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """An object, whole, and its length in bytes."""

    key: str
    length: int


@dataclass(frozen=True, slots=True)
class Found:
    """key, and when it came to be, Unix seconds of the store's clock."""

    key: str
    made: float


class Bucket:
    def __init__(self, address: str) -> None:
        """address: ``s3://bucket/prefix?endpoint=URL&region=NAME``; all but the bucket may be left out. Raises
        StartError."""
        name, self._prefix, options = _parse(address)
        endpoint = options.get("endpoint")
        try:
            self._s3: Any = boto3.Session().client(
                "s3",
                endpoint_url=endpoint,
                region_name=options.get("region") or ("us-east-1" if endpoint else None),
                config=Config(
                    connect_timeout=5,
                    read_timeout=120,
                    max_pool_connections=48,
                    retries={"mode": "standard", "total_max_attempts": 4},
                    s3={"addressing_style": "path" if endpoint else "auto"},
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                ),
            )
        except (BotoCoreError, ValueError) as error:
            raise StartError(f"The store {address} cannot be used ({error}).") from error
        self._address = address
        self._bucket = {"Bucket": name}

    def check(self) -> None:
        """Raises StoreUnavailable when it does not answer, refuses, or has no such bucket."""
        try:
            with _told():
                self._s3.head_bucket(**self._bucket)
        except Missing as error:
            raise StoreUnavailable(f"The store has no bucket {self._bucket['Bucket']}; make it there.") from error

    def close(self) -> None:
        self._s3.close()

    # -- objects
    # --------------------------------------------------------------------------------------------------------

    def put(self, key: str, body: bytes) -> None:
        """Durable when this returns."""
        with _told():
            self._s3.put_object(**self._at(key), Body=body, ContentMD5=_md5(body))

    def upload(self, key: str, file: BinaryIO, length: int) -> None:
        """The file from where it stands, so many bytes."""
        if length <= PART:
            self.put(key, file.read(length))
            return
        size = _part_size(length, PART)
        with self._multipart(key) as multipart:
            for _ in range(0, length, size):
                multipart.add(file.read(size))

    def size(self, key: str) -> int | None:
        try:
            with _told():
                return int(self._s3.head_object(**self._at(key))["ContentLength"])
        except Missing:
            return None

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Pieces of at most PIECE bytes. Raises Missing at once."""
        if length is not None and length <= 0:
            if self.size(key) is None:
                raise Missing(key)
            return iter(())
        end = "" if length is None else start + length - 1
        try:
            with _told():
                body = self._s3.get_object(**self._at(key), Range=f"bytes={start}-{end}")["Body"]
        except _Beyond:
            return iter(())
        return _pieces(body)

    def delete(self, keys: Sequence[str]) -> None:
        """What is not there is no error."""
        for at in range(0, len(keys), 1000):
            objects = [{"Key": self._prefix + key} for key in keys[at : at + 1000]]
            with _told():
                answer = self._s3.delete_objects(**self._bucket, Delete={"Objects": objects, "Quiet": True})
            if answer.get("Errors"):
                raise StoreUnavailable(f"The store does not delete: {answer['Errors'][0].get('Message', '')}")

    def copy(self, source: str, key: str) -> None:
        """At most LONGEST_COPY bytes. Raises Missing."""
        with _told():
            self._s3.copy_object(**self._at(key), CopySource=self._at(source))

    def join(self, key: str, stretches: Sequence[Stretch]) -> None:
        """One object of several, in their order. Long ones are copied inside the store, short neighbours are gathered
        here. Until all is done there is no such object. Raises Missing."""
        total = sum(stretch.length for stretch in stretches)
        if len(stretches) == 1 and total <= LONGEST_COPY:
            self.copy(stretches[0].key, key)
            return
        if total <= PART:
            self.put(key, b"".join(piece for stretch in stretches for piece in self.read(stretch.key)))
            return
        least = _part_size(total, LEAST_PART)
        gathered = bytearray()
        with self._multipart(key) as multipart:
            for stretch in stretches:
                if not gathered and stretch.length >= least:
                    multipart.copy(stretch)
                    continue
                for piece in self.read(stretch.key):
                    gathered += piece
                    if len(gathered) >= least + PART:
                        multipart.add(bytes(gathered))
                        gathered.clear()
                if len(gathered) >= least:
                    multipart.add(bytes(gathered))
                    gathered.clear()
            if gathered:
                multipart.add(bytes(gathered))

    # -- cleaning
    # --------------------------------------------------------------------------------------------------------

    def list(self, prefix: str) -> Iterator[list[Found]]:
        """Every object under a prefix, a page at a time."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(**self._bucket, Prefix=self._prefix + prefix)
        with _told():
            for page in pages:
                yield [
                    Found(found["Key"].removeprefix(self._prefix), found["LastModified"].timestamp())
                    for found in page.get("Contents", [])
                ]

    def abort_begun_before(self, moment: float) -> int:
        """End what was begun to be joined before then and never was; how many."""
        count = 0
        pages = self._s3.get_paginator("list_multipart_uploads").paginate(**self._bucket, Prefix=self._prefix)
        with _told():
            for page in pages:
                for begun in page.get("Uploads", []):
                    if begun["Initiated"].timestamp() < moment:
                        self._s3.abort_multipart_upload(**self._bucket, Key=begun["Key"], UploadId=begun["UploadId"])
                        count += 1
        return count

    def _at(self, key: str) -> dict[str, str]:
        return {**self._bucket, "Key": self._prefix + key}

    @contextmanager
    def _multipart(self, key: str) -> Iterator[_Multipart]:
        with _told():
            begun = self._s3.create_multipart_upload(**self._at(key))
            at = {**self._at(key), "UploadId": begun["UploadId"]}
            multipart = _Multipart(self._s3, at, self._at)
            try:
                yield multipart
                multipart.complete()
            except (BotoCoreError, ClientError, OSError, Missing):
                with _silent():
                    self._s3.abort_multipart_upload(**at)
                raise


class _Multipart:
    """Parts of one object, in their order."""

    def __init__(self, s3: Any, at: dict[str, str], locate: Any) -> None:
        self._s3, self._at, self._locate = s3, at, locate
        self._parts: list[dict[str, object]] = []

    def add(self, body: bytes) -> None:
        number = len(self._parts) + 1
        answer = self._s3.upload_part(**self._at, PartNumber=number, Body=body, ContentMD5=_md5(body))
        self._parts.append({"PartNumber": number, "ETag": answer["ETag"]})

    def copy(self, stretch: Stretch) -> None:
        for start in range(0, stretch.length, LONGEST_COPY):
            end = min(stretch.length, start + LONGEST_COPY)
            if 0 < stretch.length - end < LEAST_PART:
                end = stretch.length
            number = len(self._parts) + 1
            answer = self._s3.upload_part_copy(
                **self._at,
                PartNumber=number,
                CopySource=self._locate(stretch.key),
                CopySourceRange=f"bytes={start}-{end - 1}",
            )
            self._parts.append({"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]})
            if end == stretch.length:
                return

    def complete(self) -> None:
        self._s3.complete_multipart_upload(**self._at, MultipartUpload={"Parts": self._parts})


class _Beyond(Missing):
    """The range begins behind the object's end."""


@contextmanager
def _told() -> Iterator[None]:
    """What the store answers, in our words: Missing, StoreUnavailable."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _ABSENT:
            raise Missing(str(error)) from error
        if code in ("416", "InvalidRange"):
            raise _Beyond from error
        raise StoreUnavailable(f"The store refuses: {error}") from error
    except BotoCoreError as error:
        raise StoreUnavailable(f"The store does not answer: {error}") from error


@contextmanager
def _silent() -> Iterator[None]:
    """For what is cleaned up later in any case."""
    try:
        yield
    except (BotoCoreError, ClientError):
        return


def _pieces(body: Any) -> Iterator[bytes]:
    with body, _told():
        yield from body.iter_chunks(PIECE)


def _md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def _part_size(length: int, least: int) -> int:
    """So large that there are not too many of them, even when a copied piece now and then is cut in two."""
    return max(least, -(-length // (MOST_PARTS - 1000)))


def _parse(address: str) -> tuple[str, str, dict[str, str]]:
    """Bucket, prefix ("" or with a slash at its end), options. Raises StartError."""
    parts = urlsplit(address)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if parts.scheme != "s3" or not parts.hostname or not set(options) <= {"endpoint", "region"}:
        raise StartError(f"The store is an address such as {EXAMPLE}.")
    if "@" in parts.netloc or "@" in urlsplit(options.get("endpoint", "")).netloc:
        raise StartError("Put the store's keys into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, not into its address.")
    prefix = parts.path.strip("/")
    return parts.netloc, f"{prefix}/" if prefix else "", options
