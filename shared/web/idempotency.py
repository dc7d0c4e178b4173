"""Idempotency-Key: a request that is sent again is carried out once, and gets its first answer again.

The key's row is written in the transaction of the act itself, before anything else is locked: a second request with the
key waits there for the first. An act that was refused or failed leaves no row, so it may be tried again with the same
key. After draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from shared import retention
from shared.clock import Clock
from shared.errors import StepdownError
from shared.storage.database import Connection, Database
from shared.storage.tables import answered_requests

LONGEST = 200
"""Characters of a key at most."""


class OtherRequest(StepdownError):
    """The key was used before for another request (answered with 422)."""


class Answered(NamedTuple):
    """An answer as it was given: HTTP status, body, ETag."""

    status: int
    body: bytes
    etag: str | None


class Request(NamedTuple):
    """Who sent which key, and the request: method, path and body."""

    caller: str
    key: str
    method: str
    path: str
    body: bytes
    scope: str = ""
    """The facilities that the caller may see, as one text: with other facilities it is another request."""

    @property
    def hashed(self) -> HashedRequest:
        """The request as it is stored: the caller, the key, and a SHA-256 of method, path, scope and body."""
        head = f"{self.method} {self.path}\n{self.scope}".encode()
        return HashedRequest(self.caller, self.key, hashlib.sha256(head + self.body).digest())


class HashedRequest(NamedTuple):
    """A request as it is stored: caller and key (or a keyed hash of both), and a hash of what was asked for."""

    caller: str
    key: str
    request: bytes


async def begin(connection: Connection, asked: HashedRequest, at: datetime) -> Answered | None:
    """Take the key for this transaction and return None; where it was answered before, return that answer. Waits for
    another transaction that has taken the key. Raises OtherRequest where the key was used for another request."""
    taken = insert(answered_requests).values(**asked._asdict(), at=at).on_conflict_do_nothing()
    while not (await connection.execute(taken)).rowcount:
        row = (await connection.execute(sa.select(answered_requests).where(_row(asked)))).one_or_none()
        if row is None:  # forgotten between the two statements: the key is free
            continue
        if row.request != asked.request:
            raise OtherRequest("this Idempotency-Key was used for another request")
        return Answered(row.status, row.body, row.etag)
    return None


async def finish(connection: Connection, asked: HashedRequest, answer: Answered) -> None:
    """Store the answer, in the transaction that took the key."""
    await connection.execute(sa.update(answered_requests).where(_row(asked)).values(answer._asdict()))


async def forget(database: Database, clock: Clock, kept: timedelta) -> None:
    """Delete the keys taken longer ago than `kept`; each service calls it by a timer."""
    await retention.delete_old(database, [retention.requests_answered(kept)], at=clock(), actor="retention")


def _row(asked: HashedRequest) -> sa.ColumnElement[bool]:
    columns = answered_requests.c
    return sa.and_(columns.caller == asked.caller, columns.key == asked.key)
