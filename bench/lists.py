"""Lists of both desks with very many episodes, and a patient's page of a long story: what each costs on the server.

Half a year and a morning are played on a real system; then its rows are copied, those of episodes that are over far
more often than those of episodes that go on, as years of work would have left them.
"""

from __future__ import annotations

import gc
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from statistics import quantiles
from typing import NamedTuple

import asyncpg
import httpx
import jwt
import sqlalchemy as sa
from starlette.routing import BaseRoute

from bench.asked import Asked
from bench.played import LONG_STORY, played
from bench.report import Report, at_most, row
from bench.sizes import LIST_PAGES
from bench.stage import Stage, staged
from bench.statements import counted
from services.aftercare.desk import page as aftercare
from services.aftercare.engine.apply import Rules
from services.aftercare.tables import entries as aftercare_entries
from services.aftercare.tables import episodes as aftercare_episodes
from services.aftercare.tables import follow_ups
from services.aftercare.worklists.lists import WORKLISTS as AFTERCARE_LISTS
from services.placement.desk.frame import Parts
from services.placement.desk.page import desk as placement
from services.placement.gate.tables import withheld
from services.placement.rules import rules_of
from services.placement.tables import entries, episodes, facts, periods, program_stays, seats
from services.placement.worklists.lists import WORKLISTS as PLACEMENT_LISTS
from shared.clock import system_clock
from shared.errors import StepdownError
from shared.ids import random_id
from shared.run import GARBAGE
from shared.site import config
from shared.storage.database import Database
from shared.web.app import web_app
from shared.web.auth import AUDIENCE, DEV_ISSUER, Tokens
from shared.web.desk import A_PAGE
from shared.web.sessions import SESSION
from tools.stack.databases import on_database

BROKERS = ("embedded",)
LIMITS = "Each page counts every list of its desk; then templates are filled in, which is most of the processor time."
TRIED = (
    "Counts that need no row of an episode, each list's once, in one query; the first rows of all lists by one query; "
    "what a form may be answered with is made once a page; no workers of PostgreSQL are started (decision 0227). "
    "Kinds, states and keys of JSON written into the queries, so that partial indexes are used (decision 0244)."
)
KEY = "b" * 32
MOST_MILLISECONDS, MOST_STATEMENTS = 150, 6
PATIENT_PAGE = f"a patient's page of {LONG_STORY} facts and more"
OF_MANY = ("placement: Today", "aftercare: Today", PATIENT_PAGE)
"""Pages that read several lists, or a whole episode: each asks as often for many rows as for few."""
GO_ON = 0.06
"""The share of episodes that are not over."""
DAYS = 1800
"""Over how many days before their own the copies of what is over are spread."""
FACILITIES = ("GOODHEALTH", "RIVERBEND")
OF_PLACEMENT = (episodes, facts, entries, periods, seats, program_stays, withheld)
OF_AFTERCARE = (aftercare_episodes, aftercare_entries, follow_ups)
_NAMED = {"episode_id", "patient_id", "id", "seat_id", "period_id", "fact_id", "follow_up_id"}
"""Columns with ids, which get the copy's number."""
_REFERS = (
    "CASE WHEN t.value ? 'plan_id' THEN jsonb_set(t.value, '{plan_id}', to_jsonb((t.value->>'plan_id') || c.n)) "
    "ELSE t.value END"
)
"""An entry of aftercare, whose plan is the copy's own."""


_OVER = """
state = 'closed' OR (state = 'void' AND NOT EXISTS (
    SELECT 1 FROM entries AS e WHERE e.episode_id = episodes.episode_id AND e.kind = 'arrival' AND e.state = 'expected'
))
"""
"""Whose episode is over: it is void, too, while somebody is expected, which no hospital does of ten thousand."""
_AUTHORIZED = """
INSERT INTO entries (episode_id, kind, id, facility, besides, state, at, due, content)
SELECT o.episode_id, 'authorization', o.id || '-allowed', o.facility, '{}', t.state, o.at, o.at + interval '30 days',
       (t.content - 'goes_on') || jsonb_build_object('used_up_at', to_jsonb(o.at + interval '20 days'))
FROM entries AS o, (SELECT state, content FROM entries WHERE kind = 'authorization' AND due > now() ORDER BY id LIMIT 1)
     AS t
WHERE o.kind = 'placement' AND o.state = 'ended'
"""
"""What the payer allowed for each stay that is over: nobody asks for it in the half-year that is played."""


