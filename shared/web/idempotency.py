"""Idempotency-Key: a request that is sent again gets its first answer, and is done once.

The row is written in the transaction of the act itself, before anything is locked: a second request with the key waits
there for the first. An act that was refused or failed leaves no row, so it may be tried again with the same key.
After draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from shared.errors import StepdownError
from shared.storage.database import Connection
from shared.storage.tables import answered_requests

LONGEST = 200


class OtherRequest(StepdownError):
    """The key was used before, for another request (422)."""


class Answered(NamedTuple):
    """An answer as it was given: HTTP status, body, ETag."""

    status: int
    body: bytes
    etag: str | None


class Request(NamedTuple):
    """Who sent which key, and what it asked for: method, path and body."""

    caller: str
    key: str
    method: str
    path: str
    body: bytes
    scope: str = ""
    """The facilities that the caller might see then: with others it is another request."""

    @property
    def digest(self) -> bytes:
        """SHA-256 of what was asked for."""
        head = f"{self.method} {self.path}\n{self.scope}".encode()
        return hashlib.sha256(head + self.body).digest()


async def begin(connection: Connection, request: Request, at: datetime) -> Answered | None:
    """Take the key for this transaction; the first answer if it was answered before. Raises OtherRequest."""
    taken = insert(answered_requests).values(caller=request.caller, key=request.key, request=request.digest, at=at)
    if (await connection.execute(taken.on_conflict_do_nothing())).rowcount:
        return None
    row = (await connection.execute(sa.select(answered_requests).where(_row(request)))).one()
    if row.request != request.digest:
        raise OtherRequest("this Idempotency-Key was used for another request")
    return Answered(row.status, row.body, row.etag)


async def finish(connection: Connection, request: Request, answer: Answered) -> None:
    """Remember the answer, in the same transaction."""
    await connection.execute(sa.update(answered_requests).where(_row(request)).values(answer._asdict()))


async def forget(connection: Connection, before: datetime) -> None:
    """Drop the keys of requests before an instant."""
    await connection.execute(sa.delete(answered_requests).where(answered_requests.c.at < before))


def _row(request: Request) -> sa.ColumnElement[bool]:
    columns = answered_requests.c
    return sa.and_(columns.caller == request.caller, columns.key == request.key)
