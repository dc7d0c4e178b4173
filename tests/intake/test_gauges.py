"""What intake tells in metrics of pairs of patients who may be one person: their number, until they are decided."""

from __future__ import annotations

import sqlalchemy as sa
from prometheus_client import REGISTRY

from services.intake import gauges
from services.intake.receiving.receive import Intake
from services.intake.tables import matches


async def number(intake: Intake) -> float | None:
    async with intake.database.read() as connection:
        await gauges.tell(connection)
    return REGISTRY.get_sample_value("stepdown_matches_open")


async def test_pairs_that_nobody_has_decided_are_counted(own_intake: Intake) -> None:
    assert await number(own_intake) == 0
    rows = [
        {"match_id": f"m{n}", "one": f"p{n}", "other": f"q{n}", "state": "open" if n else "apart"} for n in range(4)
    ]
    async with own_intake.database.begin() as connection:
        await connection.execute(sa.insert(matches), rows)
    assert await number(own_intake) == 3
