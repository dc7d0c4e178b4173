"""The sessions of people who signed in with a browser, in the service's own database: intake's.

The browser has a random number of 256 bits in a cookie, the database its hash (sessions.py says which). A session ends
when it is not used, after its hours, when the issuer refuses to refresh it, or when its person signs out.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

import sqlalchemy as sa

from shared.clock import Clock
from shared.retention import AT_ONCE, Deleted, RetentionKind
from shared.settings import Settings
from shared.site.config import Site
from shared.storage import audit
from shared.storage.database import Connection, Database
from shared.storage.sealing import CannotOpen, Seal
from shared.storage.session_rows import sessions
from shared.web.auth import Caller, NotSignedIn
from shared.web.claims import person
from shared.web.openid import Granted, Issuer

COOKIE_LENGTH = 43
"""Characters of a cookie's value: 32 random bytes in base64url."""
NOTED = timedelta(minutes=1)
"""When a session was used last is written at most once in this time."""
REFRESHES = 2
"""Sessions that one process refreshes at a time: each holds a connection of the database while the issuer answers."""
OVER_FOR = timedelta(days=1)
"""Rows of sessions go that were not used for so long, or over for so long: no idle limit is longer."""


class OpenSession(NamedTuple):
    """A session that is not over: whose it is, and for how many seconds it lasts if it is not used."""

    who: Caller
    seconds: int


BY_ITSELF = "stepdown-by-itself"
"""The header of what a page asks by itself, which does not keep its reader's session from ending unused."""


class Sessions(Protocol):
    """Where sessions are: in this service's database (`KeptSessions`), or asked of intake (`AskedSessions`).

    `issuer`: where people sign in, as far as this process leads them there. `desk`: the desks' public address.
    """

    @property
    def issuer(self) -> Issuer | None: ...

    @property
    def desk(self) -> str | None: ...

    async def of(self, cookie: str, *, used: bool = True) -> OpenSession | None:
        """The session of a cookie's value, which counts as used now, but for what a page asks by itself (`used` False);
        None for none, or one that is over. Raises Transient where that cannot be known now."""
        ...

    async def of_token(self, token: str, who: Caller, until: datetime, before: str | None) -> str:
        """A new session for a token of the development issuer, which ends at `until`: its cookie's value. `before`: the
        value of a session that it takes the place of."""
        ...

    async def end(self, cookie: str) -> str | None:
        """End the session; returns where its person signs out at the issuer, where that is somewhere."""
        ...

    async def close(self) -> None:
        """Close its connections."""
        ...


class SessionLimits(NamedTuple):
    """How long a session may be unused, how long it lasts at all, and how many one person has at a time."""

    idle: timedelta
    whole: timedelta
    a_person: int


