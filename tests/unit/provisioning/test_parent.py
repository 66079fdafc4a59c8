"""An interrupted make must not leave a room running behind it."""

from __future__ import annotations

import os

from provisioning.parent import look


def test_a_process_that_does_not_exist_cannot_be_seen() -> None:
    assert look(2**22 + 1) == ("", False)


def test_python_catches_the_interrupt() -> None:
    name, catches = look(os.getpid())
    assert name
    assert catches
