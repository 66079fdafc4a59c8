"""Mistakes of room.toml as plain sentences, each with its place."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError


class Mistake(str):
    """A sentence. place: what it is about, such as ("recorder", "height") or, with a device's id in between, ("camera",
    "front", "url"); empty where nobody can say."""

    place: tuple[str, ...]

    def __new__(cls, sentence: str, *place: object) -> Mistake:
        made = super().__new__(cls, sentence)
        made.place = tuple(str(part) for part in place)
        return made


def keys_of(model: type[BaseModel]) -> tuple[str, ...]:
    """As they are written in room.toml; some are words that Python keeps for itself."""
    return tuple(field.alias or name for name, field in model.model_fields.items())


def sentences(error: ValidationError, model: type[BaseModel]) -> list[Mistake]:
    """Each mistake of a model's input as one plain sentence without its full stop; its place is in the model."""
    known = tuple(model.model_fields)
    return [Mistake(sentence(item, item["loc"], known), *item["loc"]) for item in error.errors()]


def sentence(item: Mapping[str, Any], loc: Iterable[int | str], known: Iterable[str]) -> str:
    """One mistake that pydantic found, in plain English. known: the keys that would have been right."""
    # What was written may hold halves of characters that no answer can carry.
    return _sentence(item, loc, known).encode("utf-8", "replace").decode()


def _sentence(item: Mapping[str, Any], loc: Iterable[int | str], known: Iterable[str]) -> str:
    parts = [str(part) for part in loc]
    key, got, context = (parts[0] if parts else ""), shown(item.get("input")), item.get("ctx", {})
    kind = item["type"]
    if kind == "extra_forbidden":
        return f'unknown key "{key}"{did_you_mean(key, known)}'
    if kind == "missing":
        return f'the key "{key}" is missing'
    if kind == "value_error":
        said = str(context.get("error", item["msg"]))
        return f'"{key}" {said}' if key else said.rstrip(".")
    for beginning, wish in _WISHES:
        if kind.startswith(beginning):
            wished = wish.format(**context)
            return f'"{key}" {wished}' if "long" in kind or "short" in kind else f'"{key}" {wished}, not {got}'
    return f'"{key}" is not right: {item["msg"]}'


_WISHES = (
    ("string_too_long", "has more than {max_length} characters"),
    ("string_too_short", "must not be empty"),
    ("string_pattern", "must have the form {pattern}"),
    ("string", "must be text in quotes"),
    ("int", "must be a whole number"),
    ("float", "must be a number"),
    ("finite", "must be a number"),
    ("bool", "must be true or false"),
    ("literal", "must be {expected}"),
    ("enum", "must be {expected}"),
    ("greater_than_equal", "must be at least {ge}"),
    ("greater_than", "must be more than {gt}"),
    ("less_than_equal", "must be at most {le}"),
    ("less_than", "must be less than {lt}"),
    ("multiple_of", "must be a multiple of {multiple_of}"),
    ("list", "must be a list in brackets"),
    ("tuple", "must be a list in brackets"),
    ("dict", "must be a table"),
    ("model", "must be a table"),
)
"""How pydantic's error types begin, and what to say; the first that fits counts."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean "height"?`` without its question mark's full stop, or nothing when no name is near."""
    near = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return f' (did you mean "{near[0]}"?)' if near else ""


def shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "…"
