"""What intake tells in metrics of pairs of patients who may be one person: their number, until they are decided."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa
from prometheus_client import REGISTRY

from services.intake import gauges
from services.intake.receiving.receive import Intake
from services.intake.tables import matches
from shared.clock import SetClock
from shared.site.values import SilentAfter
from tests.intake.conftest import NOW, Hospital


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


async def test_a_facility_that_has_sent_and_does_not_any_more_is_silent_after_its_hours(own_intake: Intake) -> None:
    def silent(facility: str) -> float | None:
        return REGISTRY.get_sample_value("stepdown_feed_silent", {"facility": facility})

    await Hospital(own_intake).tells("A01")
    for hours, expected in ((0, 0.0), (24, 0.0), (25, 1.0)):
        later = replace(own_intake, clock=SetClock(NOW + timedelta(hours=hours)))
        async with own_intake.database.read() as connection:
            await gauges.of(later)(connection)
        assert silent("GOODHEALTH") == expected, hours
    site = own_intake.site.model_copy(update={"silent_after": SilentAfter(facilities={"GOODHEALTH": 72})})
    patient = replace(own_intake, site=site, clock=SetClock(NOW + timedelta(hours=25)))
    async with own_intake.database.read() as connection:
        await gauges.of(patient)(connection)
    assert silent("GOODHEALTH") == 0.0
    age = REGISTRY.get_sample_value("stepdown_feed_age_seconds", {"facility": "GOODHEALTH"})
    assert age == timedelta(hours=25).total_seconds()
    assert silent("RIVERBEND") is None
    assert site.version == own_intake.site.version
