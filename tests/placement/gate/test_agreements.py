"""What goes out by a recipient's agreement, to each recipient of the site in a sequence of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from services.placement.gate.recipients import gate_rules
from shared.storage.database import Database
from tests.builders import a_story, admitted, discharged, fact
from tests.placement.gating import BOARD, CLINIC, Gate, board, consent, site_with

EMERGENCY: dict[str, Any] = {"class": "emergency"}


async def test_what_has_no_label_goes_by_the_recipients_agreement(gate: Gate) -> None:
    (seen,) = a_story(fact("visit-started", labels=(), stay=("visit", "V1"), **EMERGENCY))
    await gate.bring(seen)
    (sent,) = await gate.out()
    assert sent.as_json == {
        "recipient": CLINIC,
        "episode_id": seen.subject,
        "patient_id": "patient-1",
        "facility": "GOODHEALTH",
        "fact_id": seen.id,
        "fact_type": "care.visit-started.v1",
        "occurred_at": seen.as_json["occurred_at"],
        "content": {"class": "emergency"},
        "basis": {"kind": "service-agreement", "id": "valley-qsoa-2026", "purpose": "treatment", "scope": []},
        "disclosed_at": "2026-05-04T12:00:00Z",
    }
    assert (sent.type, sent.writer, sent.subject, sent.sequence) == (
        "out.disclosed.v1",
        "placement",
        seen.subject,
        1,
    )


async def test_an_agreement_that_the_site_adds_lets_out_what_it_covers(gate: Gate, database: Database) -> None:
    story = a_story(discharged(facility="RIVERBEND", level="php"))
    gate.rules = gate_rules(site_with(board(agreements=[])))
    await gate.bring(*story)
    assert await gate.waiting(BOARD) == [(story[0].id, "no-consent")]
    gate.rules = gate_rules(site_with(board()))
    assert await gate.looks_again() == 1
    assert (await gate.told(BOARD), await gate.looks_again()) == ([story[0].id], 0)
    assert [row.config for row in await gate.ledger()] == [gate.rules.version]


async def test_a_recipient_that_the_site_took_away_gets_nothing_more(gate: Gate) -> None:
    story = a_story(discharged(facility="RIVERBEND"), admitted(facility="RIVERBEND"), consent(discloser="RIVERBEND"))
    await gate.bring(story[0], story[1])
    gate.rules = replace(gate.rules, outsiders={}, version="another")
    await gate.bring(story[2])
    assert await gate.out() == []
    assert await gate.waiting() == [(story[0].id, "no-consent"), (story[1].id, "no-consent")]


async def test_each_recipient_has_its_own_sequence_and_its_own_facilities(gate: Gate) -> None:
    story = a_story(
        consent(discloser="RIVERBEND"),
        discharged(facility="GOODHEALTH"),
        discharged(facility="RIVERBEND", visit="V2"),
    )
    await gate.bring(*story)
    assert [(one.sequence, one.value.fact_id) for one in await gate.out(BOARD)] == [(1, story[2].id)]
    assert [(one.sequence, one.value.fact_id) for one in await gate.out()] == [(1, story[2].id)]
    assert await gate.waiting() == [(story[1].id, "other-discloser")]
