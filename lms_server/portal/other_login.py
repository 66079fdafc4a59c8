"""Signing in by the institution's own login: OpenID Connect Core 1.0, authorization code with PKCE (RFC 7636).

Authlib speaks it; what is asked of an id_token beyond its signature is said here: the issuer and the client that were
configured, the nonce of this very login, signed by a key of the provider's own, and times that differ from ours by no
more than the configured skew. A provider that does not answer costs one sentence on the login page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx2
import structlog
from authlib.integrations.base_client.errors import MismatchingStateError, OAuthError
from authlib.integrations.starlette_client import OAuth
from joserfc.errors import JoseError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from lms_server.api.gate import Gate
from lms_server.catalog.begun import Begun
from lms_server.catalog.people import People
from lms_server.catalog.schemas import Person
from lms_server.errors import Unauthenticated, Unavailable
from lms_server.sso import Sso, claim

SIGNED_BY = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA"}
)
"""Signatures that only the provider can make: never ``none``, and never one by the secret that the client has too."""
SECONDS = 10.0
"""For each question to the provider."""
BACK = "/login/other/back"
log = structlog.get_logger(__name__)


class OtherLogin:
    def __init__(
        self, sso: Sso, people: People, gate: Gate, begun: Begun, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        """transport: how the provider is reached; httpx2's own unless told otherwise."""
        self._sso, self._people, self._gate = sso, people, gate
        way = {} if transport is None else {"transport": transport}
        self._client = OAuth(cache=begun).register(
            "other",
            client_id=sso.client_id,
            client_secret=sso.secret,
            server_metadata_url=f"{sso.issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={"scope": sso.scope, "code_challenge_method": "S256", "timeout": SECONDS, **way},
        )

    @property
    def name(self) -> str:
        """What stands on the button."""
        return self._sso.name

    async def begin(self, request: Request, back: str, target: str) -> Response:
        """To the provider. back: the whole address to which it shall send people; target: where they wanted to go.
        Raises Unavailable."""
        try:
            await self._metadata()
            answer: Response = await self._client.authorize_redirect(request, back)
        except _TROUBLE as error:
            raise self._away(error) from error
        request.session["target"] = target
        return answer

    async def end(self, request: Request) -> tuple[Person, str]:
        """Somebody comes back: who they are here, signed in, and where they wanted to go. Raises Unauthenticated,
        Forbidden, Unavailable; Conflict as ``People.arrive``."""
        try:
            await self._metadata()
            token = await self._client.authorize_access_token(
                request,
                leeway=self._sso.clock_skew,
                claims_options={
                    "iss": {"essential": True, "value": self._sso.issuer},
                    "aud": {"essential": True, "value": self._sso.client_id},
                },
            )
            claims = await self._claims(token)
        except MismatchingStateError as error:
            raise Unauthenticated(
                "login-stale", "This login was begun elsewhere, or was used; begin it again."
            ) from error
        except OAuthError as error:
            log.warning("login refused", problem=str(error)[:300])
            raise Unauthenticated("login-refused", f"{self.name} did not let you in; try again.") from error
        except (JoseError, KeyError, TypeError) as error:
            log.warning("login not to be believed", problem=str(error)[:300])
            sentence = f"What {self.name} answered cannot be believed; tell whoever looks after this server."
            raise Unauthenticated("login-forged", sentence) from error
        except _TROUBLE as error:
            raise self._away(error) from error
        person = await run_in_threadpool(self._person, claims)
        target = str(request.session.get("target", ""))
        await run_in_threadpool(self._gate.admit, request, person)
        return person, target

    async def _metadata(self) -> None:
        """What the provider says of itself, as far as it is believed. Raises _TROUBLE."""
        said = await self._client.load_server_metadata()
        if said.get("issuer") != self._sso.issuer:
            said.pop("_loaded_at", None)
            raise ValueError(f"it calls itself {said.get('issuer')!r}")
        offered = said.get("id_token_signing_alg_values_supported") or ["RS256"]
        said["id_token_signing_alg_values_supported"] = [name for name in offered if name in SIGNED_BY] or ["RS256"]

    async def _claims(self, token: Mapping[str, Any]) -> dict[str, Any]:
        """Of the id_token, and what it leaves out of userinfo."""
        claims = dict(token["userinfo"])
        wanted = (self._sso.roles.claim, self._sso.institutions.claim, self._sso.name_claim)
        endpoint = (await self._client.load_server_metadata()).get("userinfo_endpoint")
        if endpoint and any(name and claim(claims, name) is None for name in wanted):
            more = dict(await self._client.userinfo(token=token))
            if more.get("sub") != claims["sub"]:
                raise KeyError("userinfo is of somebody else")
            claims = {**more, **claims}
        return claims

    def _person(self, claims: Mapping[str, Any]) -> Person:
        name = claim(claims, self._sso.name_claim) or claims.get("email") or claims["sub"]
        full_name = claim(claims, self._sso.full_name_claim)
        return self._people.arrive(
            f"{self._sso.issuer} {claims['sub']}",
            name=str(name),
            full_name=full_name if isinstance(full_name, str) else "",
            role=self._sso.role(claims),
            institution=self._sso.institution(claims),
            make=self._sso.make_people,
        )

    def _away(self, error: Exception) -> Unavailable:
        log.error("the other login does not answer", problem=str(error)[:300])
        return Unavailable("login-away", f"{self.name} does not answer; log in with a password, or try again later.")


_TROUBLE = (httpx2.HTTPError, OSError, RuntimeError, ValueError)
"""What asking a provider raises that is not there, or speaks something else."""
