"""Who this room is to its server: the device key, and what enrolment gave, in ``spool/identity``.

device.jwk (0600) is made here and never leaves; server.json: {"server": URL, "room_id", "server_key": JWK,
"sealing_key": JWK}. A room that was enrolled with an older server has no sealing key, and can send but not carry.

    IdentityError       one sentence with the next step
    ├── NotEnrolled     there is no server.json yet
    └── Unreachable     the server did not answer: the same may work later
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from joserfc.jwk import OKPKey

from appliance.spool.layout import Spool, write_atomically
from lms_sync import wire
from lms_sync.client import Client, NotAdmitted, RequestError, SyncError
from lms_sync.wire import sealing
from lms_sync.wire.slip import Slip

_REASONS = {
    "code-used": "The enrolment code was used already; make a new one with `lms-server enrol-code ROOM`.",
    "code-expired": "The enrolment code has expired; make a new one with `lms-server enrol-code ROOM`.",
    "code-unknown": "The server does not know this enrolment code; check it, or make a new one.",
    "code-other-room": "The enrolment code is for another room; give this room's name as the server has it.",
}


class IdentityError(Exception):
    """What is wrong with the room's identity, and the next step. code: for the faces; one of the server's (``code-…``),
    ``bad-address``, ``not-a-server``, ``wrong-server``, ``enrolled-elsewhere``, ``unreachable`` or ``identity``."""

    def __init__(self, detail: str, code: str = "identity") -> None:
        super().__init__(detail)
        self.code = code


class NotEnrolled(IdentityError):
    """The room has no server yet."""


class Unreachable(IdentityError):
    """The server did not answer."""


@dataclass(frozen=True, slots=True)
class Identity:
    server: str
    room: str
    key: OKPKey
    server_key: OKPKey
    sealing_key: OKPKey | None = None
    """What is carried to the server is sealed for this key."""

    def client(self) -> Client:
        return Client(self.server, self.room, self.key)


def key_file(spool: Spool) -> Path:
    return spool.identity / "device.jwk"


def server_file(spool: Spool) -> Path:
    return spool.identity / "server.json"


def read(spool: Spool) -> Identity:
    """Raises NotEnrolled, IdentityError."""
    try:
        facts = json.loads(server_file(spool).read_bytes())
        key = wire.load_key(key_file(spool).read_text())
        if not key.is_private:
            raise IdentityError(f"{key_file(spool)} is not a private key; enrol the room again.")
        server_key = wire.load_key(facts["server_key"])
        return Identity(str(facts["server"]), str(facts["room_id"]), key, server_key, _sealing_key(facts))
    except FileNotFoundError as error:
        raise NotEnrolled("This room is not enrolled yet; run `lms-sync enrol`.") from error
    except (OSError, ValueError, KeyError, TypeError, wire.BadSignature) as error:
        raise IdentityError(f"{spool.identity} cannot be read ({error}); enrol the room again.") from error


def stamp(spool: Spool) -> tuple[int, ...]:
    """Differs when enrolment has changed either file."""
    found: list[int] = []
    for file in (key_file(spool), server_file(spool)):
        try:
            facts = file.stat()
        except OSError:
            continue
        found += [facts.st_ino, facts.st_mtime_ns]
    return tuple(found)


def device_key(spool: Spool) -> OKPKey:
    """The room's key, made when there is none: 0600, durable before it is used. Raises IdentityError."""
    file = key_file(spool)
    try:
        return wire.load_key(file.read_text())
    except FileNotFoundError:
        key = wire.new_key()
        write_atomically(file, wire.dump_key(key, private=True).encode(), mode=0o600)
        return key
    except (OSError, UnicodeDecodeError, wire.BadSignature) as error:
        raise IdentityError(f"{file} is not this room's key ({error}); put it right or remove it.") from error


def server_url(text: str) -> str:
    """Scheme, host and port of what was typed. Raises IdentityError."""
    wrong = f"{text!r} is not a server's address; use one like https://lessons.example.edu."
    try:
        url = urlsplit(text.strip())
        port = f":{url.port}" if url.port else ""
    except ValueError as error:
        raise IdentityError(wrong, "bad-address") from error
    host_only = not (url.path.strip("/") or url.query) and not any(sign in "@ \t" for sign in url.netloc)
    if url.scheme not in {"http", "https"} or not url.hostname or not host_only:
        raise IdentityError(wrong, "bad-address")
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    return f"{url.scheme}://{host}{port}"


async def enrol(
    spool: Spool,
    *,
    server: str,
    code: str,
    room: str,
    institution: str,
    fingerprint: str = "",
    client: Client | None = None,
) -> tuple[Identity, bool]:
    """Bind this room's key to a room of the server. True when it was bound to this very server before and the code
    had been used for that: nothing changed then. fingerprint: of the key by which the server must sign its receipts.

    Raises IdentityError with one sentence, OSError.
    """
    spool.prepare()
    url = server_url(server)
    key = device_key(spool)
    before = _before(spool, url)
    body = json.dumps(
        {"code": code, "room": room, "institution": institution, "public_key": key.as_dict(private=False)}
    )
    try:
        async with client or Client(url) as asking:
            answer = await asking.request(
                "POST", wire.ENROLMENTS, headers={"Content-Type": "application/json"}, body=body.encode()
            )
        facts = answer.json()
        server_key = wire.load_key(facts["server_key"])
        sealing_key = _sealing_key(facts)
        room_id = str(facts["room_id"])
        if fingerprint and wire.thumbprint(server_key) != fingerprint:
            said = f"{url} is not the server that made this enrolment file; check the address in it."
            raise IdentityError(said, "wrong-server")
    except (RequestError, NotAdmitted) as error:
        if error.code == "code-used" and before is not None:
            return before, True
        raise IdentityError(_REASONS.get(error.code, error.detail), error.code) from error
    except SyncError as error:
        raise Unreachable(f"{url}: {error.detail} Check the address and the network.", "unreachable") from error
    except (KeyError, TypeError, wire.BadSignature) as error:
        raise IdentityError(
            f"{url} does not answer like a Darsbox server; check the address.", "not-a-server"
        ) from error
    record: dict[str, Any] = {"server": url, "room_id": room_id, "server_key": server_key.as_dict(private=False)}
    if sealing_key is not None:
        record["sealing_key"] = sealing_key.as_dict(private=False)
    write_atomically(server_file(spool), (json.dumps(record, indent=1) + "\n").encode())
    return Identity(url, room_id, key, server_key, sealing_key), False


async def enrol_by(spool: Spool, slip: Slip, *, client: Client | None = None) -> tuple[Identity, bool]:
    """By what stands in an enrolment file. Returns and raises as ``enrol``."""
    return await enrol(
        spool,
        server=slip.server,
        code=slip.code,
        room=slip.room,
        institution=slip.institution,
        fingerprint=slip.key,
        client=client,
    )


def _sealing_key(facts: Mapping[str, Any]) -> OKPKey | None:
    """None when the server gave none. Raises wire.BadSignature."""
    found = facts.get("sealing_key")
    return sealing.load_sealing_key(found) if found is not None else None


def _before(spool: Spool, url: str) -> Identity | None:
    """The enrolment there is, when it is with this server. Raises IdentityError when it is with another."""
    try:
        found = read(spool)
    except IdentityError:
        return None
    if found.server != url:
        raise IdentityError(
            f"This room is enrolled with {found.server}; to move it, remove {server_file(spool)} and enrol again.",
            "enrolled-elsewhere",
        )
    return found
