"""The development issuer as an OpenID issuer: a page with one button a role, for people who try Stepdown.

It asks for no password, so `up` has it only where broker, database and doors are all on loopback, as the tokens of the
ready file. It is one to speak with as with any other: discovery, authorization code with PKCE, rotating refresh tokens,
sign-out. Its key lives as long as its process.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from shared.roles import ROLES
from shared.settings import is_loopback
from shared.web.words import say, speak
from tools.stack.development_issuer.grants import Grants, RefusedGrant
from tools.stack.front import ISSUER_PATH as PATH

HERE = Path(__file__).resolve().parent
FORM_BYTES = 16 * 1024
"""The longest form."""
WHAT_THEY_DO = {
    "coordinator": "finds a program for a patient, and sees to it that the patient begins there",
    "clinician": "assesses patients and plans their care",
    "program": "answers offers, and keeps its seats, attendance and days",
    "billing": "reads the bills, and what is wrong with one",
    "reviewer": "asks payers to authorize care, and sees that it is certified and its plan reviewed in time",
    "auditor": "reads who looked and who acted, and what left the site",
    "identity": "says whether two records are one person",
    "interface": "watches what the hospitals send",
    "hospital": "sends messages and referrals, as a hospital's machine does",
    "admin": "may do all of it",
}
"""Role → what somebody with it does, in words."""
Answer = Callable[[Request], Awaitable[Response]]


def application(front: str, secret: Path) -> Starlette:
    """The issuer with all its addresses; `secret`: the file with the client's."""
    return Starlette(routes=[Mount(PATH, routes=routes(front, secret.read_text(encoding="utf-8").strip()))])


def routes(front: str, secret: str) -> list[BaseRoute]:
    """Its routes, to be mounted at PATH of the front door, whose address is `front`; `secret`: the client's."""
    issuer = _Issuer(Grants(front + PATH, secret, f"{front}/signed-in"), front)
    return [
        Route("/.well-known/openid-configuration", _here(issuer.described), methods=["GET"]),
        Route("/authorize", _here(issuer.asked), methods=["GET"]),
        Route("/authorize", _here(issuer.chosen), methods=["POST"]),
        Route("/token", _here(issuer.token), methods=["POST"]),
        Route("/keys", _here(issuer.keys), methods=["GET"]),
        Route("/end-session", _here(issuer.ended), methods=["GET"]),
        Route("/page.css", _here(_style), methods=["GET"]),
    ]


class _Issuer:
    def __init__(self, grants: Grants, front: str) -> None:
        self.grants, self.front, self.name = grants, front, grants.name
        loader = FileSystemLoader(HERE)
        made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
        made.globals |= {"say": say}
        self.page = made.get_template("page.html")

    async def described(self, _: Request) -> Response:
        """OpenID Connect Discovery 1.0, 3."""
        return JSONResponse(
            {
                "issuer": self.name,
                "authorization_endpoint": f"{self.name}/authorize",
                "token_endpoint": f"{self.name}/token",
                "jwks_uri": f"{self.name}/keys",
                "end_session_endpoint": f"{self.name}/end-session",
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code", "refresh_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def asked(self, request: Request) -> Response:
        """The page with a button for each role."""
        self.grants.checked(_asked(request))
        speak(request.headers.get("accept-language", ""))
        roles = [(role, does) for role, does in WHAT_THEY_DO.items() if role in ROLES]
        text = self.page.render(
            roles=roles, style=f"{self.name}/page.css", here=f"{self.name}/authorize?{request.url.query}"
        )
        return Response(text, headers=self._headers(), media_type="text/html")

    async def chosen(self, request: Request) -> Response:
        """Back to the desks with a code for the chosen role."""
        if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            raise RefusedGrant("access_denied", HTTPStatus.FORBIDDEN)
        asked, role = self.grants.checked(_asked(request)), (await _form(request)).get("role", "")
        if role not in ROLES:
            raise RefusedGrant("invalid_request")
        told = {"code": self.grants.code(asked, role), "state": asked.state, "iss": self.name}
        return RedirectResponse(f"{asked.back}?{urlencode(told)}", HTTPStatus.SEE_OTHER, self._headers())

    async def token(self, request: Request) -> Response:
        """Exchange a code or a refresh token (RFC 6749 5.1)."""
        fields = await _form(request)
        self.grants.is_client(request.headers.get("authorization", ""), fields)
        if fields.get("grant_type") == "authorization_code":
            told = self.grants.exchange(fields)
        elif fields.get("grant_type") == "refresh_token":
            told = self.grants.refresh(fields)
        else:
            raise RefusedGrant("unsupported_grant_type")
        return JSONResponse(told, headers={"cache-control": "no-store"})

    async def keys(self, _: Request) -> Response:
        """The key that its ID tokens are signed with (RFC 7517)."""
        return JSONResponse({"keys": [self.grants.public_key]})

    async def ended(self, request: Request) -> Response:
        """Sign out, and back to the desks (OpenID Connect RP-Initiated Logout 1.0)."""
        self.grants.end(request.query_params.get("id_token_hint", ""))
        back = f"{self.front}/sign-out"
        if request.query_params.get("post_logout_redirect_uri") != back:
            raise RefusedGrant("invalid_request")
        return RedirectResponse(back, HTTPStatus.SEE_OTHER, self._headers())

    def _headers(self) -> dict[str, str]:
        """`form-action` names the front door too: browsers hold it for where a form's answer redirects to."""
        forms = f"form-action 'self' {self.front}"
        policy = f"default-src 'none'; style-src 'self'; {forms}; base-uri 'none'; frame-ancestors 'none'"
        return {"content-security-policy": policy, "cache-control": "no-store", "referrer-policy": "same-origin"}


def _here(answer: Answer) -> Answer:
    """The endpoint, for requests to this machine by a name of its own alone (another name may be an attacker's that
    leads here), and with what is refused as RFC 6749 5.2 answers it."""

    async def answered(request: Request) -> Response:
        if not is_loopback(request.url.hostname or ""):
            return JSONResponse({"error": "invalid_request"}, HTTPStatus.MISDIRECTED_REQUEST)
        try:
            return await answer(request)
        except RefusedGrant as no:
            return JSONResponse({"error": no.error}, no.status)

    return answered


async def _style(_: Request) -> Response:
    return Response((HERE / "page.css").read_text(encoding="utf-8"), media_type="text/css")


def _asked(request: Request) -> Mapping[str, str]:
    return request.query_params


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form. Raises RefusedGrant for one that is too long or cannot be read."""
    found = bytearray()
    async for part in request.stream():
        found += part
        if len(found) > FORM_BYTES:
            raise RefusedGrant("invalid_request", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        return dict(parse_qsl(found.decode("ascii"), max_num_fields=20))
    except ValueError:
        raise RefusedGrant("invalid_request") from None
