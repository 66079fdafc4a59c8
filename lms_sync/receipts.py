"""Receipts that come back on a stick: checked and kept as the agent keeps those that come by the link."""

from __future__ import annotations

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
    """Keep every receipt in this room's bundle that the server signed for exactly an asset of ours; it leaves the
    stick then.

    Raises OSError, sqlite3.Error.
    """
    taken = Taken()
    try:
        folder = ours.folder(bundle.RECEIPTS)
    except FileNotFoundError:
        return taken
    except NotPlain as error:
        taken.bad.append(f"{error.strerror}.")
        return taken
    with folder:
        there = set(folder.names())
        for row in ledger.assets():
            name = bundle.receipt_name(asset_of(row))
            if name not in there:
                continue
            if row.state != "receipted":
                try:
                    receipt = _checked(folder, name, who, row)
                except (NotPlain, UnicodeDecodeError, wire.BadSignature) as error:
                    why = str(error) if isinstance(error, wire.BadSignature) else "It cannot be read."
                    taken.bad.append(f"The receipt for {row.lesson}/{row.path} is not believed: {why}")
                    continue
                write_atomically(spool.receipt_file(row.lesson, row.path, row.sha256), receipt.encode())
                _receipted(ledger, row)
                taken.count += 1
            folder.remove(name)
    return taken


def _checked(folder: Folder, name: str, who: Identity, row: AssetRow) -> str:
    """Raises NotPlain, UnicodeDecodeError, wire.BadSignature, OSError."""
    receipt = folder.read(name, bundle.LARGEST_RECEIPT).decode("ascii").strip()
    wire.check_receipt(receipt, who.server_key, room=who.room, asset=asset_of(row))
    return receipt


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
