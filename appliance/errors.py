"""What the room may refuse, and how it says so over HTTP.

    RoomError                     code, status, one English sentence with the next step, facts
    ├── NotRecording      409     pause, resume, stop or mark without a lesson
    ├── AlreadyRecording  409     start while a lesson runs
    ├── WrongState        409     resume what is not paused, pause what is paused
    ├── CannotRecord      503     no source can be captured at all
    ├── DiskFull          507     no room left that may be used
    ├── NotFound          404     no such lesson, source or device
    ├── NoPicture         503     a camera that gives no picture just now
    ├── DeviceTrouble     503     a panel or a camera that turns does not do what it is told; problem: the driver's code
    ├── TooLarge          413     a request body far beyond what the panel ever sends
    ├── TooSlow           408     a request body that does not come
    ├── BadRequest        422     a title too long, an unknown field
    ├── ForeignOrigin     403     another site's page, or another host name, speaks to the panel's API
    ├── NoPin             409     nobody has set a PIN; there is none to begin with
    ├── WrongPin          403     a PIN or a card that is nobody's; seconds: until the next one is listened to
    ├── MustWait          429     too many wrong PINs; seconds: for how long
    ├── NotSignedIn       401     the IT screen's API without a session
    ├── UnfitPin          422     a PIN that is none, or is guessed too easily
    ├── NothingChosen     422     a room without any camera or microphone
    ├── JoinRefused       409     the server did not take the room; problem: the sync agent's code
    ├── CannotWrite       503     room.toml cannot be written by the room's user
    ├── LessonOn          409     what would disturb the lesson that is on, and is not meant twice over
    └── ConfigError       500     room.toml is wrong (the daemon does not start; the command line prints the sentence)

The sentences are for logs, programs and IT staff; the faces translate the codes.
"""

from __future__ import annotations

from typing import Any


class RoomError(Exception):
    """Base of all. detail: one plain sentence; facts: figures and names for the faces."""

    code = "room-error"
    status = 500
    title = "The room could not do that"

    def __init__(self, detail: str, **facts: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts = facts

    def problem(self) -> dict[str, Any]:
        """As RFC 9457 problem JSON."""
        return {
            "type": f"urn:darsbox:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            **self.facts,
        }


class NotRecording(RoomError):
    code, status, title = "not-recording", 409, "No lesson is being recorded"


class AlreadyRecording(RoomError):
    code, status, title = "already-recording", 409, "A lesson is being recorded already"


class WrongState(RoomError):
    code, status, title = "wrong-state", 409, "Not possible at this moment"


class CannotRecord(RoomError):
    code, status, title = "cannot-record", 503, "No camera or microphone can be recorded"


class DiskFull(RoomError):
    code, status, title = "disk-full", 507, "The disk is full"


class DeviceTrouble(RoomError):
    code, status, title = "device-trouble", 503, "The device does not do that now"


class NotFound(RoomError):
    code, status, title = "not-found", 404, "There is no such thing here"


class NoPicture(RoomError):
    code, status, title = "no-picture", 503, "The camera gives no picture now"


class TooLarge(RoomError):
    code, status, title = "too-large", 413, "The request is too large"


class TooSlow(RoomError):
    code, status, title = "too-slow", 408, "The request took too long"


class BadRequest(RoomError):
    code, status, title = "bad-request", 422, "The request cannot be understood"


class ForeignOrigin(RoomError):
    code, status, title = "foreign-origin", 403, "Only the panel may ask this"


class NoPin(RoomError):
    code, status, title = "no-pin", 409, "No PIN is set"


class WrongPin(RoomError):
    code, status, title = "wrong-pin", 403, "That is not the PIN"


class MustWait(RoomError):
    code, status, title = "must-wait", 429, "Too many wrong PINs"


class NotSignedIn(RoomError):
    code, status, title = "not-signed-in", 401, "The IT screen asks for its PIN"


class UnfitPin(RoomError):
    code, status, title = "unfit-pin", 422, "That PIN cannot be used"


class NothingChosen(RoomError):
    code, status, title = "nothing-chosen", 422, "Nothing would be recorded"


class JoinRefused(RoomError):
    code, status, title = "join-refused", 409, "The server was not joined"


class CannotWrite(RoomError):
    code, status, title = "cannot-write", 503, "room.toml cannot be written"


class LessonOn(RoomError):
    code, status, title = "lesson-on", 409, "A lesson is being recorded"


class ConfigError(RoomError):
    code, status, title = "bad-config", 500, "room.toml is wrong"