@dataclass(frozen=True)
class KeptSessions:
    """The sessions of one database, and the issuer at which people sign in (None: with development tokens alone)."""

    database: Database
    clock: Clock
    seal: Seal
    site: Site
    limits: SessionLimits
    issuer: Issuer | None = None
    desk: str | None = None
    _few: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(REFRESHES))
    _refreshing: dict[bytes, asyncio.Task[Any]] = field(default_factory=dict)

    async def of(self, cookie: str, *, used: bool = True) -> OpenSession | None:
        """See Sessions."""
        if len(cookie) != COOKIE_LENGTH:
            return None
        row = await self._row(name := _hash(cookie))
        now = self.clock()
        if row is None or self._end_of(row) <= now:
            return None
        if row.fresh_until is not None and row.fresh_until <= now:
            row = await self._refreshed_once(name)
        elif used and now - row.used_at >= NOTED:
            await self._note_use(name, now)
            row = await self._row(name)
        return None if row is None else self._open(row)

    async def of_token(self, token: str, who: Caller, until: datetime, before: str | None) -> str:  # noqa: ARG002
        """See Sessions."""
        return await self._begin(who, until, None, before)

    async def of_grant(self, granted: Granted, who: Caller, before: str | None) -> str:
        """A new session for somebody who signed in at the issuer: its cookie's value."""
        return await self._begin(who, None, granted, before)

    async def end(self, cookie: str) -> str | None:
        """See Sessions."""
        name, gone = _hash(cookie), sa.delete(sessions).returning(sessions.c.subject, sessions.c.sealed)
        async with self.database.begin() as connection:
            row = (await connection.execute(gone.where(sessions.c.id == name))).one_or_none()
            if row is None:
                return None
            await audit.note(connection, [audit.Entry(self.clock(), row.subject, "signed-out", "session")])
        tokens = self._tokens(name, row.sealed)
        return await self.issuer.sign_out_address(tokens["id"]) if self.issuer and tokens else None

    async def close(self) -> None:
        """Nothing of its own is open: the database is the service's."""

    async def _row(self, name: bytes) -> Any:
        async with self.database.read() as connection:
            return (await connection.execute(sa.select(sessions).where(sessions.c.id == name))).one_or_none()

    async def _begin(self, who: Caller, until: datetime | None, granted: Granted | None, before: str | None) -> str:
        now, cookie = self.clock(), secrets.token_urlsafe(32)
        last = now + self.limits.whole
        row = {
            "id": _hash(cookie), "made_at": now, "used_at": now, "until": min(until, last) if until else last,
            **_of(who), **(self._sealed(_hash(cookie), granted, now) if granted else {}),
        }  # fmt: skip
        others = sa.select(sessions.c.id).where(sessions.c.subject == who.subject, sessions.c.id != row["id"])
        oldest = others.order_by(sessions.c.made_at.desc()).offset(self.limits.a_person - 1)
        async with self.database.begin() as connection:
            if before:
                await connection.execute(sa.delete(sessions).where(sessions.c.id == _hash(before)))
            await connection.execute(sa.insert(sessions).values(row))
            await connection.execute(sa.delete(sessions).where(sessions.c.id.in_(oldest)))
            await audit.note(connection, [audit.Entry(now, who.subject, "signed-in", "session")])
        return cookie

    async def _note_use(self, name: bytes, now: datetime) -> None:
        noted = sa.update(sessions).where(sessions.c.id == name, sessions.c.used_at <= now - NOTED)
        async with self.database.begin() as connection:
            await connection.execute(noted.values(used_at=now))

    async def _refreshed_once(self, name: bytes) -> Any:
        """The row, refreshed; requests of one session that come meanwhile wait for the same refresh."""
        task = self._refreshing.get(name)
        if task is None:
            task = self._refreshing[name] = asyncio.create_task(self._refreshed(name), name="refresh")
            task.add_done_callback(lambda _: self._refreshing.pop(name, None))
        return await asyncio.shield(task)

    async def _refreshed(self, name: bytes) -> Any:
        """Under the row's lock, by which other processes wait too: an issuer that gives a new refresh token with each
        refresh takes the old one for stolen when it comes twice (RFC 9700 2.2.2)."""
        locked = sa.select(sessions).where(sessions.c.id == name).with_for_update()
        async with self._few, self.database.begin() as connection:
            row, now = (await connection.execute(locked)).one_or_none(), self.clock()
            if row is None or row.fresh_until is None or row.fresh_until > now:
                return row
            try:
                changed = await self._asked_again(row, now)
            except NotSignedIn:
                await connection.execute(sa.delete(sessions).where(sessions.c.id == name))
                await audit.note(connection, [audit.Entry(now, row.subject, "signed-out", "session", "refused")])
                return None
            written = sa.update(sessions).where(sessions.c.id == name).values(changed).returning(sessions)
            return (await connection.execute(written)).one_or_none()

    async def _asked_again(self, row: Any, now: datetime) -> dict[str, Any]:
        """What a refresh changes of the row. Raises NotSignedIn where the issuer refuses it or no role is left to the
        person, Transient where the issuer does not answer."""
        tokens = self._tokens(row.id, row.sealed)
        if self.issuer is None or not tokens.get("refresh"):
            raise NotSignedIn("there is nothing to refresh it with")
        granted = await self.issuer.refresh(tokens["refresh"], row.subject)
        if not granted.id_token:
            return {"used_at": now, **self._sealed(row.id, granted._replace(id_token=tokens["id"]), now)}
        who = person(self.site, granted.claims)
        if not who.roles:
            raise NotSignedIn("there is no role any more")
        return {"used_at": now, **_of(who), **self._sealed(row.id, granted, now)}

    def _sealed(self, name: bytes, granted: Granted, now: datetime) -> dict[str, Any]:
        """The columns of the issuer's tokens. Without a refresh token the session lasts as its own limits say."""
        text = json.dumps({"id": granted.id_token, "refresh": granted.refresh_token}).encode()
        fresh = granted.seconds if granted.refresh_token else None
        return {
            "sealed": self.seal.close(text, _place(name)),
            "fresh_until": now + timedelta(seconds=fresh) if fresh else None,
        }

    def _tokens(self, name: bytes, sealed: bytes | None) -> dict[str, str]:
        """The issuer's tokens, `id` and `refresh`; none where there are none, or their key is gone."""
        try:
            found: dict[str, str] = json.loads(self.seal.open(sealed, _place(name))) if sealed else {}
        except CannotOpen:
            return {}
        return found

    def _end_of(self, row: Any) -> datetime:
        end: datetime = min(row.until, row.used_at + self.limits.idle)
        return end

    def _open(self, row: Any) -> OpenSession | None:
        left = int((self._end_of(row) - self.clock()).total_seconds())
        who = Caller(row.subject, frozenset(row.roles), frozenset(row.facilities), row.name)
        return OpenSession(who, left) if left > 0 else None


