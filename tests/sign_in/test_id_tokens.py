"""Which ID tokens are believed: an issuer in the test signs what a real one should not."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.errors import Transient
from shared.web.auth import NotSignedIn
from shared.web.openid import MOST_BYTES, Issuer, begun
from tests.sign_in.serving import served

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ANOTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
NOW = int(datetime.now(UTC).timestamp())


class Strange:
    """An issuer that answers a code with whatever it is told to."""

    def __init__(self) -> None:
        self.name = ""
        self.answer: dict[str, Any] = {}
        self.described: dict[str, Any] = {}
        self.status = 200
        self.asked: list[bytes] = []

    async def description(self, _: Request) -> Response:
        places = {"authorization_endpoint": "/a", "token_endpoint": "/token", "jwks_uri": "/keys"}
        found = {what: self.name + path for what, path in places.items()}
        return JSONResponse({"issuer": self.name, **found, **self.described})

    async def keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [{**json.loads(RSAAlgorithm.to_jwk(KEY.public_key())), "kid": "one"}]})

    async def token(self, request: Request) -> Response:
        self.asked.append(await request.body())
        return JSONResponse(self.answer, self.status, {"location": f"{self.name}/elsewhere"})

    def signed(self, key: Any = KEY, algorithm: str = "RS256", **claims: Any) -> str:
        told = {
            "iss": self.name,
            "aud": "stepdown",
            "sub": "dana",
            "iat": NOW,
            "exp": NOW + 7200,  # the module may be read long before its tests run
            "nonce": "n",
            **claims,
        }
        told = {name: value for name, value in told.items() if value is not None}
        return jwt.encode(told, key, algorithm=algorithm, headers={"kid": "one"})


@pytest.fixture
async def strange() -> AsyncIterator[Strange]:
    made = Strange()
    routes = [
        Route("/.well-known/openid-configuration", made.description),
        Route("/keys", made.keys),
        Route("/token", made.token, methods=["POST"]),
    ]
    async with served(Starlette(routes=routes)) as url:
        made.name = url
        yield made


async def exchanged(strange: Strange) -> dict[str, Any]:
    issuer = Issuer(strange.name, "stepdown", None, "openid", "http://desk.test")
    return dict((await issuer.exchange("a-code", begun("/")._replace(nonce="n"))).claims)


def half_hash(token: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()[:16]).decode().rstrip("=")


async def test_one_that_fits_is_believed(strange: Strange) -> None:
    strange.answer = {"access_token": "a", "id_token": strange.signed(at_hash=half_hash("a"))}
    assert (await exchanged(strange))["sub"] == "dana"
    assert b"client_id=stepdown" in strange.asked[0], "a public client names itself"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://issuer.evil"},
        {"aud": "another"},
        {"aud": ["stepdown", "another"], "azp": "another"},
        {"aud": ["stepdown", "another"]},
        {"exp": NOW - 120},
        {"exp": None},
        {"iat": None},
        {"iat": NOW + 7000},
        {"sub": None},
        {"nonce": "another"},
        {"nonce": None},
        {"at_hash": half_hash("another")},
    ],
    ids=["issuer", "audience", "other party", "several without a party", "expired", "for ever", "not dated", "future",
         "nobody", "nonce", "no nonce", "access token"],
)  # fmt: skip
async def test_one_that_does_not_fit_is_not(strange: Strange, claims: dict[str, Any]) -> None:
    strange.answer = {"access_token": "a", "id_token": strange.signed(**claims)}
    with pytest.raises(NotSignedIn):
        await exchanged(strange)


async def test_one_that_another_key_signed_or_none_is_not(strange: Strange) -> None:
    for token in (strange.signed(ANOTHER), strange.signed("", "none"), strange.signed("s" * 32, "HS256"), "", "a.b.c"):
        strange.answer = {"access_token": "a", "id_token": token}
        with pytest.raises(NotSignedIn):
            await exchanged(strange)


@pytest.mark.parametrize(
    "described",
    [
        {"issuer": "https://issuer.evil"},
        {"token_endpoint": "http://issuer.example/token"},
        {"token_endpoint": None},
        {"jwks_uri": "ftp://issuer.example/keys"},
        {"more": "x" * MOST_BYTES},
    ],
    ids=["another issuer", "no TLS", "no address", "no http", "too long"],
)
async def test_a_description_that_is_not_to_be_believed_is_none(strange: Strange, described: dict[str, Any]) -> None:
    strange.described = described
    strange.answer = {"access_token": "a", "id_token": strange.signed()}
    with pytest.raises(Transient):
        await exchanged(strange)
    assert strange.asked == []


@pytest.mark.parametrize(
    ("status", "fault"), [(302, Transient), (503, Transient), (429, Transient), (400, NotSignedIn)]
)
async def test_an_answer_of_another_status_is_told_by_what_it_means(
    strange: Strange, status: int, fault: type[Exception]
) -> None:
    strange.status = status
    with pytest.raises(fault):
        await exchanged(strange)
    assert len(strange.asked) == 1, "nobody follows a redirect, or asks again with a code that is used up"


async def test_a_refresh_that_is_somebody_elses_is_refused(strange: Strange) -> None:
    strange.answer = {
        "access_token": "a",
        "id_token": strange.signed(nonce=None),
        "refresh_token": "r",
        "expires_in": 60,
    }
    issuer = Issuer(strange.name, "stepdown", "secret", "openid", "http://desk.test")
    granted = await issuer.refresh("old", "dana")
    assert (granted.refresh_token, granted.seconds) == ("r", 60)
    with pytest.raises(NotSignedIn):
        await issuer.refresh("old", "sam")


async def test_a_secret_shows_in_no_repr() -> None:
    assert "hush" not in repr(Issuer("https://issuer.example", "stepdown", "hush", "openid", "http://desk.test"))
