"""One's own tokens. They are made and revoked by a login alone: a token that was stolen makes no others."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from lms_server.api.gate import Gate
from lms_server.catalog import Catalog
from lms_server.catalog.schemas import TokenView
from lms_server.catalog.scoping import row_id
from lms_server.catalog.tokens import LONGEST
from lms_sync.wire import API

Scopes = Annotated[list[Annotated[str, StringConstraints(max_length=60)]], Field(max_length=20)]


class NewToken(BaseModel):
    """scopes: null for all that your role may do. days: until it expires; null for never."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, StringConstraints(max_length=200)] = ""
    scopes: Scopes | None
    days: Annotated[int, Field(ge=1, le=LONGEST)] | None = None


class MadeToken(BaseModel):
    """Shown once."""

    token: str


def router(catalog: Catalog, gate: Gate) -> APIRouter:
    routes = APIRouter(prefix=f"{API}/tokens", tags=["tokens"])

    @routes.get("", summary="My tokens: what each is for, and when it was last used")
    def tokens(request: Request) -> list[TokenView]:
        return catalog.tokens.of(gate.require_login(request))

    @routes.post("", status_code=201, summary="Make a token; it is shown in this answer and never again")
    def make(body: NewToken, request: Request) -> MadeToken:
        person = gate.require_login(request)
        return MadeToken(token=catalog.tokens.make(person, body.scopes, body.days, body.name))

    @routes.delete("/{token_id}", status_code=204, summary="Revoke a token of mine")
    def revoke(token_id: str, request: Request) -> Response:
        catalog.tokens.revoke(gate.require_login(request), row_id(token_id))
        return Response(status_code=204)

    return routes
