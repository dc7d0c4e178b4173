"""What intake would state by reading a message again is what placement is asked with: it says what bills change."""

from __future__ import annotations

import sqlalchemy as sa

from services.intake.api.trials import again_shown
from services.intake.console import reading_again
from services.intake.receiving.receive import Intake
from services.placement.desk.bills_tried import TryBills, tried
from services.placement.desk.frame import Parts
from services.placement.rules import rules_of
from services.placement.tables import facts as facts_table
from shared.scope import EVERYTHING
from shared.web.auth import Caller
from tests.databases import a_database, migrate
from tests.intake.conftest import Hospital
from tests.intake.web.test_trying import changed
from tests.servers import DatabaseServer


async def test_the_end_of_a_stay_that_is_read_otherwise_closes_its_bill_otherwise(
    own_intake: Intake, postgres: DatabaseServer
) -> None:
    hospital = Hospital(own_intake)
    await hospital.says(hospital.message("A01"), hospital.message("A03", "20260312010000"))
    [_, (end,)] = await hospital.rows("message_id")
    shown = await reading_again.preview(await changed(own_intake, zone="UTC"), end, EVERYTHING)
    assert shown
    stated = again_shown(shown)["stated"]
    assert [each["ce_type"] for each in stated] == ["care.discharged.v1"]
    async with a_database(postgres.url) as placement:
        await migrate(placement, "placement")
        async with placement.begin() as connection:
            for fact in await hospital.facts():
                row = {
                    "ce_id": fact.id, "type": fact.type, "writer": fact.writer, "episode_id": fact.subject,
                    "sequence": fact.sequence, "time": fact.time, "value": fact.body,
                }  # fmt: skip
                await connection.execute(sa.insert(facts_table), [row])
        parts = Parts(placement, rules_of(own_intake.site), own_intake.clock, lambda: "none")
        asked = TryBills.model_validate({"facts": stated})
        found = await tried(parts, Caller("ines", frozenset({"interface"}), frozenset({"GOODHEALTH"})), asked)
    (line,) = found.periods
    assert (line.change, line.period.level, found.behind) == ("changed", "inpatient", False)
    assert {"end_date", "discharged_at"} & set(line.changed)
