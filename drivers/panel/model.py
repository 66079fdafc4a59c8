"""What a profile may say, and reading it: a panel's protocol as a text file. docs/writing_a_driver.md shows one.

A profile with a mistake is refused as a whole, with every mistake's line and key.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from drivers.errors import Unsupported
from drivers.link.framing import ChecksumKind, Counted, Ended, Framing, checksum
from drivers.panel.template import Notation, Template, Value

SWITCHES = ("power", "mute", "freeze", "blank")
ACTIONS = ("power", "input", "volume", "mute", "freeze", "blank", "hours", "errors")
MAX_BYTES = 65_536


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SerialPart(Table):
    baud: int = Field(9600, ge=300, le=1_000_000)
    parity: Literal["none", "even", "odd"] = "none"
    stop_bits: Literal[1, 2] = 1


class TcpPart(Table):
    port: int = Field(ge=1, le=65535)


class Pace(Table):
    gap_ms: int = Field(0, ge=0, le=10_000)
    """Between an answer and the next command."""
    timeout_ms: int = Field(1000, ge=50, le=10_000)


class Address(Table):
    default: int = 1
    lowest: int = 0
    highest: int = 255


class Send(Table):
    """What stands around the body of every message sent, in the profile's notation."""

    start: str = ""
    end: str = ""
    checksum: ChecksumKind = "none"
    """Over the body, and right after it."""


class Receive(Table):
    """How messages that come are marked. end: the last bytes of each; length: one of its bytes, or some hexadecimal
    digits, say how long it is; fixed: all are as long."""

    framing: Literal["end", "length", "fixed"]
    start: str = ""
    end: str = ""
    checksum: ChecksumKind = "none"
    length_at: int | None = Field(None, ge=0, le=32)
    length_digits: int = Field(0, ge=0, le=4)
    length_adds: int = Field(0, ge=0, le=64)
    """Bytes of the whole message that the length leaves out."""
    size: int | None = Field(None, ge=2, le=1024)
    ignore_case: bool = False
    echo_answers: bool = False
    """A command is confirmed by repeating it."""
    refused: list[str] = []
    """What the device says when it will not."""

    @model_validator(mode="after")
    def _complete(self) -> Receive:
        wanted = {"end": "end", "length": "length_at", "fixed": "size"}[self.framing]
        if getattr(self, wanted) in {"", None}:
            raise ValueError(f'framing "{self.framing}" needs the key "{wanted}"')
        return self


def _rising(ends: tuple[int, int]) -> tuple[int, int]:
    if ends[0] >= ends[1]:
        raise ValueError("the highest must be more than the lowest")
    return ends


class Action(Table):
    """One thing a panel does. set and get: what is sent; reply: what comes back, with the state in ``{value}``; ack:
    what comes back on set, when it is something else. values: our names and the wire's writing for them; answers: the
    other way about, where the device's writing of a state differs or has more of them. range: the wire's numbers for 0
    and 100 percent."""

    set: str | None = None
    get: str | None = None
    reply: str | None = None
    ack: str | None = None
    values: dict[str, str] = {}
    answers: dict[str, str] = {}
    range: Annotated[tuple[int, int], AfterValidator(_rising)] | None = None
    timeout_ms: int | None = Field(None, ge=50, le=10_000)

    @model_validator(mode="after")
    def _complete(self) -> Action:
        if self.set is None and self.get is None:
            raise ValueError('needs "set" or "get"')
        if self.get is not None and self.reply is None:
            raise ValueError('"get" needs "reply"')
        if self.set is not None and self.ack is None and self.reply is None:
            raise ValueError('"set" needs "ack" or "reply"')
        return self

    def wire(self, wish: str | int) -> Value:
        """Our word for a state, or percent, in the wire's writing. Raises KeyError."""
        if isinstance(wish, int) and self.range is not None:
            low, high = self.range
            return low + round((high - low) * wish / 100)
        return self.values[str(wish)]

    def meaning(self, template: Template, raw: str) -> str:
        """The wire's writing in our words, or percent. Raises ValueError."""
        if self.range is not None:
            return self._percent(template.number(raw))
        if not self.values and not self.answers:
            return str(template.number(raw))
        known = {_folded(wire): name for name, wire in self.values.items()}
        known |= {_folded(wire): name for wire, name in self.answers.items()}
        return known.get(_folded(raw), raw)

    def rounded(self, wire: Value, wish: str | int) -> str:
        """How a wish reads when it comes back: a volume is rounded to the device's steps."""
        return self._percent(wire) if isinstance(wire, int) else str(wish)

    def _percent(self, wire: int) -> str:
        low, high = self.range or (0, 100)
        return str(max(0, min(100, round((wire - low) * 100 / (high - low)))))


