"""``FOLDER/journal.json``: what the updater has begun, written before it is done, whole and synced.

    settled ──► trying ──► settled            the new version answered well
                   └─────► returning ──► settled, and the version is not tried again until another is wanted

A machine that loses power finds here what to judge. What cannot be read counts as settled: then ``current`` stands as
it is, and it always names one whole version.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from appliance.spool.layout import make_directory, write_atomically

Phase = Literal["settled", "trying", "returning"]
LARGEST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Journal:
    """old, new: of the switch that is on, "" when settled. starts: of the machine since it was begun. bad: the version
    that was tried last and failed; why: one sentence of it. last: how the last try ended, for people."""

    phase: Phase = "settled"
    old: str = ""
    new: str = ""
    starts: int = 0
    bad: str = ""
    why: str = ""
    last: str = ""

    def trying(self, old: str, new: str) -> Journal:
        return Journal("trying", old, new)

    def started(self) -> Journal:
        return replace(self, starts=self.starts + 1)

    def returning(self, why: str) -> Journal:
        return replace(self, phase="returning", why=why)

    def settled(self, last: str) -> Journal:
        """bad only if the way led back."""
        failed = self.phase == "returning"
        return Journal(bad=self.new if failed else "", why=self.why if failed else "", last=last)


def read(folder: Path) -> Journal:
    """Raises OSError when the disk does not answer."""
    try:
        with (folder / "journal.json").open("rb") as file:
            found = json.loads(file.read(LARGEST))
        return _journal(found)
    except FileNotFoundError:
        return Journal()
    except (ValueError, TypeError):
        return Journal(last="The journal of updates could not be read.")


def write(folder: Path, journal: Journal) -> None:
    """Durable when it returns. Raises OSError."""
    make_directory(folder)
    write_atomically(folder / "journal.json", json.dumps(asdict(journal), indent=1).encode() + b"\n")


def _journal(found: Any) -> Journal:
    """Raises TypeError, ValueError."""
    journal = Journal(**found)
    texts = (journal.old, journal.new, journal.bad, journal.why, journal.last)
    if journal.phase not in get_args(Phase) or not isinstance(journal.starts, int):
        raise ValueError("no phase")
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("no text")
    return journal
