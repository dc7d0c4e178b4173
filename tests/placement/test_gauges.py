"""What placement tells of its desk and its seats in metrics: counts, of nobody, and cheap however much is closed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY

from services.placement import gauges
from services.placement.rules import Rules
from services.placement.search.entry import STATES, UNSETTLED
from services.placement.tables import entries, program_stays, seats
from services.placement.worklists.views import _WAITS
from shared.clock import SetClock
from shared.storage.database import Connection, Database

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
OPEN = [(kind, state) for kind, states in UNSETTLED.items() for state in states]


def told(name: str, **labels: str) -> float | None:
    """What is scraped of a metric."""
    return REGISTRY.get_sample_value(f"stepdown_{name}", labels)


async def tell(database: Database, rules: Rules) -> None:
    async with database.read() as connection:
        await gauges.tell(connection, rules=rules, clock=SetClock(NOW))


def entry(number: int, kind: str, state: str, hours: float, due: datetime | None = None) -> dict[str, Any]:
    """A row of the desk's lists that began so many hours ago."""
    of = {"episode_id": f"e{number}", "kind": kind, "id": f"{kind}-{number}", "facility": "GOODHEALTH"}
    return of | {"state": state, "at": NOW - timedelta(hours=hours), "due": due, "content": {}}


async def insert(database: Database, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    async with database.begin() as connection:
        await connection.execute(sa.insert(table), rows)


def test_what_waits_is_a_state_that_its_kind_has() -> None:
    assert [one for one in OPEN if one[1] not in STATES[one[0]]] == []


async def test_a_desk_where_nothing_waits_says_nought_for_every_kind(database: Database, rules: Rules) -> None:
    await tell(database, rules)
    for kind in UNSETTLED:
        assert [told(f"desk_{one}", kind=kind) for one in ("open", "overdue", "oldest_seconds")] == [0, 0, 0]


async def test_what_is_open_is_counted_and_the_oldest_wait_told_in_seconds(database: Database, rules: Rules) -> None:
    before, after = NOW - timedelta(minutes=1), NOW + timedelta(minutes=1)
    rows = [entry(1, "search", "open", 5, before), entry(2, "search", "open", 30, after), entry(3, "search", "open", 1)]
    rows += [entry(4, "search", "closed", 900, before), entry(5, "offer", "countered", 2, before)]
    rows += [entry(6, "offer", "declined", 700)]
    await insert(database, entries, rows)
    await tell(database, rules)
    assert [told(f"desk_{one}", kind="search") for one in ("open", "overdue", "oldest_seconds")] == [3, 1, 30 * 3600]
    assert [told(f"desk_{one}", kind="offer") for one in ("open", "overdue", "oldest_seconds")] == [1, 1, 2 * 3600]
    assert told("desk_open", kind="waiting") == 0


async def test_seats_are_told_by_level_and_what_is_over_capacity_apart(database: Database, rules: Rules) -> None:
    program = min(rules.site.programs, key=lambda one: one.capacity)
    await tell(database, rules)
    level, before = program.level, told("seats_open", level=program.level)
    assert before == sum(one.capacity for one in rules.site.programs if one.level == level)
    since = {"program": program.id, "since": NOW - timedelta(days=1)}
    stays = [{**since, "episode_id": f"e{n}", "kind": "stay", "stay_id": f"s{n}", "nth": 0} for n in range(2)]
    await insert(database, program_stays, stays)
    await tell(database, rules)
    assert [told(f"seats_{one}", level=level) for one in ("open", "held", "over")] == [before - 2, 2, 0]
    during = sa.func.tstzrange(NOW - timedelta(hours=1), None)
    claim = {"program": program.id, "during": during}
    async with database.begin() as connection:
        for n in range(program.capacity + 1):
            row = {**claim, "episode_id": f"c{n}", "seat_id": f"seat-{n}"}
            await connection.execute(sa.insert(seats).values(row))
    await tell(database, rules)
    over = [told(f"seats_{one}", level=level) for one in ("open", "held", "over")]
    assert over == [before - program.capacity, program.capacity + 3, 3]


async def pages_read(connection: Connection) -> int:
    """Pages of the database that the statement looks at."""
    explain = sa.text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {_WAITS.text}")
    [plan] = (await connection.execute(explain, {"now": NOW})).scalar_one()
    return int(plan["Plan"]["Shared Hit Blocks"]) + int(plan["Plan"]["Shared Read Blocks"])


@pytest.mark.parametrize("closed", [40_000])
async def test_it_costs_no_more_however_many_are_closed(database: Database, closed: int) -> None:
    await insert(database, entries, [entry(n, "search", "open", n) for n in range(1, 50)])
    many = sa.text(
        "INSERT INTO entries (episode_id, kind, id, facility, state, at, content) SELECT 'x' || n, 'search', 'x' || n, "
        "'GOODHEALTH', 'closed', now() - make_interval(mins => n), '{}' FROM generate_series(1, :closed) AS n"
    )
    async with database.begin() as connection:
        few = await pages_read(connection)
        await connection.execute(many, {"closed": closed})
        await connection.execute(sa.text("ANALYZE entries"))  # as the server does by itself some time after it grew
    async with database.read() as connection:
        many_too = await pages_read(connection)
    async with database.begin() as connection:  # a deleted row would cost the tests that follow as much as one that is
        await connection.execute(sa.text("TRUNCATE entries"))
    assert many_too < few + 400  # of more than a thousand; what tests before left behind is looked at once, too