def _folded(wire: str) -> str:
    return wire.upper().replace(" ", "")


class Example(Table):
    """What is done, the bytes sent (hexadecimal), the bytes that come, and what they say. quoted: the document prints
    the order so, or its form; otherwise the bytes were worked out by the document's rules, and show only that the
    profile does what its author meant."""

    action: Literal["power", "input", "volume", "mute", "freeze", "blank", "hours", "errors"]
    set: str | int | None = None
    sent: str
    came: str = ""
    says: str | int | None = None
    address: int | None = None
    quoted: bool = False


class Profile(Table):
    title: str = Field(min_length=1)
    document: str = Field(min_length=1)
    """The vendor's document that it follows."""
    models: list[str] = Field(min_length=1)
    tested_with: list[str] = []
    notation: Notation
    serial: SerialPart | None = None
    tcp: TcpPart | None = None
    pace: Pace = Pace()
    address: Address = Address()
    send: Send = Send()
    receive: Receive
    power: Action
    input: Action | None = None
    volume: Action | None = None
    mute: Action | None = None
    freeze: Action | None = None
    blank: Action | None = None
    hours: Action | None = None
    errors: Action | None = None
    example: list[Example] = Field(min_length=1)

    def action(self, name: str) -> Action | None:
        found: Action | None = getattr(self, name)
        return found

    @property
    def can(self) -> frozenset[str]:
        return frozenset(name for name in ACTIONS if self.action(name) is not None)

    def raw(self, text: str) -> bytes:
        return Template.parse(text, self.notation).encode({})

    def frame(self, body: bytes) -> bytes:
        """A whole message to send."""
        return self.raw(self.send.start) + body + checksum(self.send.checksum, body) + self.raw(self.send.end)

    def framing(self) -> Framing:
        """How to read what comes."""
        receive = self.receive
        start, end = self.raw(receive.start), self.raw(receive.end)
        if receive.framing == "end":
            return Ended(end, start, receive.checksum)
        return Counted(
            adds=receive.length_adds if receive.framing == "length" else receive.size or 0,
            length_at=receive.length_at if receive.framing == "length" else None,
            digits=receive.length_digits,
            start=start,
            end=end,
            checksum=receive.checksum,
            longest=256,
        )


# -- reading


@dataclass(frozen=True, slots=True)
class Mistake:
    line: int
    key: str
    said: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.key}: {self.said}"


def shipped() -> tuple[str, ...]:
    """The names of the profiles that come with the program."""
    folder = files("drivers") / "profiles"
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")))


@cache
def _shipped(name: str) -> Profile:
    return parse((files("drivers") / "profiles" / f"{name}.toml").read_text("utf-8"), f"{name}.toml")


