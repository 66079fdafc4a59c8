"""What can go wrong with a device; the type decides what happens next.

    DriverError
    ├── NotReady      retry by itself, with growing patience (unplugged, busy, still starting)
    ├── AuthFailed    ask a human (wrong password, no permission)
    └── Unsupported   give up until the configuration changes (no such format, no such library)

The code is stable and is what the faces translate; the detail is one English sentence for the log and the command line,
naming the thing to do next. Facts are figures and names a face may put into its own sentence.
"""

from __future__ import annotations


class DriverError(Exception):
    """A device could not do what was asked.

    code: stable, kebab-case, e.g. ``camera-unreachable``. detail: one plain English sentence with the next step.
    """

    def __init__(self, code: str, detail: str, **facts: str | int | float) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.facts = facts


class NotReady(DriverError):
    """The device may come back by itself: try again."""


class AuthFailed(DriverError):
    """A human must mend a password or a permission."""


class Unsupported(DriverError):
    """It will not work until the configuration or the machine changes."""