class Taken(NamedTuple):
    """One page: milliseconds until it was answered, and of this process's CPU; statements sent to the database."""

    wall: float
    cpu: float
    statements: int


async def measure(asked: Asked, report: Report) -> None:
    """Every list's page of both desks, the first pages, the rails, and the patient's page."""
    async with staged("embedded") as stage:
        long = await played(stage, asked.say)
        asked.say(f"copying to {asked.size:,} episodes")
        await _filled(stage, asked.size, long.episode_id)
        every: dict[str, list[Taken]] = {}
        for desk, routes, names in (
            ("placement", _of_placement, [each.name for each in PLACEMENT_LISTS if each.title]),
            ("aftercare", _of_aftercare, [each.name for each in AFTERCARE_LISTS]),
        ):
            async with stage.database(desk) as database:
                pages = {f"{desk}: {name}": f"/?list={name}" for name in names}
                pages |= {f"{desk}: Today": "/", f"{desk}: its part of the rail": "/rail"}
                if desk == "placement":
                    pages[PATIENT_PAGE] = f"/patients/{long.patient_id}"
                every |= await _taken(database, routes(database), pages, LIST_PAGES // (5 if asked.quick else 1))
    _rows(report, every, asked.size)


def _rows(report: Report, every: dict[str, list[Taken]], size: int) -> None:
    for name, taken in every.items():
        wall, cpu = sorted(one.wall for one in taken), sorted(one.cpu for one in taken)
        more = [
            f"{name}: CPU {_p(cpu, 50):.0f} ms, 95 of 100 within {_p(cpu, 95):.0f} ms; {taken[0].statements} statements"
        ]
        report.rows.append(row(f"{name}: median", "ms", [_p(wall, 50)], notes=more))
        report.rows.append(row(f"{name}: 95 of 100 within", "ms", [_p(wall, 95)]))
    slowest = max(every, key=lambda name: _p(sorted(one.wall for one in every[name]), 95))
    figure = _p(sorted(one.wall for one in every[slowest]), 95)
    goal = f"95 of 100 pages of the slowest ({slowest}) within {MOST_MILLISECONDS} ms with {size:,} episodes"
    report.goals.append(at_most(goal, figure, MOST_MILLISECONDS))
    most = max(one.statements for name, taken in every.items() if name not in OF_MANY for one in taken)
    goal = f"no query a row: a list's page of {A_PAGE} rows sends ≤ {MOST_STATEMENTS} statements"
    report.goals.append(at_most(goal, most, MOST_STATEMENTS))


def _p(found: Sequence[float], part: int) -> float:
    return quantiles(found, n=100)[part - 1] if len(found) > 1 else found[0]


async def _taken(
    database: Database, routes: Sequence[BaseRoute], pages: dict[str, str], number: int
) -> dict[str, list[Taken]]:
    """Each page, again and again, after some that warm up; garbage is looked for as in a service (shared/run.py)."""
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    async with _client(routes) as client:
        found = {}
        for name, address in pages.items():
            for _ in range(2):
                await _once(client, database, address)
            found[name] = [await _once(client, database, address) for _ in range(number)]
        return found


async def _once(client: httpx.AsyncClient, database: Database, address: str) -> Taken:
    with counted(database) as sent:
        began, spent = time.perf_counter(), time.process_time()
        answer = await client.get(address)
        taken = Taken(1000 * (time.perf_counter() - began), 1000 * (time.process_time() - spent), len(sent))
    if answer.status_code != 200:
        raise StepdownError(f"{address} was answered {answer.status_code}")
    return taken


@asynccontextmanager
async def _client(routes: Sequence[BaseRoute]) -> AsyncIterator[httpx.AsyncClient]:
    async def ready() -> dict[str, str]:
        return {}

    app = web_app(title="bench", tokens=Tokens(KEY, DEV_ISSUER, ("HS256",)), ready=ready, routes=routes, logged=False)
    who = {"sub": "bench", "roles": ["coordinator"], "facilities": list(FACILITIES)}
    until = datetime.now(UTC) + timedelta(hours=2)
    token = jwt.encode({**who, "iss": DEV_ISSUER, "aud": AUDIENCE, "exp": until}, KEY, algorithm="HS256")
    transport, cookies = httpx.ASGITransport(app), {SESSION: token}
    async with httpx.AsyncClient(transport=transport, base_url="http://bench", cookies=cookies) as client:
        yield client


def _of_placement(database: Database) -> Sequence[BaseRoute]:
    parts = Parts(database, rules_of(config.load(None)), system_clock, random_id)
    return placement.routes(parts, placement.pages())


def _of_aftercare(database: Database) -> Sequence[BaseRoute]:
    return aftercare.routes(database, Rules(config.load(None), system_clock), aftercare.pages())


async def _filled(stage: Stage, size: int, but: str) -> None:
    """Copies of every episode `but` one, until both databases have so many; which are over, placement knows."""
    over = await _copied(stage, "placement", OF_PLACEMENT, over=_OVER, size=size, but=but)
    listed = ", ".join(f"'{each}'" for each in over) or "''"
    await _copied(stage, "aftercare", OF_AFTERCARE, over=f"episode_id IN ({listed})", size=size, but=but)


async def _copied(
    stage: Stage, service: str, tables: Sequence[sa.Table], *, over: str, size: int, but: str
) -> Sequence[str]:
    """Ids of the episodes that are over."""
    connection = await asyncpg.connect(on_database(stage.system.admin_url, service))
    try:
        await connection.execute("SET session_replication_role = replica")  # nobody is told of copies
        await connection.execute(
            f"CREATE TEMP TABLE source AS SELECT episode_id, ({over}) AS over FROM episodes WHERE episode_id <> '{but}'"
        )
        ended = [each["episode_id"] for each in await connection.fetch("SELECT episode_id FROM source WHERE over")]
        going_on = await connection.fetchval("SELECT count(*) FROM source WHERE NOT over")
        times = [max(1, round(size * GO_ON / max(going_on, 1))), max(1, round(size * (1 - GO_ON) / max(len(ended), 1)))]
        for table in tables:
            await connection.execute(_copies(table), *times, timeout=900)
        if service == "placement":
            await connection.execute(_AUTHORIZED, timeout=900)
        for table in tables:
            await connection.execute(f"VACUUM (ANALYZE) {table.name}", timeout=900)
        await connection.execute("CHECKPOINT")
        return ended
    finally:
        await connection.close()


def _copies(table: sa.Table) -> str:
    """INSERT of copies of all rows of the episodes: $1 times where they go on, $2 times where they are over."""
    columns = [column.name for column in table.columns]
    told = [_copy(column) for column in table.columns]
    return (
        f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT {', '.join(told)} "
        f"FROM {table.name} AS t JOIN source AS s USING (episode_id), "
        "LATERAL (SELECT i, '-' || i AS n, CASE WHEN s.over THEN make_interval(days => i % "
        f"{DAYS}) ELSE interval '0' END AS ago "
        "FROM generate_series(1, CASE WHEN s.over THEN $2::int ELSE $1::int END) AS i) AS c"
    )


def _copy(column: sa.Column[object]) -> str:
    """A column of a copy: ids with its number, times so long before."""
    own = f"t.{column.name}"
    if column.name in _NAMED:
        return f"{own} || c.n"
    if isinstance(column.type, sa.DateTime):
        return f"{own} - c.ago"
    if isinstance(column.type, sa.Date):
        return f"({own} - c.ago)::date"
    return _REFERS if (column.table.name, column.name) == ("entries", "value") else own
