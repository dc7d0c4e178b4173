"""Facts that are not stated yet change bills as placement would change them once they are."""

from __future__ import annotations

import sqlalchemy as sa

from services.intake.api.trials import again_shown
from services.intake.console import reading_again
from services.intake.receiving.receive import Intake
from services.placement.tables import facts as facts_table
from shared.scope import EVERYTHING
from tests.databases import a_database, migrate
from tests.intake.conftest import Hospital
from tests.intake.web.test_trying import changed
from tests.servers import DatabaseServer
from tools.site_diff.bills import bills_with


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
        url = placement.engine.url.render_as_string(hide_password=False)
        async with placement.begin() as connection:
            for fact in await hospital.facts():
                row = {
                    "ce_id": fact.id, "type": fact.type, "writer": fact.writer, "episode_id": fact.subject,
                    "sequence": fact.sequence, "time": fact.time, "value": fact.body,
                }  # fmt: skip
                await connection.execute(sa.insert(facts_table), [row])
        (line,) = await bills_with(url, own_intake.site, stated)
    assert (line.change, line.level) == ("changed", "inpatient")
    assert {"end_date", "discharged_at"} & set(line.fields)
