"""What can go wrong between a laptop and the server, each as one plain sentence with the next thing to do.

PullError           the sentence is str(error)
├── WrongToken      the server does not accept the token
├── NoSuchLesson    the server has no lesson of that id (or not for this token)
├── NotReady        the lesson is there, its files are not yet
├── Unreachable     no answer, after some patience
├── Refused         an answer we cannot use: another program, a newer form, a fault of the server
├── Stopped         another file's trouble ended the pulling
├── AtWork          another lms-pull writes in the same folder
├── DiskFull        no room for what is to come
├── CannotWrite     the folder is not ours to write in
└── FileProblem     one file cannot be had; the others can
    ├── Damaged     it arrived twice with a wrong SHA-256
    └── Missing     the server knows of it but has it no longer
"""

from __future__ import annotations

from typing import ClassVar, Literal


class PullError(Exception):
    """str() is the sentence for the person at the terminal."""


class WrongToken(PullError):
    pass


class NoSuchLesson(PullError):
    pass


class NotReady(PullError):
    pass


class Unreachable(PullError):
    pass


class Refused(PullError):
    pass


class Stopped(PullError):
    pass


class AtWork(PullError):
    pass


class DiskFull(PullError):
    pass


class CannotWrite(PullError):
    pass


class FileProblem(PullError):
    """state: what a list of files says of it."""

    state: ClassVar[Literal["damaged", "missing"]]


class Damaged(FileProblem):
    state = "damaged"


class Missing(FileProblem):
    state = "missing"