def load(name: str) -> Profile:
    """A shipped profile by its name, or anybody's by its path (ends with ``.toml``). Raises Unsupported with every
    mistake's line and key."""
    if not name.endswith(".toml"):
        if name not in shipped():
            near = get_close_matches(name, shipped(), n=1, cutoff=0.5)
            hint = f'Did you mean "{near[0]}"?' if near else f"There are: {', '.join(shipped())}."
            raise Unsupported("profile-unknown", f'There is no profile "{name}". {hint}', profile=name)
        return _shipped(name)
    try:
        with Path(name).open("rb") as file:
            text = file.read(MAX_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise Unsupported(
            "profile-unreadable", f"The profile {name} cannot be read ({error}); check its path.", profile=name
        ) from error
    return parse(text, name)


def parse(text: str, name: str) -> Profile:
    """Raises Unsupported with every mistake, each with its line and key."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _refused(name, f"it is not TOML: {error}") from error
    try:
        profile = Profile.model_validate(raw)
    except ValidationError as error:
        mistakes = [_mistake(text, item) for item in error.errors()]
        raise _refused(name, "; ".join(map(str, mistakes))) from error
    mistakes = sorted(_meaning(profile, text), key=lambda mistake: mistake.line)
    if mistakes:
        raise _refused(name, "; ".join(map(str, mistakes)))
    return profile


def _refused(name: str, said: str) -> Unsupported:
    return Unsupported("profile-mistake", f"The profile {name} has a mistake: {said}.", profile=name)


def _mistake(text: str, item: Mapping[str, Any]) -> Mistake:
    loc = [str(part) for part in item["loc"]]
    said = str(item.get("ctx", {}).get("error", item["msg"]))
    if item["type"] == "extra_forbidden":
        known = _known_at(loc[:-1])
        near = get_close_matches(loc[-1], known, n=1, cutoff=0.6)
        said = "unknown key" + (f' (did you mean "{near[0]}"?)' if near else "")
    return Mistake(_line_of(text, loc), ".".join(loc), said[:1].lower() + said[1:])


def _known_at(loc: list[str]) -> list[str]:
    if not loc:
        return list(Profile.model_fields)
    parts: dict[str, type[Table]] = {
        "serial": SerialPart,
        "tcp": TcpPart,
        "pace": Pace,
        "address": Address,
        "send": Send,
        "receive": Receive,
    }
    return list(parts.get(loc[0], Example if loc[0] == "example" else Action).model_fields)


def _meaning(profile: Profile, text: str) -> Iterator[Mistake]:
    """What the types cannot see."""

    def mistake(said: str, *loc: str) -> Mistake:
        return Mistake(_line_of(text, list(loc)), ".".join(loc), said)

    for table, key, words in _templates(profile):
        try:
            template = Template.parse(words, profile.notation)
        except ValueError as error:
            yield mistake(str(error), table, key)
            continue
        if key in {"get", "start", "end"} and "value" in template.gaps:
            yield mistake("has no value to put into {value}", table, key)
        if key in {"set", "get"} and "any" in template.gaps:
            yield mistake("{any} stands only in what comes", table, key)
        if key == "reply" and "value" not in template.gaps:
            yield mistake("needs {value}, where the state stands", table, key)
    for name in SWITCHES:
        action = profile.action(name)
        if action is not None and action.set is not None and not {"on", "off"} <= set(action.values):
            yield mistake('needs "on" and "off"', name, "values")
    if profile.input is not None and not profile.input.values:
        yield mistake("needs the names of the inputs", "input", "values")
    if profile.volume is not None and profile.volume.range is None:
        yield mistake("needs the lowest and the highest volume", "volume", "range")


def _templates(profile: Profile) -> Iterator[tuple[str, str, str]]:
    yield from (("send", "start", profile.send.start), ("send", "end", profile.send.end))
    yield from (("receive", "start", profile.receive.start), ("receive", "end", profile.receive.end))
    for words in profile.receive.refused:
        yield "receive", "refused", words
    for name in ACTIONS:
        action = profile.action(name)
        for key in ("set", "get", "reply", "ack"):
            message: str | None = getattr(action, key, None)
            if message is not None:
                yield name, key, message


def _line_of(text: str, loc: list[str]) -> int:
    """The line of a key, or of its table, or the first: tomllib keeps no lines."""
    table: list[str] = []
    seen: dict[str, int] = {}
    best, depth, number_of = 1, 0, 0
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[(\[)?\s*([\w.-]+)\s*\]", line)
        if header:
            table = header[2].split(".")
            if header[1]:
                number_of = seen.get(header[2], -1) + 1
                seen[header[2]] = number_of
                table = [*table, str(number_of)]
            path = table
        else:
            key = re.match(r'\s*"?([\w.-]+)"?\s*=', line)
            if not key:
                continue
            path = [*table, *key[1].split(".")]
        if len(path) > depth and path == loc[: len(path)]:
            best, depth = number, len(path)
    return best
