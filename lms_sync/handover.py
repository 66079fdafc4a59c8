"""One asset's way to the server, from its first byte to the receipt that is checked and kept.

sending ─► verifying ─► receipted
  LinkError: the link failed, and the asset waits; RequestError, LocalFileError: it waits or is refused
"""

from __future__ import annotations

import structlog

from appliance.spool.layout import Spool, write_atomically
from lms_sync import identity, wire
from lms_sync.client import Busy, Client, Conflict, Gone, LinkError, NotOurServer, Refused, RequestError
from lms_sync.health import Link
from lms_sync.localfile import FileUnreadable, LocalFile, LocalFileError
from lms_sync.pace import Backoff, Pace
from lms_sync.stages import Event, Passage, asset_of
from lms_sync.transfer import Confused, Transfer

TRIES = 3
"""Times an asset may be refused before it counts: a header damaged on the way looks like a refusal too."""
REFUSED_AGAIN, ROTTEN_AGAIN = 6 * 3600.0, 24 * 3600.0
DELETED = "lesson-deleted"
"""Somebody deleted the lesson on the server: it takes no more of it, and the room keeps what was not receipted."""
LONGEST_HASHING = 30.0
"""Seconds after which a server that is still hashing is asked again."""

log = structlog.get_logger("lms_sync.handover")


class Handover:
    """pace: what chunks follow. trouble: the sentence of the last asset that was not taken."""

    def __init__(self, spool: Spool, link: Link, backoff: Backoff, pace: Pace) -> None:
        self._spool = spool
        self._link = link
        self._backoff = backoff
        self._pace = pace
        self.trouble = ""

    async def go(self, who: identity.Identity, client: Client, passage: Passage) -> None:
        """Take an asset that is claimed and sending as far as it goes now. Raises sqlite3.Error, IllegalMove,
        KeyError."""
        try:
            if passage.state == "sending":
                await self._send(client, passage)
            if passage.state == "verifying":
                await self._receive(who, client, passage)
        except LinkError as error:
            self._postpone(passage, error)
        except RequestError as error:
            self.trouble = error.detail
            self._refused(passage, error)
        except LocalFileError as error:
            self.trouble = error.detail
            log.error("asset.unusable", asset=_name(passage), code=error.code, detail=error.detail)
            if isinstance(error, FileUnreadable):
                passage.step(Event.LATER, problem=error.code, wait=self._backoff.wait(passage.attempts + 2))
            else:
                passage.step(Event.DENIED, problem=error.code, wait=ROTTEN_AGAIN)

    async def _send(self, client: Client, passage: Passage) -> None:
        row = passage.row
        try:
            wire.Asset.from_metadata(asset_of(row).metadata(), row.bytes)
        except ValueError as error:
            raise Refused(str(error), "bad-asset") from error
        log.info("asset.sending", asset=_name(passage), bytes=row.bytes, sent=row.sent)
        with LocalFile(self._spool.lesson_dir(row.lesson) / row.path, row.bytes, row.sha256) as file:
            transfer = Transfer(client, self._pace)
            if await transfer.send(asset_of(row), file, passage, url=passage.url, known=passage.sent):
                passage.step(Event.SENT)

    async def _receive(self, who: identity.Identity, client: Client, passage: Passage) -> None:
        """Fetch, check and keep the receipt: only then is the asset the server's."""
        row = passage.row
        wait = self._backoff.wait(passage.attempts + 1)
        try:
            answer = await client.request("GET", f"{passage.url}/receipt")
        except Conflict:  # it is still hashing
            passage.step(Event.LATER, wait=min(wait, LONGEST_HASHING))
            return
        except Gone as error:
            log.warning("asset.not-stored", asset=_name(passage), code=error.code)
            passage.step(Event.LOST, problem="not-stored", wait=wait, forget=True)
            return
        receipt = answer.json().get("receipt")
        if not isinstance(receipt, str):
            raise NotOurServer("The server's answer holds no receipt.")
        try:
            wire.check_receipt(receipt, who.server_key, room=who.room, asset=asset_of(row))
        except wire.BadSignature as error:
            log.error("asset.bad-receipt", asset=_name(passage), detail=str(error))
            passage.step(Event.LOST, problem="bad-receipt", wait=wait, forget=True)
            return
        try:
            write_atomically(self._spool.receipt_file(row.lesson, row.path, row.sha256), receipt.encode())
        except OSError as error:
            log.error("asset.receipt-unwritten", asset=_name(passage), detail=str(error))
            passage.step(Event.LATER, problem="receipt-unwritten", wait=wait)
            return
        passage.step(Event.SIGNED)
        self._link.good()
        log.info("asset.receipted", asset=_name(passage), bytes=row.bytes)

    def _postpone(self, passage: Passage, error: LinkError) -> None:
        """The link failed, not the asset; but where the server may be stumbling over this one, others go first."""
        wait = 2 * self._backoff.wait(passage.attempts + 2) if isinstance(error, Busy) else 0.0
        passage.step(Event.LATER, problem=error.code, wait=wait)
        self._link.failed(error)

    def _refused(self, passage: Passage, error: RequestError) -> None:
        if error.code == DELETED:
            passage.step(Event.DENIED, problem=error.code)  # and never asked again
            log.warning("asset.deleted", asset=_name(passage), detail=error.detail)
        elif isinstance(error, Confused) or passage.attempts + 1 < TRIES:
            passage.step(Event.LATER, problem=error.code, wait=self._backoff.wait(passage.attempts + 2))
            log.warning("asset.postponed", asset=_name(passage), code=error.code, detail=error.detail)
        else:
            passage.step(Event.DENIED, problem=error.code, wait=REFUSED_AGAIN)
            log.error("asset.refused", asset=_name(passage), code=error.code, detail=error.detail)


def _name(passage: Passage) -> str:
    return f"{passage.row.lesson}/{passage.row.path}"
