"""Which other login the server trusts, and what that login's claims make of a person: one TOML file of the admin's.

    issuer = "https://login.example.org/realms/uni"
    client_id = "darsbox"
    client_secret_file = "sso.secret"       # beside this file
    name = "Université de Nouakchott"       # on the button

    [roles]
    claim = "realm_access.roles"
    teacher = ["staff"]
    student = ["student"]

    [institutions]
    claim = "org"
    names = { "ens.mr" = "ENS" }            # or, without a claim: always = "ENS"

OpenID Connect Core 1.0: authorization code with PKCE; see ``lms_server.portal.other_login``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from lms_server.catalog.schemas import Role
from lms_server.errors import Forbidden, StartError

Text = Annotated[str, Field(min_length=1, max_length=500)]
GIVEN: tuple[Literal["admin", "it", "teacher", "student"], ...] = ("admin", "it", "teacher", "student")
"""Roles that a login of others can give, the strongest first. A program has a token, not a login."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Roles(_Strict):
    """claim: where the provider says what somebody is, a path with dots; one word or a list. The others: its words."""

    claim: Text
    admin: list[Text] = []
    it: list[Text] = []
    teacher: list[Text] = []
    student: list[Text] = []


class Institutions(_Strict):
    """always: the one of everybody who comes this way. claim: where the provider says which; names: its words and the
    institutions here."""

    always: str = ""
    claim: str = ""
    names: dict[str, Text] = {}

    @model_validator(mode="after")
    def _one_way(self) -> Institutions:
        if bool(self.always) == bool(self.claim and self.names):
            raise ValueError("say either always, or claim and names")
        return self


class Sso(_Strict):
    """clock_skew: seconds by which the provider's clock may differ from ours. make_people: whether a person who is not
    known here is made at their first login. ``secret`` is read from client_secret_file."""

    issuer: Text
    client_id: Text
    client_secret_file: Path
    name: Text
    scope: str = "openid profile email"
    name_claim: Text = "preferred_username"
    full_name_claim: Text = "name"
    make_people: bool = True
    clock_skew: Annotated[int, Field(ge=0, le=300)] = 60
    roles: Roles
    institutions: Institutions
    secret: Annotated[str, Field(exclude=True, repr=False)] = ""

    @field_validator("issuer")
    @classmethod
    def _secure(cls, issuer: str) -> str:
        parts = urlsplit(issuer)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            raise ValueError("the issuer is an https address")
        return issuer

    def role(self, claims: Mapping[str, Any]) -> Role:
        """The strongest that the claims give. Raises Forbidden."""
        said = _words(claims, self.roles.claim)
        for role in GIVEN:
            if said & set(getattr(self.roles, role)):
                return role
        raise Forbidden(
            "no-role", f"{self.name} knows you, but gives you no role on this server; ask its admin for one."
        )

    def institution(self, claims: Mapping[str, Any]) -> str:
        """The name of the one the claims put somebody into. Raises Forbidden."""
        if self.institutions.always:
            return self.institutions.always
        said = _words(claims, self.institutions.claim)
        found = {name for word, name in self.institutions.names.items() if word in said}
        if len(found) != 1:
            sentence = f"{self.name} knows you, but not as somebody of an institution of this server; ask its admin."
            raise Forbidden("no-institution", sentence)
        return found.pop()


def read(file: Path) -> Sso:
    """Raises StartError with one sentence."""
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
        if "secret" in found:
            raise StartError(f"{file}: put the secret into a file of its own, and its name into client_secret_file.")
        told = Sso.model_validate(found)
        secret = (file.parent / told.client_secret_file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise StartError(f"{error.filename} cannot be read ({error.strerror}); check --sso.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StartError(f"{file} is not TOML that can be read: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise StartError(f"{file}: {where}: {first['msg']}.") from error
    if not secret:
        raise StartError(f"{file.parent / told.client_secret_file} is empty; put the client's secret into it.")
    return told.model_copy(update={"secret": secret})


def claim(claims: Mapping[str, Any], path: str) -> Any:
    """What stands at a path with dots, or under the name as a whole, for some providers have dots in names; None."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _words(claims: Mapping[str, Any], path: str) -> set[str]:
    found = claim(claims, path)
    return {each for each in (found if isinstance(found, list) else [found]) if isinstance(each, str)}
