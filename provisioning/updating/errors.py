"""Why there is no update now, each as one sentence with the next thing to do.

UpdateError
├── NotNow          a lesson is on or near, or another update is at work: the timer asks again
├── Unreachable     the repository does not answer: the timer asks again, and goes on where it was
├── Refused         what is offered is not taken: nobody vouches for it, or it does not fit this machine
└── Failed          it was tried, and the room is back on the version before
"""

from __future__ import annotations


class UpdateError(Exception):
    """One sentence."""


class NotNow(UpdateError):
    pass


class Unreachable(UpdateError):
    pass


class Refused(UpdateError):
    pass


class Failed(UpdateError):
    pass
