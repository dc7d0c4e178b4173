"""Bearer tokens: JWTs of a real issuer, or of a development issuer that exists on loopback only; roles decide."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, get_args

import jwt

from shared.errors import StepdownError
from shared.settings import Settings

Role = Literal["hospital", "coordinator", "clinician", "program", "billing", "auditor", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
DEV_ISSUER = "stepdown-development"
AUDIENCE = "stepdown"


class NotSignedIn(StepdownError):
    """There is no token, or it is not valid (401)."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a subject, its roles, the facilities it may see (`*`: all)."""

    subject: str
    roles: frozenset[str]
    facilities: frozenset[str]

    def may_see(self, facility: str) -> bool:
        """True when the caller's scope has the facility."""
        return "*" in self.facilities or facility in self.facilities


class Tokens:
    """Checks tokens of one issuer with one key (HS256 secret, or a PEM public key for RS256/ES256)."""

    def __init__(self, key: str, issuer: str, algorithms: tuple[str, ...]) -> None:
        self._key, self._issuer, self._algorithms = key, issuer, algorithms

    def caller(self, header: str | None) -> Caller:
        """The caller of an Authorization header. Raises NotSignedIn."""
        scheme, _, token = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise NotSignedIn("a bearer token is needed")
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=list(self._algorithms),
                audience=AUDIENCE,
                issuer=self._issuer,
                options={"require": ["exp", "sub"]},
            )
        except jwt.PyJWTError:
            raise NotSignedIn("the bearer token is not valid here, or it has expired") from None
        return Caller(
            str(claims["sub"]),
            frozenset(str(role) for role in claims.get("roles", ()) if role in ROLES),
            frozenset(str(facility) for facility in claims.get("facilities", ())),
        )


def tokens_of(settings: Settings) -> Tokens | None:
    """What checks tokens here, by the settings: the development issuer's secret. None: nobody can sign in."""
    if settings.token_secret is None:
        return None
    return Tokens(settings.token_secret.get_secret_value(), settings.token_issuer or DEV_ISSUER, ("HS256",))


def dev_key(data: Path) -> str:
    """The development issuer's secret, made on first use in a file that only its owner may read."""
    path = data / "dev-issuer.key"
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(os.urandom(32).hex())
    return path.read_text().strip()


def dev_tokens(key: str, now: datetime, days: int = 30) -> dict[str, str]:
    """One token for each role, all facilities; for the ready file."""
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
