"""What the development issuer grants: codes, refresh tokens and ID tokens. All in memory, and bounded.

A code is good once and for a minute, a refresh token once; who shows a refresh token a second time ends what came of it
(RFC 9700 4.14.2).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import unquote

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from shared.errors import StepdownError
from tools.stack.tokens import CLIENT

CODE_SECONDS, TOKEN_SECONDS = 60, 900
MOST = 1000
"""Codes, and people who are signed in, at a time; the oldest goes."""
KEY_ID = "development"


class RefusedGrant(StepdownError):
    """It is not granted: an error code of RFC 6749 5.2, and the HTTP status."""

    def __init__(self, error: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(error)
        self.error, self.status = error, status


class AuthorizationRequest(NamedTuple):
    """An authorization request that fits: where to go back to, with which state; the nonce and the challenge."""

    back: str
    state: str
    nonce: str
    challenge: str


@dataclass
class SignedIn:
    """Somebody who signed in: the role, the nonce, the refresh token that is good now, and those that were used."""

    role: str
    nonce: str
    good: str = ""
    used: set[str] = field(default_factory=set)


class Grants:
    """All that was granted. `name`: the issuer's `iss`; `back`: the only address that people are led back to."""

    def __init__(self, name: str, secret: str, back: str, now: Callable[[], float] = time.time) -> None:
        self.name, self._secret, self._back, self._now = name, secret, back, now
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._codes: dict[str, tuple[float, AuthorizationRequest, str]] = {}
        self._people: dict[str, SignedIn] = {}

    @property
    def public_key(self) -> dict[str, Any]:
        """As a JSON Web Key."""
        told: dict[str, Any] = ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {**told, "kid": KEY_ID, "use": "sig", "alg": "ES256"}

    def checked(self, asked: Mapping[str, str]) -> AuthorizationRequest:
        """An authorization request. Raises RefusedGrant, before anybody is led anywhere, for another client, another
        address to go back to, or one without PKCE."""
        fits = (
            asked.get("client_id") == CLIENT
            and asked.get("redirect_uri") == self._back
            and asked.get("response_type") == "code"
            and asked.get("code_challenge_method") == "S256"
            and "openid" in asked.get("scope", "").split()
        )
        found = AuthorizationRequest(
            self._back, asked.get("state", ""), asked.get("nonce", ""), asked.get("code_challenge", "")
        )
        if not fits or not all(0 < len(each) <= 500 for each in found):
            raise RefusedGrant("invalid_request")
        return found

    def code(self, asked: AuthorizationRequest, role: str) -> str:
        """A code for somebody with this role."""
        made = secrets.token_urlsafe(32)
        _make_room(self._codes)
        self._codes[made] = (self._now() + CODE_SECONDS, asked, role)
        return made

    def is_client(self, header: str, fields: Mapping[str, str]) -> None:
        """Raises RefusedGrant where the client's secret is neither in the Authorization header nor in the form."""
        name, secret = fields.get("client_id", ""), fields.get("client_secret", "")
        if header.startswith("Basic "):
            try:
                name, _, secret = base64.b64decode(header.removeprefix("Basic "), validate=True).decode().partition(":")
            except (binascii.Error, ValueError):
                name = ""
            name, secret = unquote(name), unquote(secret)
        if name != CLIENT or not hmac.compare_digest(secret.encode(), self._secret.encode()):
            raise RefusedGrant("invalid_client", HTTPStatus.UNAUTHORIZED)

    def exchange(self, fields: Mapping[str, str]) -> dict[str, Any]:
        """The tokens for a code. Raises RefusedGrant."""
        until, asked, role = self._codes.pop(fields.get("code", ""), (0.0, None, ""))
        challenge = hashlib.sha256(fields.get("code_verifier", "").encode()).digest()
        if (
            asked is None
            or self._now() > until
            or fields.get("redirect_uri") != asked.back
            or base64.urlsafe_b64encode(challenge).decode().rstrip("=") != asked.challenge
        ):
            raise RefusedGrant("invalid_grant")
        _make_room(self._people)
        session = secrets.token_urlsafe(16)
        self._people[session] = SignedIn(role, asked.nonce)
        return self._tokens(session)

    def refresh(self, fields: Mapping[str, str]) -> dict[str, Any]:
        """New tokens for a refresh token. Raises RefusedGrant, and for one that was used before ends the sign-in."""
        token = fields.get("refresh_token", "")
        session = token.partition(".")[0]
        known = self._people.get(session)
        if known is None or not hmac.compare_digest(known.good.encode(), token.encode()):
            if known is not None and token in known.used:
                del self._people[session]
            raise RefusedGrant("invalid_grant")
        return self._tokens(session)

    def end(self, id_token: str) -> None:
        """Forget who the ID token is about; nothing for one that is not ours."""
        try:
            told = jwt.decode(
                id_token, self._key.public_key(), algorithms=["ES256"], audience=CLIENT, issuer=self.name,
                options={"verify_exp": False},
            )  # fmt: skip
        except jwt.PyJWTError:
            return
        self._people.pop(str(told.get("sid")), None)

    def _tokens(self, session: str) -> dict[str, Any]:
        known, access = self._people[session], secrets.token_urlsafe(32)
        if known.good:
            known.used = {*list(known.used)[-20:], known.good}
        known.good = f"{session}.{secrets.token_urlsafe(32)}"
        half = hashlib.sha256(access.encode()).digest()[:16]
        now = int(self._now())
        claims = {
            "iss": self.name, "aud": CLIENT, "iat": now, "exp": now + TOKEN_SECONDS, "nonce": known.nonce,
            "sid": session, "sub": f"dev-{known.role}", "name": f"{known.role.capitalize()} (development)",
            "roles": [known.role], "facilities": ["*"], "at_hash": base64.urlsafe_b64encode(half).decode().rstrip("="),
        }  # fmt: skip
        id_token = jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": KEY_ID})
        told = {"access_token": access, "token_type": "Bearer", "expires_in": TOKEN_SECONDS, "id_token": id_token}
        return {**told, "refresh_token": known.good}


def _make_room(kept: dict[str, Any]) -> None:
    while len(kept) >= MOST:
        del kept[next(iter(kept))]
