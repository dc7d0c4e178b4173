"""Bearer tokens: JWTs of a real issuer, or of a development issuer that exists on loopback only. A token's roles say
what its caller may do, its facilities what the caller may see."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeGuard

import jwt

from shared.errors import SetUpError, StepdownError
from shared.roles import ROLES
from shared.scope import EVERYTHING, Scope
from shared.settings import Settings
from shared.web.issuer import ALGORITHMS, PublishedKeys

DEV_ISSUER = "stepdown-development"
AUDIENCE = "stepdown"
LONGEST = 200
"""The most characters that a subject, a role or a facility in a token may have."""


class NotSignedIn(StepdownError):
    """There is no token, or it is not valid (401)."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the subject by which the audit names them, the roles, and the facilities that they may see (`*`: all).
    `name`: how a page calls a person who signed in at an issuer; empty where that is not known. `scopes`: what the
    token says in the claim `scope` (SMART's, which narrow what may be done below /fhir)."""

    subject: str
    roles: frozenset[str]
    facilities: frozenset[str]
    name: str = ""
    scopes: frozenset[str] = frozenset()

    @property
    def scope(self) -> Scope:
        """What the caller may see; a token without facilities sees nothing."""
        return EVERYTHING if "*" in self.facilities else Scope(self.facilities)

    def may_see(self, facility: str) -> bool:
        """True when the caller's scope has the facility."""
        return self.scope.has(facility)


class Tokens:
    """Checks the tokens of one issuer, either by one key (an HS256 secret or a PEM public key) or by the keys that the
    issuer publishes."""

    def __init__(
        self, key: str | PublishedKeys, issuer: str, algorithms: tuple[str, ...], audience: str = AUDIENCE
    ) -> None:
        self._key, self._issuer, self._algorithms, self._audience = key, issuer, algorithms, audience

    @property
    def development(self) -> bool:
        """True for the development issuer, whose tokens are checked by one secret: only these may be pasted."""
        return isinstance(self._key, str)

    async def ready_for(self, tokens: Iterable[str]) -> None:
        """Fetch the published keys that these tokens need; to be awaited before `caller`. Does nothing for one key."""
        if isinstance(self._key, PublishedKeys):
            for token in tokens:
                await self._key.ready_for(token)

    def caller(self, header: str | None) -> Caller:
        """The caller that an Authorization header names. Raises NotSignedIn for no token, or one that is not valid."""
        claims = self._claims(header)
        if not can_be_noted(claims["sub"]):
            raise NotSignedIn(f"the bearer token names nobody: `sub` is a text of 1 to {LONGEST} characters that print")
        return Caller(
            claims["sub"],
            frozenset(role for role in texts(claims.get("roles")) if role in ROLES),
            frozenset(texts(claims.get("facilities"))),
            scopes=_scopes(claims.get("scope")),
        )

    def ends(self, header: str | None) -> datetime:
        """When the token of an Authorization header expires. Raises NotSignedIn as `caller`."""
        return datetime.fromtimestamp(int(self._claims(header)["exp"]), UTC)

    def _claims(self, header: str | None) -> dict[str, Any]:
        scheme, _, token = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise NotSignedIn("a bearer token is needed")
        try:
            found: dict[str, Any] = jwt.decode(
                token,
                self._key if isinstance(self._key, str) else self._key.of(token),
                algorithms=list(self._algorithms),
                audience=self._audience,
                issuer=self._issuer,
                options={"require": ["exp", "sub"]},
            )
        except jwt.PyJWTError:
            raise NotSignedIn("the bearer token is not valid here, or it has expired") from None
        return found


def can_be_noted(text: object) -> TypeGuard[str]:
    """True for a text that may be written to the audit and used in a query: of 1 to LONGEST characters, without control
    characters and lone surrogates."""
    return isinstance(text, str) and 0 < len(text) <= LONGEST and text.isprintable()


def _scopes(claim: object) -> frozenset[str]:
    """The scopes in a claim: a text with blanks between (RFC 8693 4.2), or a list."""
    return frozenset(texts(claim.split() if isinstance(claim, str) else claim))


def texts(claim: object) -> list[str]:
    """The texts in a claim that is a list; nothing for a claim that is a single text, whose letters are no list."""
    return [one for one in claim if can_be_noted(one)] if isinstance(claim, list) else []


def tokens_of(settings: Settings) -> Tokens | None:
    """What checks tokens by these settings: the development issuer's secret, else a real issuer's published keys; None
    where neither is set, and nobody can sign in.

    Raises SetUpError where the URL of the keys is set, and the issuer's name is not.
    """
    if settings.token_secret is not None:
        return Tokens(settings.token_secret.get_secret_value(), settings.token_issuer or DEV_ISSUER, ("HS256",))
    if settings.token_jwks_url is None:
        return None
    if (issuer := settings.token_issuer or settings.issuer) is None:
        raise SetUpError("a real issuer has a name, too: set STEPDOWN_TOKEN_ISSUER to the `iss` of its tokens")
    return Tokens(PublishedKeys(settings.token_jwks_url), issuer, ALGORITHMS, settings.token_audience)


def dev_key(data: Path) -> str:
    """The development issuer's secret, read from `data`/dev-issuer.key; made on first use, readable by its owner
    only."""
    path = data / "dev-issuer.key"
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(os.urandom(32).hex())
    return path.read_text().strip()


def dev_tokens(key: str, now: datetime, days: int = 30) -> dict[str, str]:
    """Role → a token of the development issuer for all facilities, valid for `days` from `now`; for the ready file."""
    until = now + timedelta(days=days)
    return {
        role: jwt.encode(
            {
                "sub": f"dev-{role}",
                "roles": [role],
                "facilities": ["*"],
                "iss": DEV_ISSUER,
                "aud": AUDIENCE,
                "exp": until,
            },
            key,
            algorithm="HS256",
        )
        for role in ROLES
    }