def kept_sessions(settings: Settings, database: Database, clock: Clock, seal: Seal, site: Site) -> KeptSessions:
    """The sessions of a database by these settings, with the issuer where one is set."""
    idle, whole = timedelta(minutes=settings.session_idle_minutes), timedelta(hours=settings.session_hours)
    limits = SessionLimits(idle, whole, settings.sessions_per_person)
    desk = settings.desk_url and settings.desk_url.rstrip("/")
    return KeptSessions(database, clock, seal, site, limits, issuer_of(settings), desk)


def issuer_of(settings: Settings) -> Issuer | None:
    """The issuer by these settings; None where it, our name there or our own address is not set."""
    issuer = settings.issuer or settings.token_issuer
    if not (issuer and settings.client_id and settings.desk_url):
        return None
    secret = settings.client_secret.get_secret_value() if settings.client_secret else None
    return Issuer(issuer, settings.client_id, secret, settings.sign_in_scopes, settings.desk_url.rstrip("/"))


def sessions_over() -> RetentionKind:
    """The rows of sessions that are over, for the retention of the service that keeps them."""
    old = sa.or_(sessions.c.used_at < sa.bindparam("before"), sessions.c.until < sa.bindparam("before"))
    count = sa.select(sa.func.count()).select_from(sessions).where(old)
    some = sa.select(sessions.c.id).where(old).limit(AT_ONCE).with_for_update(skip_locked=True)
    gone = sa.delete(sessions).where(sessions.c.id.in_(some))

    async def number(connection: Connection, before: datetime) -> int:
        found: int = (await connection.execute(count, {"before": before})).scalar_one()
        return found

    async def delete(connection: Connection, before: datetime) -> Deleted:
        done = (await connection.execute(gone, {"before": before})).rowcount
        return Deleted(done, done == AT_ONCE)

    return RetentionKind("sessions", OVER_FOR, number, delete)


def _of(who: Caller) -> dict[str, Any]:
    named = {"subject": who.subject, "name": who.name}
    return named | {"roles": sorted(who.roles), "facilities": sorted(who.facilities)}


def _hash(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode()).digest()


def _place(name: bytes) -> str:
    return f"session:{name.hex()}"
