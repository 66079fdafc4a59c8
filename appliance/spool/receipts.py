"""What the server signed, checked by the room itself before it lets go of anything.

A receipt is a JWS in compact form (typ ``darsbox-receipt+jwt``, Ed25519) of the server's key over {"iss", "room",
"lesson", "path", "sha256", "bytes", "iat"}; ``lms_sync.wire`` describes it. The key is the one that enrolment pinned
in ``spool/identity/server.json``. This module says nothing to any server and needs nothing of the agent
(docs/decisions/0010).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from appliance.spool.layout import LARGEST_RECEIPT, Spool
from appliance.spool.ledger import AssetRow

if TYPE_CHECKING:
    from joserfc.jwk import OKPKey

RECEIPT_TYPE = "darsbox-receipt+jwt"
_ALGORITHMS = ["EdDSA", "Ed25519"]


class Unproven(Exception):
    """There is no proof that the server has it: one sentence says why."""


class Notary:
    """Knows the pinned key of the room's server, and which room it signs for."""

    def __init__(self, room: str, key: OKPKey) -> None:
        self._room = room
        self._key = key

    @classmethod
    def of(cls, spool: Spool) -> Notary:
        """The one this room is enrolled with. Raises Unproven when there is none."""
        # A room that has nothing to let go of never loads it.
        from joserfc import jwk  # noqa: PLC0415
        from joserfc.errors import JoseError  # noqa: PLC0415

        try:
            facts = json.loads((spool.identity / "server.json").read_bytes())
            key = jwk.OKPKey.import_key(facts["server_key"])
            room = facts["room_id"]
        except (OSError, ValueError, TypeError, KeyError, JoseError) as error:
            raise Unproven("The room knows no server whose receipts it could check.") from error
        if key.curve_name != "Ed25519" or not isinstance(room, str) or not room:
            raise Unproven("The server's pinned key is no Ed25519 key, or the room has no name there.")
        return cls(room, key)

    def signed_at(self, spool: Spool, row: AssetRow) -> float:
        """When the server signed for exactly this asset of this room: Unix seconds by the server's clock.

        Raises Unproven.
        """
        try:
            file = spool.receipt_of(row.lesson, row.path, row.sha256)
            if file is None:
                raise Unproven(f"{row.path} has no receipt.")
            with file.open("rb") as receipt:
                return self.check(receipt.read(LARGEST_RECEIPT), row)
        except (OSError, ValueError) as error:
            raise Unproven(f"{row.path}: its receipt cannot be read.") from error

    def check(self, receipt: bytes, row: AssetRow) -> float:
        """The same of a receipt in hand. Raises Unproven."""
        from joserfc import jws  # noqa: PLC0415 - see of
        from joserfc.errors import JoseError  # noqa: PLC0415

        try:
            signed = jws.deserialize_compact(receipt.strip(), self._key, algorithms=_ALGORITHMS)
            claims: Any = json.loads(signed.payload)
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            raise Unproven(f"{row.path}: the receipt is not signed by this room's server.") from error
        if signed.headers().get("typ") != RECEIPT_TYPE or not isinstance(claims, dict):
            raise Unproven(f"{row.path}: what the server signed is no receipt.")
        wanted = {
            "room": self._room,
            "lesson": row.lesson,
            "path": row.path,
            "sha256": row.sha256,
            "bytes": row.bytes,
        }
        if any(claims.get(name) != value or isinstance(claims.get(name), bool) for name, value in wanted.items()):
            raise Unproven(f"{row.path}: the receipt speaks of something else.")
        at = claims.get("iat")
        if isinstance(at, bool) or not isinstance(at, int | float) or not 0 < at < 1e11:
            raise Unproven(f"{row.path}: the receipt does not say when it was signed.")
        return float(at)
