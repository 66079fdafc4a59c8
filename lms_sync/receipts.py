"""What the server signed and a stick brings back: receipts, kept as the agent keeps those that come by the link, and
its word of what it has of a file that is not whole there yet, so that it goes on from there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from appliance.spool.layout import Spool, write_atomically
from appliance.spool.ledger import AssetRow, AssetState, IllegalMove, Ledger
from lms_sync import wire
from lms_sync.identity import Identity
from lms_sync.stages import asset_of
from lms_sync.wire import bundle
from lms_sync.wire.stick import Folder, NotPlain

ON_THE_WAY: dict[AssetState, AssetState] = {
    "waiting": "receipted",
    "sending": "verifying",
    "verifying": "receipted",
    "refused": "waiting",
}
"""The next legal state towards the receipt that is in hand."""
_STEPS = 8
"""The agent may move the same asset meanwhile; more often than this it does not."""


@dataclass(slots=True)
class Taken:
    """count: receipts that are kept now. bad: a sentence for each that was not believed."""

    count: int = 0
    bad: list[str] = field(default_factory=list)


def take_up(spool: Spool, ledger: Ledger, who: Identity, ours: Folder) -> Taken:
    """Keep every receipt in this room's bundle that the server signed for exactly an asset of ours, and note what the
    server has of those that are not whole there; either leaves the stick then.

    Raises OSError, sqlite3.Error.
    """
    taken = Taken()

    def receipt(row: AssetRow, signed: str) -> None:
        wire.check_receipt(signed, who.server_key, room=who.room, asset=asset_of(row))
        write_atomically(spool.receipt_file(row.lesson, row.path, row.sha256), signed.encode())
        _receipted(ledger, row)
        taken.count += 1

    def half(row: AssetRow, signed: str) -> None:
        has = wire.check_half(signed, who.server_key, room=who.room, asset=asset_of(row))
        if row.state == "waiting" or (row.state == "sending" and row.sent < has):
            with suppress(IllegalMove):  # the agent is at it, and knows better
                ledger.move(row.lesson, row.path, "sending", sent=has)

    _take(ours, bundle.RECEIPTS, ledger, receipt, taken)
    _take(ours, bundle.HALVES, ledger, half, taken)
    return taken


def _take(ours: Folder, where: str, ledger: Ledger, believe: Callable[[AssetRow, str], None], taken: Taken) -> None:
    """Everything in one folder of a bundle that is of an asset of ours. believe: raises BadSignature."""
    try:
        folder = ours.folder(where)
    except FileNotFoundError:
        return
    except NotPlain as error:
        taken.bad.append(f"{error.strerror}.")
        return
    with folder:
        there = set(folder.names())
        for row in ledger.assets():
            name = bundle.receipt_name(asset_of(row))
            if name not in there:
                continue
            if row.state != "receipted":
                try:
                    believe(row, folder.read(name, bundle.LARGEST_RECEIPT).decode("ascii").strip())
                except (NotPlain, UnicodeDecodeError, wire.BadSignature) as error:
                    why = str(error) if isinstance(error, wire.BadSignature) else "It cannot be read."
                    taken.bad.append(f"What the server says of {row.lesson}/{row.path} is not believed: {why}")
                    continue
            folder.remove(name)


def _receipted(ledger: Ledger, row: AssetRow) -> None:
    """Bring the ledger to where the receipt is, by legal moves; the agent finds its own illegal then, and looks
    again."""
    for _ in range(_STEPS):
        now = next((each for each in ledger.assets(row.lesson) if each.path == row.path), row)
        if now.state == "receipted":
            return
        try:
            ledger.move(row.lesson, row.path, ON_THE_WAY[now.state], sent=row.bytes, attempts=0)
        except IllegalMove:
            continue
    raise IllegalMove(f"{row.lesson}/{row.path} is being moved by another program; do it again.")
