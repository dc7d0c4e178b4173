"""How many seats of a program are taken is counted in the database as the census counts it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import sqlalchemy as sa
from asyncpg import Range

from services.placement.programs.census import taken_at
from services.placement.tables import program_stays, seats
from services.placement.worklists import views
from shared.storage import list_counts
from shared.storage.database import Database

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
PROGRAMS = ("P1", "P2", "P3", "nobody's")


async def test_seats_and_stays_of_a_thousand_persons_come_to_the_same_number(database: Database) -> None:
    chance = Random(7)

    def some_time() -> tuple[datetime, datetime | None]:
        begins = NOON + timedelta(hours=chance.randint(-3, 3))
        return begins, chance.choice([None, begins + timedelta(hours=chance.randint(1, 4))])

    held, stays = [], []
    for number in range(1000):
        person = f"E{number % 300}"
        begins, ends = some_time()
        program = chance.choice(PROGRAMS[:3])
        if chance.random() < 0.5:
            held.append(
                {"episode_id": person, "seat_id": f"S{number}", "program": program, "during": Range(begins, ends)}
            )
        else:
            expected = chance.choice([None, begins + timedelta(hours=1)]) if ends is None else None
            own = {"episode_id": person, "kind": "placement", "stay_id": f"T{number}", "nth": 0, "program": program}
            stays.append({**own, "since": begins, "until": ends, "expected": expected})
    async with database.begin() as connection:
        await connection.execute(sa.insert(seats), held)
        await connection.execute(sa.insert(program_stays), stays)
        for hours in (-2, 0, 1):
            now = NOON + timedelta(hours=hours)
            told = await list_counts.counted(connection, [views.seats_taken("taken ", PROGRAMS, now)])
            places = await views.places(connection, PROGRAMS, now, now)
            by_rule = {f"taken {name}": taken_at(places.get(name, ()), now) for name in PROGRAMS}
            assert {name: one.total for name, one in told.items()} == {name: n for name, n in by_rule.items() if n}
            assert len(told) == 3
