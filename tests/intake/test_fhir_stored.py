"""Stories told half by HL7 v2 and half by FHIR, in any order, through the database; the console with them."""

from __future__ import annotations

import random
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from services.intake.console import reading_again, texts
from services.intake.receiving.read import Answer, Received
from services.intake.receiving.receive import Intake
from shared.scope import EVERYTHING
from tests.intake.conftest import NOW, Hospital
from tests.intake.fhir_stories import by_fhir, by_v2, happens

STORIES = [
    [("transfer", "RES"), ("leave", ""), ("back", ""), ("discharge", "")],
    [("from-ed", ""), ("transfer", "3W"), ("transfer-cancelled", ""), ("transfer", "PHP1"), ("discharge", "")],
    [("begin-corrected", ""), ("discharge", ""), ("discharge-cancelled", ""), ("leave", "")],
    [("cancelled", "")],
]


def of_fhir(told: dict[str, Any]) -> Received:
    return Received(orjson.dumps(told), "fhir", NOW, fhir=True)


async def tell(intake: Intake, received: list[Received]) -> list[Answer]:
    return [(await intake.receive([intake.messages_of(one)]))[0] for one in received]


@pytest.mark.parametrize("moves", STORIES, ids=lambda moves: moves[0][0])
async def test_a_story_told_both_ways_stands_as_by_v2_alone(intake: Intake, moves: list[tuple[str, str]]) -> None:
    story, plain, mixed = happens(moves), Hospital(intake), Hospital(intake)
    chance = random.Random(len(moves))
    v2 = [by_v2(number, event, f"V-{plain.mrn}", plain.mrn) for number, event in enumerate(story)]
    await tell(intake, [Received(raw, "mllp", NOW) for raw in v2])
    told = [
        of_fhir(by_fhir(event, visit=f"V-{mixed.mrn}", mrn=mixed.mrn))
        if number % 2
        else Received(by_v2(number, event, f"V-{mixed.mrn}", mixed.mrn), "mllp", NOW)
        for number, event in enumerate(story)
    ]
    chance.shuffle(told)
    assert {answer.code for answer in await tell(intake, told)} == {"AA"}
    assert await mixed.standing() == await plain.standing()


async def test_the_console_shows_and_reads_an_encounter_again(intake: Intake) -> None:
    hospital = Hospital(intake)
    (event,) = happens([])
    told = by_fhir(event, visit=f"V-{hospital.mrn}", mrn=hospital.mrn)
    await tell(intake, [of_fhir(told)])
    query = sa.text("SELECT message_id, trigger, note FROM messages WHERE patient_id = :patient")
    async with intake.database.read() as connection:
        [row] = (await connection.execute(query, {"patient": await hospital.patient_id()})).all()
        opened = await texts.opened(connection, intake.seal, row.message_id, EVERYTHING)
    assert (row.trigger, row.note) == ("FHIR Encounter", "applied")
    assert opened is not None
    assert orjson.loads(opened.text) == told
    again = await reading_again.preview(intake, row.message_id, EVERYTHING)
    assert again is not None
    assert not again.anything
