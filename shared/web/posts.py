"""The handling of every POST by which a person does something: idempotency key, lock, decide, save, answer; a refusal
is written to the audit.

A service has a table of `Write`s and one `PostDoor`, in which it says what decides and what is answered.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Generic, NamedTuple, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from shared.clock import Clock
from shared.errors import Rejected, Stale
from shared.storage import audit
from shared.storage.database import Connection, Database
from shared.web import idempotency, requests
from shared.web.app import Problem, caller
from shared.web.auth import Caller
from shared.web.commands import Command

Decision = TypeVar("Decision")


@dataclass(frozen=True)  # no slots: a generic class notes its parameters in each value
class Write(Generic[Decision]):
    """One POST. `kind`: the list that its id is of; `action`: its name in the audit; `asks`: the model of its body;
    `decide`: the rule, called by the service's door; `roles`: who may use it, besides admin.

    Without `{id}` in its path it makes something new. `operation`: its operationId in the OpenAPI document, which never
    changes; `told`: the type or schema of its answer. Where it is `tagged`, its answer has an ETag and it reads
    If-Match.
    """

    path: str
    kind: str
    action: str
    asks: type[Command]
    decide: Decision
    summary: str
    roles: tuple[str, ...]
    operation: str
    told: Any
    tagged: bool = True

    @property
    def makes(self) -> bool:
        """True where it makes something new; its answer is a 201."""
        return "{id}" not in self.path

    @property
    def needs_body(self) -> bool:
        """True where its body has a required field."""
        return any(field.is_required() for field in self.asks.model_fields.values())


class Posted(NamedTuple, Generic[Decision]):
    """A POST that was read: the write, who asks, the id in its path (empty where it makes something new), its body, the
    version that the asker saw (None: any), its idempotency key (None: none was sent), and the list that its path names
    (empty: none)."""

    write: Write[Decision]
    who: Caller
    id: str
    command: Any
    seen: int | None
    key: idempotency.Request | None
    list: str = ""


class Answer(NamedTuple):
    """The answer to an act: its body, and the episode's version for the ETag (None: no ETag)."""

    body: Mapping[str, object]
    version: int | None


def hashed(posted: Posted[Any]) -> idempotency.HashedRequest | None:
    """The request as it is stored under its key: a hash of what was sent; None where no key was sent."""
    return posted.key.hashed if posted.key is not None else None


async def respond(_: Posted[Any], answer: idempotency.Answered) -> Response:
    """The HTTP response of an answer that was committed, now or at the first request with this key."""
    headers = {"etag": answer.etag} if answer.etag else {}
    return Response(answer.body, answer.status, headers, "application/json")


@dataclass(frozen=True)  # no slots: a generic class notes its parameters in each value
class PostDoor(Generic[Decision]):
    """What a service gives to the handling of its POSTs.

    - `fit(posted)` raises a 422 Problem for values that the site does not have, before anything is locked;
    - `subject(connection, posted)`: the id of what it is about, mostly an episode; None: none that the asker may see;
    - `act(connection, posted, subject)` locks, decides and saves. None: it is gone meanwhile; raises Rejected, Stale;
    - `media`: the content-types that a body may have, else 415; empty: any, and a missing body is an empty object;
    - `remember(posted)`: the request as it is stored under its key, None without one; `reused`: the code of the problem
      where the key was used for another request;
    - `respond(posted, answer)`: the HTTP response, once the answer is committed; the same to a repeat.
    """

    database: Database
    clock: Clock
    fit: Callable[[Posted[Decision]], Awaitable[None]]
    subject: Callable[[Connection, Posted[Decision]], Awaitable[str | None]]
    act: Callable[[Connection, Posted[Decision], str], Awaitable[Answer | None]]
    media: tuple[str, ...] = ()
    remember: Callable[[Posted[Decision]], idempotency.HashedRequest | None] = hashed
    reused: str = "idempotency-key-reused"
    respond: Callable[[Posted[Decision], idempotency.Answered], Awaitable[Response]] = respond


def routes(door: PostDoor[Decision], writes: Iterable[Write[Decision]]) -> Sequence[BaseRoute]:
    """The routes of a table of writes."""
    return [Route(write.path, partial(_post, write, door), methods=["POST"]) for write in writes]


async def _post(write: Write[Decision], door: PostDoor[Decision], request: Request) -> Response:
    posted = await _read(write, door, request)
    return await door.respond(posted, await perform(door, posted))


async def perform(door: PostDoor[Decision], posted: Posted[Decision]) -> idempotency.Answered:
    """Carry out a POST in a transaction of its own. Raises a Problem (404, 412 or 422), or Rejected once the refusal is
    in the audit."""
    await door.fit(posted)
    try:
        async with door.database.begin() as connection:
            return await _once(connection, posted, door)
    except Stale as stale:
        raise Problem(HTTPStatus.PRECONDITION_FAILED, "stale", str(stale)) from None
    except idempotency.OtherRequest as other:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, door.reused, str(other)) from None
    except _Refused as no:
        async with door.database.begin() as connection:
            entry = audit.Entry(door.clock(), posted.who.subject, posted.write.action, no.subject)
            await audit.refused(connection, entry, no.why)
        raise no.why from None


class _Refused(Exception):
    """A rule said no: raised to roll back the transaction, before the refusal is written to the audit in another."""

    def __init__(self, subject: str, why: Rejected) -> None:
        super().__init__(why.code)
        self.subject, self.why = subject, why


async def _read(write: Write[Decision], door: PostDoor[Decision], request: Request) -> Posted[Decision]:
    who = caller(request, *write.roles)
    if door.media:
        requests.media_type(request, door.media, absent=not write.needs_body)
    raw = await requests.body(request)
    command = requests.read(write.asks, raw or (b"" if door.media and write.needs_body else b"{}"))
    asked_id, named = request.path_params.get("id", ""), request.path_params.get("name", "")
    key = requests.key(request, who, raw)
    return Posted(write, who, asked_id, command, requests.if_match(request), key, named)


async def _once(connection: Connection, posted: Posted[Decision], door: PostDoor[Decision]) -> idempotency.Answered:
    """The first answer where the key was answered before; else the answer of carrying it out now."""
    key = door.remember(posted)
    if key is not None and (before := await idempotency.begin(connection, key, door.clock())) is not None:
        return before
    subject = None if "\0" in posted.id else await door.subject(connection, posted)
    if subject is None:
        raise requests.missing()
    try:
        done = await door.act(connection, posted, subject)
    except Rejected as no:
        raise _Refused(subject, no) from None
    if done is None:
        raise requests.missing()
    status = HTTPStatus.CREATED if posted.write.makes else HTTPStatus.OK
    tag = None if done.version is None else requests.etag(done.version)
    answer = idempotency.Answered(int(status), orjson.dumps(done.body), tag)
    if key is not None:
        await idempotency.finish(connection, key, answer)
    return answer
