"""Revisions of what people change, as HTTP has them: an ETag on what is read, If-Match on what is changed."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header
from starlette.responses import Response

from lms_server.catalog.revisions import Seen

IfMatch = Annotated[
    str | None,
    Header(max_length=1000, description="The ETag, or `revision`, that was read: then only that one is changed"),
]


def seen_in(if_match: str | None) -> Seen:
    """The revisions that a request names; None where it names none, or is content with any."""
    if if_match is None or if_match.strip() == "*":
        return None
    return [tag.strip().strip('"') for tag in if_match.split(",")]


def tag(response: Response, revision: str, location: str = "") -> None:
    """location: of what was made."""
    response.headers["ETag"] = f'"{revision}"'
    response.headers["Cache-Control"] = "private, no-cache"
    if location:
        response.headers["Location"] = location
