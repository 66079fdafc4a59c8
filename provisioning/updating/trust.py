"""Whom this room believes: TUF's client over a source, with the room's own idea of the time.

The anchor is ``root.json``, which came with the package or from IT's hand; everything else is signed from there on.
What was seen is kept, so that nothing older is taken afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    LengthOrHashMismatchError,
    RepositoryError,
    UnsignedMetadataError,
)
from tuf.api.metadata import Metadata, Root
from tuf.ngclient import Updater, UpdaterConfig

from provisioning.updating.bundle import Bundle, order_of, path_of
from provisioning.updating.errors import Refused, Unreachable
from provisioning.updating.sources import Fetcher, Source

INDEX = "index.json"
"""The target that says which versions there are, and for which kinds of machines."""
ANCHOR = Path("/etc/darsbox/update-root.json")


@dataclass(frozen=True, slots=True)
class Release:
    """A version, and the kinds of machines that there is a bundle for."""

    version: str
    kinds: frozenset[str]


class Repository:
    """What a source offers, proved. anchor: bytes of the trusted ``root.json``. seen: a folder for what was seen.
    passed: Unix seconds that have certainly gone by, for what has expired."""

    def __init__(self, source: Source, anchor: bytes, seen: Path, passed: float) -> None:
        self._source = source
        seen.mkdir(parents=True, exist_ok=True)
        try:
            self._updater = Updater(
                metadata_dir=str(seen),
                metadata_base_url="metadata/",
                target_base_url="targets/",
                fetcher=Fetcher(source),
                config=UpdaterConfig(prefix_targets_with_hash=True),
                bootstrap=anchor,
            )
        except (RepositoryError, ValueError) as error:
            raise Refused(
                "The file with whom this room trusts for updates is damaged; give it again with: provision update trust"
            ) from error
        # TUF would ask this machine's clock, which may be wrong by years. It has no other way to be told.
        self._updater._trusted_set.reference_time = datetime.fromtimestamp(passed, UTC)

    def releases(self) -> Sequence[Release]:
        """The oldest first. Raises Refused, Unreachable."""
        try:
            found = json.loads(self._target(INDEX))
            releases = [Release(version, frozenset(kinds)) for version, kinds in found["versions"].items()]
            return sorted(releases, key=lambda release: order_of(release.version))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Refused(
                f"The list of versions at {self._source.name} is not one of ours; nothing was changed."
            ) from error

    def bundle(self, version: str, kind: str) -> Bundle:
        """Raises Refused, Unreachable."""
        known = {release.version: release for release in self.releases()}
        if version not in known:
            offered = ", ".join(known) or "none"
            raise Unreachable(f"{self._source.name} does not have version {version}; it has {offered}.")
        if kind not in known[version].kinds:
            others = ", ".join(sorted(known[version].kinds)) or "none"
            raise Refused(
                f"Version {version} is for other machines ({others}) and this one is {kind}; nothing was changed."
            )
        try:
            bundle = Bundle.from_json(self._target(path_of(version, kind)))
        except ValueError as error:
            raise Refused(
                f"The bundle of version {version} is not one of ours: {error} Nothing was changed."
            ) from error
        if (bundle.version, bundle.kind) != (version, kind):
            raise Refused(f"The bundle of version {version} is another's; nothing was changed.")
        return bundle

    def _target(self, path: str) -> bytes:
        """Raises Refused, Unreachable."""
        try:
            info = self._updater.get_targetinfo(path)
            if info is None:
                raise Refused(f"Nobody has signed {path} at {self._source.name}; nothing was changed.")
            with TemporaryDirectory(prefix="darsbox-update-") as folder:
                return Path(self._updater.download_target(info, str(Path(folder) / "target"))).read_bytes()
        except DownloadLengthMismatchError as error:
            raise Refused("The updates were changed after they were signed. Nothing was changed here.") from error
        except DownloadError as error:
            raise Unreachable(str(error.__cause__ or error)) from error
        except RepositoryError as error:
            raise Refused(f"{_why(error)} Nothing was changed.") from error
        except OSError as error:
            raise Unreachable(
                f"What was seen of updates cannot be kept ({error.strerror}); make space, then try again."
            ) from error


def anchor_at(file: Path) -> bytes:
    """Raises Refused."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise Refused(
            f"This room trusts nobody's updates, for {file} cannot be read; give it the root.json of whoever makes them"
            " with: provision update trust root.json"
        ) from error


def check_anchor(data: bytes) -> None:
    """Whether these are the bytes of a root.json that vouches for itself. Raises Refused."""
    try:
        found = Metadata[Root].from_bytes(data)
        found.verify_delegate(Root.type, found)
    except (RepositoryError, ValueError, AttributeError) as error:
        raise Refused("That is no root.json of somebody who makes updates; nothing was changed.") from error


def _why(error: RepositoryError) -> str:
    match error:
        case UnsignedMetadataError():
            return "The updates are not signed by whom this room trusts."
        case ExpiredMetadataError():
            return (
                "The updates are out of date, for nobody has vouched for them of late: whoever makes them runs"
                " provision update refresh."
            )
        case BadVersionNumberError():
            return "The updates are older than those this room has seen."
        case LengthOrHashMismatchError():
            return "The updates were changed after they were signed."
        case _:
            return "The updates' description is damaged or was changed after it was signed."
