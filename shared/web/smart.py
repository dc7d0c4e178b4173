"""The SMART configuration of the FHIR base (SMART App Launch 2.1, 2.1.1): at which issuer a client gets its token."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.web import requests
from shared.web.app import JSON
from shared.web.fhir import answering
from shared.web.openid import Issuer

PATH = "/fhir/.well-known/smart-configuration"


def route(kinds: Iterable[str]) -> Route:
    """GET of the configuration, which anybody may read. `kinds`: the types that scopes may name. 404 where the site has
    no issuer at which people sign in, 503 where it does not answer."""
    scopes = [f"{who}/{kind}.rs" for who in ("system", "user") for kind in ("*", *sorted(kinds))]

    async def configuration(request: Request) -> Response:
        issuer: Issuer | None = getattr(request.app.state.sessions, "issuer", None)
        if issuer is None:
            raise requests.missing("no-issuer", "the site names no issuer of tokens")
        there = await issuer.described()
        return JSON({
            "issuer": issuer.name,
            "jwks_uri": there.keys.url,
            "authorization_endpoint": there.authorize,
            "token_endpoint": there.token,
            "grant_types_supported": ["client_credentials", "authorization_code"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": scopes,
            "capabilities": ["permission-user", "permission-v1", "permission-v2"],
        })  # fmt: skip

    return Route(PATH, answering(configuration), methods=["GET"])
