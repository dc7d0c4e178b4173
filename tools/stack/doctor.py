"""What `stepdown doctor` checks: settings, config, sign-in, front door, broker, topics, databases, clocks, what was
lost."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from shared.errors import SetUpError, StepdownError
from shared.settings import Settings, load, unknown_variables, variable
from tools.stack import SERVICES, ready
from tools.stack.folder import is_claimed
from tools.stack.front import FRONT_DOOR

SKEW_SECONDS = 2.0  # more than this between two clocks, and the order of what was said is in doubt


@dataclass(frozen=True)
class Finding:
    """One thing that was checked: whether it is right, and a sentence, which says what to do where it is not."""

    what: str
    right: bool
    text: str


async def examine(data: Path) -> list[Finding]:
    """All findings for the system on a data directory, or for the one that the environment names.

    Only one finding where the settings are wrong: everything else depends on them.
    """
    settings = await _finding("settings", _settings(data))
    if not settings.right:
        return [settings]
    return [
        settings,
        await _finding("config", _config(data)),
        await _finding("sign-in", _sign_in(data)),
        await _finding("front door", _front_door(data)),
        await _finding("broker", _broker(data)),
        await _finding("topics", _topics(data)),
        *[await _finding(f"database {name}", _database(data, name)) for name in SERVICES],
        *[await _finding(f"losses {name}", _losses(data, name)) for name in SERVICES],
    ]


async def _finding(what: str, look: Callable[[], Awaitable[str]]) -> Finding:
    try:
        return Finding(what, True, await look())
    except StepdownError as wrong:
        return Finding(what, False, str(wrong))


def _from(data: Path) -> Settings:
    """The environment's settings, with the broker of the system that runs on `data` where there is one."""
    return load(kafka=ready.find(data).kafka) if is_claimed(data) else load()


def _settings(data: Path) -> Callable[[], Awaitable[str]]:
    async def look() -> str:
        _from(data)
        warnings = "".join(f"; warning: {sentence}" for sentence in unknown_variables(os.environ))
        if is_claimed(data):
            return f"a system runs on {data}{warnings}"
        return f"no system runs on {data}; the environment is used{warnings}"

    return look


def _running(data: Path) -> ready.Ready | None:
    return ready.find(data) if is_claimed(data) else None


def _config(data: Path) -> Callable[[], Awaitable[str]]:
    async def look() -> str:
        from tools.stack import sites  # noqa: PLC0415

        running = _running(data)
        return sites.summary(running, load(), sites.site_of(running, load()))

    return look


def _sign_in(data: Path) -> Callable[[], Awaitable[str]]:
    async def look() -> str:
        from shared.web.auth import tokens_of  # noqa: PLC0415

        if is_claimed(data) and ready.find(data).tokens:
            return "development tokens are in the ready file"
        settings = _from(data)
        if tokens_of(settings) is None:
            raise SetUpError("nobody can: set STEPDOWN_TOKEN_ISSUER and STEPDOWN_TOKEN_JWKS_URL to your issuer's")
        if settings.token_jwks_url is None:
            return "a token secret is set: for development only"
        return await _published(settings.token_jwks_url)

    return look


def _front_door(data: Path) -> Callable[[], Awaitable[str]]:
    async def look() -> str:
        from tools.stack.up import says_ready  # noqa: PLC0415

        running = _running(data)
        if running is None:
            return "no system runs here: people work behind the proxy of your own (docs/run-it.md, The desks)"
        if not await asyncio.to_thread(says_ready, urlsplit(running.desk).port or 0):
            raise SetUpError(f"{running.desk} does not answer: {data / 'logs' / FRONT_DOOR}.log has what it said")
        return f"people work at {running.desk}"

    return look


async def _published(url: str) -> str:
    from shared.web.issuer import keys_at  # noqa: PLC0415

    number = len(await keys_at(url))
    if not number:
        raise SetUpError("the issuer publishes no key to check tokens with: is STEPDOWN_TOKEN_JWKS_URL right?")
    return f"the issuer publishes {number} keys"


def _broker(data: Path) -> Callable[[], Awaitable[str]]:
    async def look() -> str:
        from tools.stack import topics  # noqa: PLC0415

        settings = _from(data)
        await (await topics.connect(settings)).close()
        return f"answers at {settings.kafka}"

    return look


def _topics(data: Path) -> Callable[[], Awaitable[str]]:
    async def look() -> str:
        from tools.stack import sites, topics  # noqa: PLC0415

        return await topics.compare(_from(data), topics.of(sites.site_of(_running(data), load())))

    return look


def _database(data: Path, service: str) -> Callable[[], Awaitable[str]]:
    async def look() -> str:
        from tools.stack import databases  # noqa: PLC0415

        return await databases.look(_url(data, service), service, SKEW_SECONDS, lambda: datetime.now(UTC))

    return look


def _url(data: Path, service: str) -> str:
    if is_claimed(data):
        return (data / "secrets" / f"{service}.url").read_text(encoding="utf-8")
    return variable(f"{service}_database_url") or _from(data).database()


def _losses(data: Path, service: str) -> Callable[[], Awaitable[str]]:
    async def look() -> str:
        from shared.events import topics_of  # noqa: PLC0415
        from shared.recovery.comparing import held_by  # noqa: PLC0415
        from shared.recovery.losses import sentence  # noqa: PLC0415
        from shared.storage.database import Database  # noqa: PLC0415
        from tools.stack import sites  # noqa: PLC0415

        recipients = [each.id for each in sites.site_of(_running(data), load()).recipients]
        database = Database(_url(data, service), pool=1, application="stepdown-doctor")
        try:
            found = await held_by(database, service, _from(data).kafka_client(), topics_of(service, recipients))
        finally:
            await database.close()
        if found:
            raise SetUpError(sentence(found, service))
        return "its database and its topics have what the other one has"

    return look
