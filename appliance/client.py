"""Asking the room's daemon, for the command line. Standard library only: ``appliance status`` answers at once."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from appliance.errors import BadRequest, RoomError

SECONDS = 30.0
"""Stopping a lesson closes every take, and looking for devices asks each of them."""


class NoAnswer(RoomError):
    """No daemon, or not ours."""

    code = "no-answer"


class Refusal(RoomError):
    """The daemon's own sentence."""


def ask(url: str, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """One request; returns the answer's JSON. Raises RoomError with a sentence for whatever went wrong."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadRequest(f"{url} is no web address; --url takes one such as http://127.0.0.1:8400.") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadRequest(f"{url} is no web address; --url takes one such as http://127.0.0.1:8400.")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, port, timeout=SECONDS)
    try:
        data = None if body is None else json.dumps(body).encode("utf-8", "replace")
        connection.request(method, path, data, {"Content-Type": "application/json"} if data is not None else {})
        response = connection.getresponse()
        status, text = response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(f"No room answers at {url}; start it with: appliance run --config room.toml") from error
    finally:
        connection.close()
    try:
        answer = json.loads(text)
    except ValueError as error:
        raise NoAnswer(f"What answers at {url} is no Darsbox room; name the room's address with --url.") from error
    if status >= http.client.BAD_REQUEST:
        detail = answer.get("detail") if isinstance(answer, dict) else None
        raise Refusal(str(detail or f"The room refused with status {status}."))
    return answer
