"""What the server lacks, put on a stick: first what is worth most, then what is oldest, up to the brim.

The server's word counts, and nothing else: what it has acknowledged is not carried, what another stick has is carried
again only behind everything that no stick has, and nothing is called delivered before there is a receipt.

    CannotExport        one sentence with the next step
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from appliance.spool import keeping
from appliance.spool.layout import Spool
from appliance.spool.ledger import AssetRow, Ledger
from lms_sync import wire
from lms_sync.agent import rank
from lms_sync.carrier import Carrier, Key, Space, StickFull, forget, records
from lms_sync.identity import Identity
from lms_sync.localfile import LocalFile, LocalFileError
from lms_sync.receipts import Taken, take_up
from lms_sync.report import size
from lms_sync.stages import asset_of
from lms_sync.wire import bundle
from lms_sync.wire.stick import Folder, NotPlain

Stretch = tuple[int, int]
"""From, to: bytes of a file."""
Moved = Callable[[AssetRow, int], None]
"""Told of every stretch that goes to the stick, in bytes."""


class CannotExport(Exception):
    """Why nothing can be carried, and the next step."""


@dataclass(frozen=True, slots=True)
class Run:
    """Bytes of an asset that are to be put on this stick. again: another stick that has not come back has them."""

    row: AssetRow
    start: int
    end: int
    again: bool = False


@dataclass(slots=True)
class Report:
    """What `lms-sync export` answers. left: the files that did not fit, with the bytes that are missing on every stick.
    elsewhere: bytes that only other sticks have, which have not come back. problems: a sentence each; hint: one that
    is worth a look."""

    entries: tuple[bundle.Entry, ...] = ()
    left: list[tuple[AssetRow, int]] = field(default_factory=list)
    elsewhere: int = 0
    receipts: int = 0
    problems: list[str] = field(default_factory=list)
    hint: str = ""

    @property
    def sentence(self) -> str:
        taken = f"{_many(self.receipts, 'receipt')} came back on it. " if self.receipts else ""
        if not self.entries and not self.left and not self.elsewhere:
            return f"{taken}Nothing of this room waits for the server; the stick carries nothing."
        count = _many(len(self.entries), "file")
        lessons = _many(len({entry.lesson for entry in self.entries}), "lesson")
        carried = f"The stick carries {count} of {lessons}, {size(sum(entry.here for entry in self.entries))}"
        if self.elsewhere:
            carried += f" ({size(self.elsewhere)} more are on other sticks, which have not come back)"
        if not self.left:
            return f"{taken}{carried}; everything that the server lacks is on its way."
        missing = size(sum(count for _, count in self.left))
        return f"{taken}{carried}; {missing} of {_many(len(self.left), 'file')} did not fit and wait for the next one."

    def as_json(self) -> dict[str, Any]:
        return {
            "files": [
                {"lesson": entry.lesson, "path": entry.path, "bytes": entry.bytes, "here": entry.here}
                for entry in self.entries
            ],
            "bytes": sum(entry.here for entry in self.entries),
            "left": [
                {"lesson": row.lesson, "path": row.path, "bytes": row.bytes, "missing": missing}
                for row, missing in self.left
            ],
            "bytes_left": sum(missing for _, missing in self.left),
            "bytes_elsewhere": self.elsewhere,
            "receipts": self.receipts,
            "problems": self.problems,
            "hint": self.hint,
        }


def begins(row: AssetRow, whole: bool) -> int:
    """The first byte that the server lacks. whole: its word of an upload that is half there is not to be trusted."""
    half = row.state == "sending" and row.sent < row.bytes
    return row.sent if half and not whole else 0


def plan(
    rows: Iterable[AssetRow],
    here: Callable[[Key], Sequence[Stretch]],
    elsewhere: Callable[[Key], Sequence[Stretch]],
    *,
    whole: bool,
) -> list[Run]:
    """What is to be written, in this order: what no stick has, then what another one has; in each, the order of
    sending. here: what this stick has already."""
    runs: list[Run] = []
    for row in rows:
        if row.state == "receipted":
            continue
        key = row.lesson, row.path
        if not row.bytes:
            runs.append(Run(row, 0, 0))
            continue
        missing = _without([(begins(row, whole), row.bytes)], here(key))
        fresh = _without(missing, elsewhere(key))
        runs += [Run(row, start, end) for start, end in fresh]
        runs += [Run(row, start, end, again=True) for start, end in _without(missing, fresh)]
    return sorted(runs, key=lambda run: (run.again, rank(run.row), run.start))


class Export:
    """One stick of one room. space: for tests; what the stick says otherwise. whole: see begins."""

    def __init__(
        self,
        spool: Spool,
        who: Identity,
        stick: Path,
        *,
        whole: bool = False,
        space: Callable[[], Space] | None = None,
    ) -> None:
        self._spool = spool
        self._who = who
        self._stick = stick
        self._whole = whole
        self._space = space

    async def run(self, ledger: Ledger, begun: Callable[[int], None], moved: Moved) -> Report:
        """begun: told how many bytes are to be written, if they fit. Raises CannotExport, OSError, sqlite3.Error."""
        if self._who.sealing_key is None:
            raise CannotExport(
                "This room was enrolled before its server had a key to seal for; make a code with "
                "`lms-server enrol-code ROOM` and run `lms-sync enrol` again."
            )
        with ExitStack() as open_folders:
            ours = self._enter(open_folders)
            own_disk = ours.device == self._spool.root.stat().st_dev
            floor = ours.free()[0] // 2 if own_disk else 0
            taken = take_up(self._spool, ledger, self._who, ours)
            space = self._space or (lambda: _above(ours.free(), floor))
            carrier = Carrier(self._spool, self._who, self._who.sealing_key, ours, space=space)
            rows = {(row.lesson, row.path): row for row in ledger.assets() if self._may_go(row)}
            self._stock(carrier, rows)
            report = await self._fill(carrier, rows, begun, moved)
        if own_disk:
            report.hint = f"{self._stick} is on the room's own disk, half of which was left free; is the stick mounted?"
        return _with(report, taken)

    def _may_go(self, row: AssetRow) -> bool:
        return row.state != "receipted" and not keeping.holds(self._spool, row)

    def _enter(self, opened: ExitStack) -> Folder:
        """The room's folder on the stick."""
        try:
            top = opened.enter_context(Folder.at(self._stick))
            folder = opened.enter_context(top.folder(bundle.FOLDER, make=True))
            return opened.enter_context(folder.folder(self._who.room, make=True))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise CannotExport(f"{self._stick} is no folder; name the one where the stick is mounted.") from error
        except NotPlain as error:
            raise CannotExport(f"{error.strerror}; remove it from the stick, or use another one.") from error

    def _stock(self, carrier: Carrier, rows: Mapping[Key, AssetRow]) -> None:
        def listed(entry: bundle.Entry) -> bool:
            row = rows.get((entry.lesson, entry.path))
            return row is not None and asset_of(row) == entry.asset

        def wanted(entry: bundle.Entry, segment: bundle.Segment) -> bool:
            return listed(entry) and segment.end > begins(rows[entry.lesson, entry.path], self._whole)

        carrier.take_stock(wanted, listed)

    def _elsewhere(self, carrier: Carrier, rows: Mapping[Key, AssetRow]) -> dict[Key, list[Stretch]]:
        """What other sticks have; one that has nothing any more is forgotten."""
        found: dict[Key, list[Stretch]] = {}
        for manifest in records(self._spool, self._who.key):
            if manifest.bundle == carrier.bundle:
                continue
            live = [
                entry
                for entry in manifest.entries
                if (row := rows.get((entry.lesson, entry.path))) is not None and asset_of(row) == entry.asset
            ]
            if not live:
                forget(self._spool, manifest.bundle)
            for entry in live:
                found.setdefault((entry.lesson, entry.path), []).extend((s.offset, s.end) for s in entry.segments)
        return found

    async def _fill(
        self, carrier: Carrier, rows: Mapping[Key, AssetRow], begun: Callable[[int], None], moved: Moved
    ) -> Report:
        others = self._elsewhere(carrier, rows)
        listed = {(entry.lesson, entry.path) for entry in carrier.entries()}
        runs = plan(
            rows.values(),
            lambda key: [(segment.offset, segment.end) for segment in carrier.segments(key)],
            lambda key: others.get(key, []),
            whole=self._whole,
        )
        begun(min(sum(run.end - run.start for run in runs), carrier.free))
        report, left = Report(), dict[Key, int]()
        for run in runs:
            key = run.row.lesson, run.row.path
            if not run.row.bytes and key in listed:
                continue
            try:
                reached = await self._carry(carrier, run, moved)
            except (LocalFileError, ValueError) as error:
                carrier.drop(key)
                report.problems.append(error.detail if isinstance(error, LocalFileError) else f"{key[1]}: {error}")
                continue
            if run.again:
                report.elsewhere += run.end - reached
            elif reached < run.end:
                left[key] = left.get(key, 0) + run.end - reached
        carrier.finish()
        report.entries = carrier.entries()
        report.left = [(rows[key], missing) for key, missing in left.items()]
        return report

    async def _carry(self, carrier: Carrier, run: Run, moved: Moved) -> int:
        """Up to which byte it fitted. Raises LocalFileError, ValueError for what no server would take, OSError."""
        at = run.start
        asset = wire.Asset.from_metadata(asset_of(run.row).metadata(), run.row.bytes)
        with LocalFile(self._spool.lesson_dir(run.row.lesson) / run.row.path, run.row.bytes, run.row.sha256) as file:
            while at < run.end or not run.row.bytes:
                length = carrier.room_for(run.end - at)
                if not length and run.row.bytes:
                    break
                try:
                    await carrier.add(asset, file, at, length, partial(moved, run.row))
                except StickFull:
                    break
                at += length
                if not run.row.bytes:
                    break
        return at


def find(spool: Spool, ledger: Ledger, who: Identity, stick: Path) -> Taken:
    """The receipts for this room on a stick, taken up. Raises CannotExport, OSError, sqlite3.Error."""
    try:
        with (
            Folder.at(stick) as top,
            top.folder(bundle.FOLDER) as folder,
            folder.folder(who.room) as ours,
        ):
            return take_up(spool, ledger, who, ours)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CannotExport(f"There is nothing of this room on {stick}; name the folder where it is mounted.") from error
    except NotPlain as error:
        raise CannotExport(f"{error.strerror}; this stick cannot be trusted.") from error


def _with(report: Report, taken: Taken) -> Report:
    report.receipts = taken.count
    report.problems = [*taken.bad, *report.problems]
    return report


def _above(space: Space, floor: int) -> Space:
    """What is free above what is to stay free."""
    return max(0, space[0] - floor), space[1]


def _without(stretches: Iterable[Stretch], taken: Iterable[Stretch]) -> list[Stretch]:
    """What of the first lies in none of the second."""
    left = list(stretches)
    for start, end in taken:
        left = [
            piece
            for low, high in left
            for piece in ((low, min(high, start)), (max(low, end), high))
            if piece[0] < piece[1]
        ]
    return left


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
