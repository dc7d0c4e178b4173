"""SQL that only reads what is known of programs: what they told of their seats, how they answer, who waits for them,
and what searches need of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.placement.programs.census import SeatsOut
from services.placement.search.answering import Waiter
from services.placement.search.gaps import Asked
from services.placement.tables import entries, episodes, programs, seats_out
from services.placement.worklists.views import LISTED
from shared.scope import Scope
from shared.storage import scoped

_QUEUES = sa.text(
    "SELECT program, count(*) FROM entries WHERE kind = 'waiting' AND state = 'waiting' "
    "AND program = ANY(:programs) GROUP BY program"
).bindparams(sa.bindparam("programs", type_=sa.ARRAY(sa.Text)))
_SAID = programs.c
_OUT = seats_out.c
_TOLD_SEATS = (
    sa.select(_SAID.program, _SAID.told_at, _SAID.expected_free, _OUT.seats, _OUT.since, _OUT.until, _OUT.reason)
    .select_from(programs.outerjoin(seats_out, _SAID.program == _OUT.program))
    .where(_SAID.told_at.is_not(None), _SAID.program == sa.any_(sa.bindparam("programs", type_=sa.ARRAY(sa.Text))))
    .order_by(_SAID.program, _OUT.nth)
)


_NEEDED = sa.text(
    "SELECT facility, content ->> 'recommended_level' AS level, need.key, need.value, count(*) AS number, "
    "min(at) AS since "
    "FROM entries CROSS JOIN LATERAL ("
    "SELECT * FROM jsonb_each(CAST(content -> 'needs' AS jsonb) - 'also') WHERE key = ANY(:counted) UNION ALL "
    "SELECT * FROM jsonb_each(coalesce(CAST(content #> '{needs,also}' AS jsonb), '{}'))) AS need "
    "WHERE kind = 'search' AND state = 'open' AND (:every OR facility = ANY(:facilities)) "
    "GROUP BY 1, 2, 3, 4 ORDER BY number DESC, since, 1, 2, 3 LIMIT :most"
).bindparams(sa.bindparam("facilities", type_=sa.ARRAY(sa.Text)), sa.bindparam("counted", type_=sa.ARRAY(sa.Text)))


async def needed(connection: AsyncConnection, scope: Scope, counted: Collection[str], most: int) -> list[Asked]:
    """What open searches of these facilities need, by facility, level, need and value, the most frequent first; of the
    needs that every site knows those in `counted`, and all of the site's own."""
    asked = {
        "every": scope.facilities is None,
        "facilities": sorted(scope.facilities or ()),
        "counted": list(counted),
        "most": most,
    }
    rows = (await connection.execute(_NEEDED, asked)).all()
    return [Asked(row.facility, row.level, row.key, row.value, row.number, row.since) for row in rows]


async def programs_of(connection: AsyncConnection, patient_id: str, scope: Scope) -> frozenset[str]:
    """The programs whose stays of this patient began, in any episode, that the scope may see."""
    columns = entries.c
    query = sa.select(columns.program).select_from(LISTED).distinct().where(
        columns.kind == "placement", columns.state.in_(("started", "ended")), episodes.c.patient_id == patient_id,
        scoped.of(columns.facility, scope),
    )  # fmt: skip
    return frozenset((await connection.execute(query)).scalars()) - {None}


_LINE = sa.text(
    "SELECT w.id, w.episode_id, w.at, s.content ->> 'began_on' AS began_on, "
    "COALESCE(CAST(s.content -> 'needs' AS jsonb), '{}') AS needs, "
    "bool_or(o.state IN ('sent', 'countered')) AS asked, bool_or(o.at >= w.at) AS answered "
    "FROM entries AS w JOIN entries AS s ON s.episode_id = w.episode_id AND s.kind = 'search' AND s.state = 'open' "
    "LEFT JOIN entries AS o ON o.episode_id = w.episode_id AND o.kind = 'offer' AND o.program = w.program "
    "WHERE w.kind = 'waiting' AND w.state = 'waiting' AND w.program = :program "
    "GROUP BY w.id, w.episode_id, w.at, s.id, s.content"
)


async def line_of(connection: AsyncConnection, program: str) -> tuple[list[Waiter], bool]:
    """(who waits for a program and was offered nothing there since, by their open searches; whether one of the line has
    an unanswered offer of it)."""
    rows = (await connection.execute(_LINE, {"program": program})).all()
    waiters = [
        Waiter(row.id, row.episode_id, row.at, date.fromisoformat(row.began_on or f"{row.at:%Y-%m-%d}"), row.needs)
        for row in rows
        if not row.answered
    ]
    return waiters, any(row.asked for row in rows)


_ANSWERS = sa.text(
    "SELECT program, state, content ->> 'reason' AS reason, count(*) AS number, "
    "percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM at - CAST(content ->> 'sent_at' AS timestamptz))) "
    "/ 3600 AS hours FROM entries WHERE kind = 'offer' AND state IN ('accepted', 'declined', 'expired') "
    "AND at > :since AND program = ANY(:programs) GROUP BY 1, 2, 3 ORDER BY 1, 2, 4 DESC, 3"
).bindparams(sa.bindparam("programs", type_=sa.ARRAY(sa.Text)), sa.bindparam("since", type_=sa.DateTime(timezone=True)))


class AnswersOf(NamedTuple):
    """How often a program answered offers so: accepted, declined or expired, why, and after how many hours half of
    them."""

    state: str
    reason: str | None
    number: int
    hours: float | None


async def answers_of(
    connection: AsyncConnection, programs: Collection[str], since: datetime
) -> dict[str, list[AnswersOf]]:
    """program → how it answered offers since then, the most frequent reason first."""
    rows = (await connection.execute(_ANSWERS, {"programs": sorted(programs), "since": since})).all()
    found: dict[str, list[AnswersOf]] = defaultdict(list)
    for row in rows:
        hours = None if row.hours is None else round(float(row.hours), 1)
        found[row.program].append(AnswersOf(row.state, row.reason, row.number, hours))
    return found


class ToldSeats(NamedTuple):
    """What a program told of its seats, and when; `expected_free`: JSON, by day."""

    at: datetime | None
    out: Sequence[SeatsOut]
    expected_free: Sequence[dict[str, Any]]


async def told_seats(connection: AsyncConnection, programs: Collection[str]) -> dict[str, ToldSeats]:
    """program → what it told of its seats, for those that ever told; what is out of use in the order told."""
    rows = await connection.execute(_TOLD_SEATS, {"programs": sorted(programs)})
    found: dict[str, ToldSeats] = {}
    for row in rows.all():
        before = found.get(row.program, ToldSeats(row.told_at, (), row.expected_free))
        more = () if row.seats is None else (SeatsOut(row.seats, row.since, row.until, row.reason),)
        found[row.program] = before._replace(out=(*before.out, *more))
    return found


async def queues_of(connection: AsyncConnection, programs: Collection[str]) -> dict[str, int]:
    """program → how many wait for it; call it with the program locked."""
    return {row[0]: row[1] for row in (await connection.execute(_QUEUES, {"programs": sorted(programs)})).all()}
