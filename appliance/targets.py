"""``[[target]]`` of room.toml: where whole lessons go beside the room's own server. Pure.

What is in force reaches the sync agent through the spool (``appliance.spool.targets``), which holds the same keys.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from appliance.addresses import web_address


def _without_login(url: str) -> str:
    if "@" in url:
        raise ValueError("must be a web address without a login in it")
    return url


class TargetTable(BaseModel):
    """One target."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    kind: Literal["opencast"]
    url: Annotated[str, AfterValidator(web_address), AfterValidator(_without_login)]
    user: str = Field(min_length=1, max_length=100)
    """Needs ROLE_CAPTURE_AGENT."""
    password: str = Field(min_length=1, max_length=200)
    workflow: str = Field("schedule-and-upload", min_length=1, max_length=100)
    """The workflow that Opencast runs on each lesson."""
    required: bool = False
    """Nothing of a lesson is let go here before this target has it too."""
