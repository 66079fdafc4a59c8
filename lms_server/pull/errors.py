"""What can go wrong between a laptop and the server, each as one plain sentence with the next thing to do.

PullError                       the sentence is str(error)
├── WrongToken                  the server does not accept the token
├── NoSuchLesson                the server has no lesson of that id (or not for this token)
├── NotReady                    the lesson is there, its files are not yet
├── Unreachable                 no answer, after some patience
├── Refused                     an answer we cannot use: another program, a newer form, a fault of the server
├── DiskFull                    no room for what is to come
├── CannotWrite                 the folder is not ours to write in
└── Damaged                     a file arrived twice with a wrong SHA-256
"""

from __future__ import annotations


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


class DiskFull(PullError):
    pass


class CannotWrite(PullError):
    pass


class Damaged(PullError):
    pass
