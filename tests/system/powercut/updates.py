"""Power cuts of an update: one version fetched, built, tried and kept on a crash disk, and cut at many of its writes.

After each cut the room is on the old version or the new one, every file of it whole; ``settle`` ends what was begun;
and where the slot was complete, the update is made again.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from provisioning import slots
from provisioning.updating.bundle import Bundle, kind_here
from provisioning.updating.errors import UpdateError
from provisioning.updating.fetching import Wheelhouse
from provisioning.updating.installing import Installer, Patience
from provisioning.updating.sources import Folder
from provisioning.updating.trust import Repository
from tests.peers import mounts
from tests.peers.updated_room import Daemon, answering
from tests.peers.updates import Maker
from tests.system.powercut.crashdisk import CannotMend, CrashDisk, mend

OLD, NEW = "1.0", "1.1"
PATIENCE = Patience(answer=5.0, steady=0.05, look=0.01)
NOT_SYNCED = "slot-not-synced"
"""A planted bug: a slot is marked complete before its files are on the disk."""


@dataclass
class Outcome:
    """What followed a cut at this write. version: in use at the machine's next start."""

    write: int
    unflushed: int
    version: str = ""
    slot: bool = False
    """Whether the new version's slot counted as complete."""
    faults: list[str] = field(default_factory=list)


class UpdateLaboratory:
    """plant: "" or NOT_SYNCED."""

    def __init__(self, place: Path, *, plant: str = "", seed: int = 1) -> None:
        self._place = place
        self._plant = plant
        self._chance = random.Random(seed)
        self._seed = seed
        self._maker = Maker(place / "maker")
        self._maker.publish(NEW)

    def record(self) -> None:
        """One update, from the first byte of metadata to the tidy end."""
        self._disk = CrashDisk(self._place)
        with self._disk:
            root = self._disk.folder / "darsbox"
            _begin(root)
            with self._disk.frozen() as self._first:
                pass
            with self._room(root) as installer:
                bundle, wheels = self._fetched(installer)
                with patch.object(os, "sync") if self._plant else nullcontext():
                    slots.build(root, NEW, wheels, wheels / "requirements.lock")
                with self._disk.frozen() as self._built:
                    pass
                installer.install(bundle, wheels)
            with self._disk.frozen() as self._ended:
                pass
            self._whole = {OLD: tree(root / "slots" / OLD), NEW: tree(root / "slots" / NEW)}

    def follow(self, cuts: int) -> list[Outcome]:
        """Half of the cuts while the version is fetched and built, half in the moment of the switch."""
        early = [self._chance.randint(self._first, self._built) for _ in range(cuts // 2)]
        late = [self._chance.randint(self._built, self._ended) for _ in range(cuts - len(early))]
        images = self._place / "images"
        images.mkdir()
        found = sorted([*early, *late])
        return [
            self._followed(Outcome(write, unflushed), image)
            for write, (image, unflushed) in zip(found, self._disk.rebuild(found, images, self._seed), strict=True)
        ]

    def _followed(self, outcome: Outcome, image: Path) -> Outcome:
        # Where it was mounted when it was built: a slot's programs carry their path.
        try:
            mend(image)
            with mounts.image(image, self._disk.folder) as folder:
                outcome.faults += self._prove(outcome, folder / "darsbox")
        except (CannotMend, UpdateError, slots.SlotError, OSError) as error:
            outcome.faults.append(f"{type(error).__name__}: {error}")
        image.unlink()
        return outcome

    def _prove(self, outcome: Outcome, root: Path) -> Iterator[str]:
        outcome.version = slots.current(root) or ""
        outcome.slot = NEW in slots.versions(root)
        if outcome.version not in (OLD, NEW):
            yield f"the version in use is {outcome.version or 'none'}"
            return
        for version in slots.versions(root):
            if tree(root / "slots" / version) != self._whole[version]:
                yield f"the slot of {version} counts as complete and is not"
        with self._room(root) as installer:
            installer.settle()
            settled = installer.journal()
            if (settled.phase, settled.bad) != ("settled", ""):
                yield f"the journal says {settled}"
            if slots.current(root) != outcome.version or slots.proven(root) != outcome.version:
                yield "what was well was taken back"
            if outcome.slot:  # to build it again takes seconds, and is slots' to prove
                installer.install(*self._fetched(installer))
                if slots.current(root) != NEW:
                    yield "the update could not be made again"

    @contextmanager
    def _room(self, root: Path) -> Iterator[Installer]:
        """As it comes up with what is in use."""
        daemon = Daemon(root)
        daemon.restart()
        spool = self._place / "spool"
        with answering(daemon, spool):
            yield Installer(root, spool, daemon, patience=PATIENCE)

    def _fetched(self, installer: Installer) -> tuple[Bundle, Path]:
        source = Folder(self._maker.repository)
        repository = Repository(source, self._maker.anchor, installer.folder / "seen", 0.0)
        bundle = repository.bundle(NEW, kind_here())
        return bundle, Wheelhouse(installer.folder, free=lambda folder: 1 << 40).gather(bundle, source)


def tree(folder: Path) -> str:
    """One hash of every name and byte below a folder."""
    found = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        found.update(str(file.relative_to(folder)).encode())
        if file.is_symlink():
            found.update(os.fsencode(file.readlink()))
        elif file.is_file():
            found.update(file.read_bytes())
    return found.hexdigest()


def _begin(root: Path) -> None:
    """A machine on the old version."""
    slot = root / "slots" / OLD
    slot.mkdir(parents=True)
    shutil.copy(__file__, slot / "program")
    (slot / slots.MARK).write_text('{"version": "1.0", "lock": "0"}')
    slots.switch(root, OLD)
    os.sync()
