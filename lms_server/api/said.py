"""What a room says in a request's body: short, and JSON."""

from __future__ import annotations

import json

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from lms_server.errors import TooLarge
from lms_sync.wire_control import LARGEST_HEARTBEAT


async def body_of(receive: Receive) -> bytes:
    """Raises TooLarge, ClientDisconnect."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > LARGEST_HEARTBEAT:
            raise TooLarge("too-large", "No room has so much to say at once.")
        if not message.get("more_body", False):
            return bytes(body)


def json_of(body: bytes) -> object:
    """Raises ValueError, one sentence."""
    try:
        return json.loads(body)
    except ValueError as error:
        raise ValueError("The body is no JSON.") from error
