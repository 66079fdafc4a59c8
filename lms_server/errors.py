"""What the server answers when it cannot do as asked.

    ServerError
    ├── BadRequest           400  the request makes no sense
    ├── Unauthenticated      401  nobody signed in, or a signature that does not hold
    ├── Forbidden            403  known, but not allowed
    ├── NotFound             404  not here, or not yours to see
    ├── Conflict             409  the state does not allow it now
    ├── WrongVersion         412  another version of tus
    ├── ChangedMeanwhile     412  somebody else changed it since it was read
    ├── TooLarge             413  more bytes than announced or allowed
    ├── WrongMediaType       415  a body of another type
    ├── Busy                 423  another process holds this upload
    ├── TooManyAttempts      429  wait a while
    ├── ChecksumMismatch     460  the bytes are not those that were announced (tus)
    ├── Unavailable          503  the server cannot do its work just now
    └── StoreFull            507  no room on the disk

``code`` is stable and is what faces and programs read; ``detail`` is one plain English sentence with the next thing to
do; ``facts`` are figures and names. lms_server.api.problems maps all of them to problem JSON.
"""

from __future__ import annotations


class ServerError(Exception):
    def __init__(self, code: str, detail: str, *, headers: dict[str, str] | None = None, **facts: str | int | float):
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.headers = headers or {}
        self.facts = facts


class BadRequest(ServerError):
    """The request makes no sense as it is."""


class Unauthenticated(ServerError):
    """Nobody is signed in, or the signature does not hold."""


class Forbidden(ServerError):
    """Known, but not allowed."""


class NotFound(ServerError):
    """Not here, or not for this one to see."""


class Conflict(ServerError):
    """The state does not allow it now."""


class WrongVersion(ServerError):
    """Another version of tus than ours."""


class ChangedMeanwhile(ServerError):
    """Somebody else changed it since it was read."""


class TooLarge(ServerError):
    """More bytes than announced, or than the server takes."""


class WrongMediaType(ServerError):
    """The body is of another type than this address takes."""


class Busy(ServerError):
    """Another process is writing this upload."""


class TooManyAttempts(ServerError):
    """Wait before trying again."""


class ChecksumMismatch(ServerError):
    """The bytes that arrived are not those that were announced."""


class Unavailable(ServerError):
    """The server cannot do its work just now."""


class StoreFull(ServerError):
    """No room on the disk."""


class StartError(Exception):
    """The server cannot start; one plain sentence for whoever started it."""
