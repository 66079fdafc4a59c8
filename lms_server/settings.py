"""What a server is told at its start; passed by constructors, read nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

GIB = 1024**3
MIB = 1024**2


@dataclass(frozen=True, slots=True)
class Settings:
    """data: the folder of everything the server keeps, but for what lies elsewhere: database_address is PostgreSQL's,
    store_address a bucket's, keys_folder is shared by several machines; "" and None leave them in data. public_url: how
    rooms and people reach it, without a path; "" takes what each request says. max_upload: bytes of one file. reserve:
    bytes of the disk that uploads leave free, so that the database can still be written. upload_seconds: how long an
    unfinished upload waits for its room; a village may be without a link for weeks. body_seconds: how long a silent
    connection is held. new_lessons: whether students see a lesson as soon as it can be played, or once somebody has
    published it. sso: the file that says which other login is trusted; see lms_server.sso. oai_email: who answers for
    the list of open lessons that anybody may harvest; "" is no such list."""

    data: Path
    database_address: str = ""
    store_address: str = ""
    keys_folder: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8500
    public_url: str = ""
    max_upload: int = 64 * GIB
    reserve: int = 8 * MIB
    upload_seconds: float = 30 * 86400.0
    body_seconds: float = 120.0
    new_lessons: Literal["published", "private"] = "published"
    sso: Path | None = None
    oai_email: str = ""
    private_webhooks: bool = False
    """Whether programs in private networks may be told what becomes of lessons."""
    captions: tuple[str, ...] = ()
    """The words of the command that makes captions of sound; none: nobody is asked. See lms_server.worker.captioning.
    """
    updates_folder: Path | None = None
    """What rooms may fetch of new versions, signed by whoever makes them; None leaves it in data."""

    @property
    def database(self) -> Path | str:
        """SQLite's file, or the address of PostgreSQL."""
        return self.database_address or self.data / "darsbox.sqlite"

    @property
    def store(self) -> Path:
        return self.data / "store"

    @property
    def uploads(self) -> Path:
        """Bytes of unfinished uploads; on the store's file system, so that finishing is a rename. With a bucket, what
        is on its way there."""
        return self.data / "uploads"

    @property
    def staged(self) -> Path:
        """Files of capture agents' media packages that are not whole yet; on the store's file system too."""
        return self.data / "packages"

    @property
    def work(self) -> Path:
        """Where the worker builds files."""
        return self.data / "work"

    @property
    def fetched(self) -> Path:
        """What the worker needs as files, and lies in a bucket."""
        return self.data / "fetched"

    @property
    def updates(self) -> Path:
        return self.updates_folder or self.data / "updates"

    @property
    def keys(self) -> Path:
        return self.keys_folder or self.data / "keys"
