"""Where a server keeps its bytes, as its settings say: a folder, or a bucket of an S3 store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lms_server.catalog.uploads import Uploads
from lms_server.errors import StartError
from lms_server.ingest.folder_parts import FolderParts
from lms_server.ingest.parts import Parts
from lms_server.settings import Settings
from lms_server.store import Store, StoreUnavailable
from lms_server.store.folder import FolderStore


@dataclass(frozen=True, slots=True)
class Places:
    """store: what is whole. parts: makes the place of what is not, over the catalogue of uploads."""

    store: Store
    parts: Callable[[Uploads, Callable[[], float]], Parts]


def open_places(settings: Settings, spare: Callable[[str], None]) -> Places:
    """spare: told of each object that is about to be needed, see ``catalog.graves``. Raises StartError."""
    return _bucket(settings, spare) if settings.store_address else _folder(settings, spare)


def _folder(settings: Settings, spare: Callable[[str], None]) -> Places:
    store = FolderStore(settings.store, spare)
    return Places(store, lambda uploads, clock: FolderParts(settings.uploads, store, uploads, settings.reserve))


def _bucket(settings: Settings, spare: Callable[[str], None]) -> Places:
    from lms_server.ingest.bucket_parts import BucketParts  # noqa: PLC0415  with what it imports it costs a second
    from lms_server.store.bucket import Bucket  # noqa: PLC0415  as above
    from lms_server.store.s3 import S3Store  # noqa: PLC0415  as above

    bucket = Bucket(settings.store_address)
    try:
        bucket.check()
    except StoreUnavailable as error:
        raise StartError(str(error)) from error
    store = S3Store(bucket, settings.fetched, spare)
    return Places(store, lambda uploads, clock: BucketParts(bucket, uploads, settings.uploads, clock))
