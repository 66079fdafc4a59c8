"""What a version consists of on one kind of machine: its wheels, by hash. Pure.

A bundle is a signed file of the repository; its wheels are found by their hashes and so are as good as signed. Its lock
is pip's, made of the same hashes.
"""

from __future__ import annotations

import json
import platform
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

MOST_WHEELS = 1000
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,240}")
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Wheel:
    """file: its name. bytes: its size."""

    file: str
    sha256: str
    bytes: int

    @property
    def project(self) -> str:
        """Raises ValueError."""
        return parse_wheel_filename(self.file)[0]

    @property
    def requirement(self) -> str:
        """As pip's lock has it. Raises ValueError."""
        name, version, _, _ = parse_wheel_filename(self.file)
        return f"{name}=={version} --hash=sha256:{self.sha256}"

    @property
    def path(self) -> str:
        """In the repository, below its root."""
        return f"wheels/{self.sha256}/{self.file}"


@dataclass(frozen=True, slots=True)
class Bundle:
    """kind: of the machine, as ``kind_here`` has it. unpacked: bytes of all files in the wheels."""

    version: str
    kind: str
    unpacked: int
    wheels: tuple[Wheel, ...]

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: bytes) -> Bundle:
        """Raises ValueError with one sentence."""
        found = json.loads(text)
        if not isinstance(found, dict) or not isinstance(found.get("wheels"), list):
            raise ValueError("It is no list of wheels.")
        if len(found["wheels"]) > MOST_WHEELS:
            raise ValueError(f"It has more than {MOST_WHEELS} wheels.")
        wheels = tuple(_wheel(each) for each in found["wheels"])
        if not any(each.project == "darsbox" for each in wheels):
            raise ValueError("It has no wheel of Darsbox itself.")
        version = _matched(found, "version", _PLAIN)
        order_of(version)
        return cls(version, _matched(found, "kind", _PLAIN), _count(found, "unpacked"), wheels)

    def lock(self) -> str:
        """pip's requirements, each with its hash."""
        return "".join(sorted(f"{each.requirement}\n" for each in self.wheels))


def path_of(version: str, kind: str) -> str:
    """A bundle's name among the repository's targets."""
    return f"bundles/{version}/{kind}.json"


def kind_here() -> str:
    """What this machine runs: its processor and its Python, as ``x86_64-cp311``."""
    return f"{platform.machine().lower()}-cp{sys.version_info.major}{sys.version_info.minor}"


def order_of(version: str) -> Version:
    """For comparing two versions. Raises ValueError for what is none."""
    try:
        return Version(version)
    except InvalidVersion as error:
        raise ValueError(f"{version[:60]!r} is no version such as 1.4.0.") from error


def _wheel(found: object) -> Wheel:
    if not isinstance(found, dict):
        raise ValueError("A wheel of it is no JSON object.")
    wheel = Wheel(_matched(found, "file", _PLAIN), _matched(found, "sha256", _HASH), _count(found, "bytes"))
    try:
        wheel.requirement  # noqa: B018 - whether its name can be read
    except InvalidWheelFilename as error:
        raise ValueError(f"{wheel.file[:60]} is no name of a wheel.") from error
    return wheel


def _matched(found: Mapping[str, Any], name: str, form: re.Pattern[str]) -> str:
    value = found.get(name)
    if not isinstance(value, str) or not form.fullmatch(value):
        raise ValueError(f"Its {name} is not of the right form.")
    return value


def _count(found: Mapping[str, Any], name: str) -> int:
    value = found.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 40:
        raise ValueError(f"Its {name} is no number of bytes.")
    return value
