"""Every POST of aftercare's API: one path for all of them (key, lock, decide, save, answer), and the table of what
there is; the rules are behind handlers.act.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.aftercare import contacts, handlers, marks, plans, referrals, risk, views
from services.aftercare.commands import (
    ClearRisk,
    ClosePlan,
    Command,
    MarkExcluded,
    MarkKept,
    RecordContact,
    Refer,
    Schedule,
    Withdraw,
)
from services.aftercare.handlers import Rules, Stale
from services.aftercare.situation import Decided, Situation
from services.aftercare.web import asking, showing
from shared import idempotency
from shared.auth import Caller
from shared.db import Connection, Database
from shared.errors import Rejected
from shared.web import Problem, caller

WRITERS = ("coordinator", "clinician")
AHEAD = timedelta(minutes=5)
"""How far the asker's clock may go before ours."""
Decision = Callable[[Situation, str, Any], Decided]


@dataclass(frozen=True, slots=True)
class Write:
    """One POST: what it asks for, of which list its id is (None: it makes a new entry of an episode), what it does."""

    path: str
    kind: showing.Listed
    action: str
    asks: type[Command]
    decide: Decision
    summary: str

    @property
    def makes(self) -> bool:
        """It makes something new."""
        return "{id}" not in self.path


def _refer(now: Situation, _: str, asked: Refer) -> Decided:
    return referrals.refer(now, asked, plans.active(now).plan_id)


def _moves() -> list[Write]:
    return [
        Write(
            f"/api/referrals/{{id}}/{to}",
            "referral",
            f"referral-{to}",
            asks,
            partial(_move, to),
            f"The referral is {to}" if to != "no-show" else "The patient did not come",
        )
        for to, asks in referrals.ASKS.items()
    ]


def _move(to: str, now: Situation, referral_id: str, asked: Any) -> Decided:
    return referrals.move(now, referral_id, to, asked)


WRITES: tuple[Write, ...] = (
    Write(
        "/api/plans/{id}/closed",
        "plan",
        "plan-closed",
        ClosePlan,
        lambda now, plan_id, asked: plans.close(now, plan_id, asked.outcome),
        "Aftercare ends",
    ),
    Write("/api/referrals", "referral", "referral-made", Refer, _refer, "Refer the patient within the plan"),
    *_moves(),
    Write(
        "/api/contacts",
        "contact",
        "contact-recorded",
        RecordContact,
        lambda now, _, asked: contacts.record(now, asked),
        "Record an attempt to reach or see the patient",
    ),
    Write(
        "/api/contacts/{id}/withdrawn",
        "contact",
        "contact-withdrawn",
        Withdraw,
        lambda now, contact_id, asked: contacts.withdraw(now, contact_id, asked.reason),
        "A contact was recorded in error",
    ),
    Write(
        "/api/appointments",
        "appointment",
        "appointment-recorded",
        Schedule,
        lambda now, _, asked: contacts.schedule(now, asked),
        "Record an appointment that no referral is behind",
    ),
    Write("/api/follow-ups/{id}/kept", "follow-up", "follow-up-kept", MarkKept, marks.keep, "It was kept"),
    Write(
        "/api/follow-ups/{id}/excluded",
        "follow-up",
        "follow-up-excluded",
        MarkExcluded,
        marks.exclude,
        "The discharge does not count",
    ),
    Write(
        "/api/risks/{id}/cleared",
        "risk",
        "risk-cleared",
        ClearRisk,
        lambda now, risk_id, asked: risk.clear(now, risk_id, asked.reason),
        "Somebody judges that the risk is over",
    ),
)


def routes(database: Database, rules: Rules) -> Sequence[BaseRoute]:
    """The routes of all writes."""
    return [Route(write.path, partial(_post, write, database, rules), methods=["POST"]) for write in WRITES]


async def _post(write: Write, database: Database, rules: Rules, request: Request) -> Response:
    post = await _read(write, rules, request)
    try:
        async with database.begin() as connection:
            answer = await _once(connection, post, rules)
    except Stale as stale:
        raise Problem(HTTPStatus.PRECONDITION_FAILED, "stale", str(stale)) from None
    except idempotency.OtherRequest as other:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "idempotency-key-reused", str(other)) from None
    except _Refused as no:
        async with database.begin() as connection:
            await handlers.refused(rules, connection, no.asked, no.why)
        raise no.why from None
    headers = {"etag": answer.etag} if answer.etag else {}
    return Response(answer.body, answer.status, headers, "application/json")


class _Refused(Exception):
    """A rule said no to what was asked; the transaction is rolled back, then the refusal is recorded."""

    def __init__(self, asked: handlers.Asked, why: Rejected) -> None:
        super().__init__(why.code)
        self.asked, self.why = asked, why


class _Posted(NamedTuple):
    """A request that is read: who asks for what, of which entry, seen at which sequence, with which key."""

    write: Write
    who: Caller
    id: str
    command: Command
    seen: int | None
    key: idempotency.Request | None


async def _read(write: Write, rules: Rules, request: Request) -> _Posted:
    who = caller(request, *WRITERS)
    raw = await asking.body(request)
    command = asking.read(write.asks, raw)
    if isinstance(command, RecordContact | MarkKept) and command.at > rules.clock() + AHEAD:
        raise asking.unfit("at", "what happened does not lie in the future")
    asked_id = request.path_params.get("id", "")
    return _Posted(write, who, asked_id, command, asking.if_match(request), asking.key(request, who, raw))


async def _once(connection: Connection, post: _Posted, rules: Rules) -> idempotency.Answered:
    """The first answer where the key was answered before, else what comes of it."""
    if post.key is not None and (before := await idempotency.begin(connection, post.key, rules.clock())) is not None:
        return before
    episode_id = await _episode(connection, post.write, post.who, post.id, post.command)
    asked = handlers.Asked(post.who.subject, post.write.action, episode_id, post.seen)
    try:
        acted = await handlers.act(rules, connection, asked, lambda now: post.write.decide(now, post.id, post.command))
    except Rejected as no:
        raise _Refused(asked, no) from None
    if acted is None:
        raise asking.missing()
    answer = await _answer(connection, post.write, rules, acted)
    if post.key is not None:
        await idempotency.finish(connection, post.key, answer)
    return answer


async def _episode(connection: Connection, write: Write, who: Caller, asked_id: str, command: Command) -> str:
    """The episode that it is about, where the caller may see it. Raises 404."""
    if write.makes:
        episode_id = str(getattr(command, "episode_id", ""))
        facilities = await views.facilities_of(connection, episode_id)
        if facilities is None or not any(who.may_see(each) for each in facilities):
            raise asking.missing()
        return episode_id
    row = await showing.row(connection, write.kind, asked_id)
    if row is None or not who.may_see(row["facility"]):
        raise asking.missing()
    return str(row["episode_id"])


async def _answer(connection: Connection, write: Write, rules: Rules, acted: handlers.Acted) -> idempotency.Answered:
    row = await showing.row(connection, write.kind, acted.subject)
    body = orjson.dumps(showing.shown(row, rules.clock()) if row else {"id": acted.subject})
    status = HTTPStatus.CREATED if write.makes else HTTPStatus.OK
    return idempotency.Answered(int(status), body, asking.etag(acted.sequence))
