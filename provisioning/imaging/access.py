"""Who may log in to a machine that an image made: one admin, by an SSH key, by a password, or by both."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from provisioning.imaging.errors import CannotImage

_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_HASH = re.compile(r"\$(?:y|gy|7|2b|6|5)\$[A-Za-z0-9./$=,_-]{20,300}")
"""What crypt(5) of Debian 12 calls a password's hash, but for those that are too weak."""
_TAKEN = frozenset({"root", "darsbox", "darsbox-kiosk", "darsbox-server", "daemon", "nobody", "sshd", "sync", "mail"})


@dataclass(frozen=True, slots=True)
class Access:
    """keys: lines of authorized_keys, "" for none. password_hash: as crypt(5), "" for none."""

    admin: str
    keys: str = ""
    password_hash: str = ""


def access(admin: str, keys: str, password_hash: str) -> Access:
    """keys: of a file with public SSH keys; password_hash: of a file with one line. Raises CannotImage."""
    if not _NAME.fullmatch(admin) or admin in _TAKEN:
        raise CannotImage(f"{admin!r} cannot be the admin's name: small letters and digits, and none that is taken.")
    good = "".join(f"{_key(line.strip())}\n" for line in keys.splitlines() if line.strip() and line.lstrip()[0] != "#")
    wanted = password_hash.strip()
    if wanted and not _HASH.fullmatch(wanted):
        raise CannotImage("That is no password's hash; make one with: openssl passwd -6 > FILE")
    if not good and not wanted:
        raise CannotImage("Nobody could log in to that machine: give --ssh-key FILE, --password-hash FILE, or both.")
    return Access(admin, good, wanted)


def _key(line: str) -> str:
    if "PRIVATE KEY" in line:
        raise CannotImage("That is a private SSH key, which stays where it is; give the file that ends in .pub.")
    try:
        load_ssh_public_key(line.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CannotImage(f"{line[:30]!r} is no public SSH key; give the file that ends in .pub.") from error
    return line
