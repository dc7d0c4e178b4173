"""The gate on a real database: what goes out, in which order, what is kept back and when it is let go."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from typing import Any

import pytest
import sqlalchemy as sa

from services.placement.gate.apply import INBOX, apply
from services.placement.gate.recipients import gate_rules
from services.placement.gate.tables import consents, gate_facts
from services.placement.gate.timers import look_again
from shared.clock import SetClock
from shared.facts.tracing import trace_of
from shared.messaging.positions import Incoming, Tally
from shared.storage.database import Database
from shared.storage.tables import parked
from tests.builders import a_story, admitted, cancelled, discharged, fact, restated, transferred
from tests.placement.feeding import Feed
from tests.placement.gating import BOARD, CLINIC, SLOT, Gate, board, consent, revoked, site_with
from tests.waiting import until

FILLED = import_module("services.placement.migrations.versions.0013_gate_facts").FILLED
EMERGENCY: dict[str, Any] = {"class": "emergency"}


async def test_without_a_consent_nothing_that_is_labelled_goes_out_and_it_is_listed(gate: Gate) -> None:
    begun, ended = a_story(admitted(), discharged())
    await gate.bring(begun, ended)
    assert await gate.out() == []
    assert await gate.waiting() == [(begun.id, "no-consent"), (ended.id, "no-consent")]
    assert await gate.ledger() == []


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


async def test_a_consent_lets_out_what_was_withheld_in_the_order_of_the_episode(gate: Gate) -> None:
    story = a_story(admitted(), transferred(to="inpatient"), discharged(), consent())
    for one in story:
        await gate.bring(one)
    assert await gate.told() == [story[0].id, story[2].id], "a transfer is not for this recipient"
    assert [one.sequence for one in await gate.out()] == [1, 2]
    assert await gate.waiting() == []
    rows = await gate.ledger()
    assert [(row.fact_id, row.basis, row.basis_id, row.basis_fact) for row in rows] == [
        (story[0].id, "consent", "consent-1", story[3].id),
        (story[2].id, "consent", "consent-1", story[3].id),
    ]
    assert rows[0].fields == ["level"]
    assert [one.id for one in await gate.out()] == [row.disclosure_id for row in rows]


async def test_a_revoked_consent_stops_what_follows_and_what_went_out_stays_in_the_ledger(gate: Gate) -> None:
    story = a_story(consent(), admitted(), revoked(), discharged())
    for one in story:
        await gate.bring(one)
    assert await gate.told() == [story[1].id]
    assert await gate.waiting() == [(story[3].id, "revoked")]
    assert len(await gate.ledger()) == 1


async def test_a_consent_that_is_taken_back_in_the_same_batch_lets_nothing_out(gate: Gate) -> None:
    story = a_story(consent(), admitted(), revoked())
    await gate.bring(*story)
    assert await gate.out() == []
    assert await gate.waiting() == [(story[1].id, "revoked")]


@pytest.mark.parametrize("read", [0, 1], ids=["it has read nothing yet", "it has read the consent"])
@pytest.mark.parametrize("end", ["consent-revoked", "consent-expired"])
async def test_nothing_leaves_on_a_consent_once_care_episodes_says_that_its_end_was_seen(
    gate: Gate, feed: Feed, read: int, end: str
) -> None:
    """The gate is behind: what it has in front of it was stated while the consent stood."""
    story = a_story(consent(), admitted(), consent("2026-03-20 09:00", name=end), discharged())
    await gate.bring(*story[:read])
    await feed.bring(*story[:3])
    (told,) = await feed.sent("care.episodes")
    assert told.fact.as_json["seen"]["intake"] == 3
    for one in story[read:]:
        await gate.bring(one)
    assert await gate.told() == []
    assert {reason for _, reason in await gate.waiting()} == {end.removeprefix("consent-")}
    (kept,) = await _consents(gate)
    assert (kept.over, kept.ended_at) == (end.removeprefix("consent-"), gate.clock())


async def test_another_consent_of_the_patient_is_not_ended_with_it(gate: Gate, feed: Feed) -> None:
    story = a_story(consent(), consent(consent_id="consent-2"), revoked(), admitted())
    await feed.bring(*story)
    await gate.bring(*story)
    assert [one.value.basis.id for one in await gate.out()] == ["consent-2"]


async def test_what_the_gate_had_in_hand_is_sent_before_the_end_is_told_as_seen(gate: Gate, feed: Feed) -> None:
    story = a_story(consent(), admitted(), revoked())
    await feed.bring(*story[:2])
    await gate.bring(story[0])
    async with gate.database.begin() as connection:
        batch = [Incoming(SLOT, 1, story[1].subject.encode(), story[1])]
        line = await INBOX(connection, batch, Tally())
        await apply(connection, line, rules=gate.rules, clock=gate.clock, ids=gate.ids)
        telling = asyncio.create_task(feed.bring(story[2]))
        await until(partial(_somebody_waits, gate.database))
    await telling
    assert [one.topic for one in await feed.sent()][-2:] == [f"out.{CLINIC}", "care.episodes"]


async def _somebody_waits(database: Database) -> bool:
    query = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with database.read() as connection:
        return bool((await connection.execute(query)).scalar_one())


async def _consents(gate: Gate) -> list[Any]:
    async with gate.database.read() as connection:
        return list((await connection.execute(sa.select(consents))).all())


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"scope": ["SUD"]}, "not-in-scope"),
        ({"recipient": "somebody-else"}, "no-consent"),
        ({"discloser": "RIVERBEND"}, "other-discloser"),
        ({"purpose": "payment"}, "other-purpose"),
        ({"to": "2026-05-03"}, "expired"),
        ({"begins": "2026-05-05"}, "not-begun"),
        ({"to": "2026-05-04"}, None),
        ({"begins": "2026-05-04"}, None),
        ({"purpose": "tpo"}, None),
        ({"recipient": None, "class": "treating-provider"}, None),
        ({"recipient": None, "class": "payer"}, "no-consent"),
        ({"discloser": "goodhealth-network"}, None),
        ({"scope": ["PSY", "SUD", "PART2"]}, None),
    ],
)
async def test_a_consent_holds_for_whom_and_what_and_when_it_says(
    gate: Gate, terms: dict[str, Any], reason: str | None
) -> None:
    story = a_story(consent(**terms), admitted())
    await gate.bring(*story)
    assert [word for _, word in await gate.waiting()] == ([reason] if reason else [])
    assert len(await gate.out()) == (reason is None)


async def test_part_2_care_needs_a_basis_that_covers_it_and_goes_with_the_notice(gate: Gate) -> None:
    psy, sud = ("PSY",), ("PSY", "SUD", "PART2")
    story = a_story(consent(scope=psy), admitted(labels=sud, unit="RES"), consent(consent_id="c-2", scope=sud))
    await gate.bring(*story[:2])
    assert await gate.waiting() == [(story[1].id, "not-in-scope")]
    await gate.bring(story[2])
    (sent,) = await gate.out()
    assert "42 CFR 2.32" in (sent.value.notice or "")
    assert sent.value.basis.scope == ("PART2", "PSY", "SUD")


async def test_a_fact_that_says_less_than_its_unit_or_its_stay_is_about_the_same_care(gate: Gate) -> None:
    story = a_story(
        admitted(labels=(), unit="DTX"),
        discharged(labels=()),
        fact("aftercare-referred", writer="aftercare", labels=(), referral_id="r", kind="support-group"),
        fact("visit-started", visit="V9", labels=(), stay=("visit", "V9"), **EMERGENCY),
    )
    await gate.bring(*story)
    assert [one for one, _ in await gate.waiting()] == [one.id for one in story[:3]]
    assert await gate.told() == [story[3].id], "another stay, of which nothing is known"


async def test_a_correction_goes_to_whoever_got_what_it_corrects(gate: Gate) -> None:
    begun = admitted("2026-03-02 10:00")
    mended = restated(begun, level="residential")
    story = a_story(consent(), begun, mended, cancelled(mended))
    for one in story:
        await gate.bring(one)
    first, second, third = await gate.out()
    assert (second.value.replaces, second.value.content) == (begun.id, {"level": "residential"})
    assert (third.value.cancels, third.value.content) == (mended.id, {})
    assert [one.sequence for one in (first, second, third)] == [1, 2, 3]
    assert await gate.told(BOARD) == []
    assert [(row.corrects, row.corrected) for row in await gate.ledger()] == [
        (None, None),
        ("replaces", begun.id),
        ("cancels", mended.id),
    ]


async def test_what_never_went_out_is_corrected_in_silence(gate: Gate) -> None:
    begun = admitted()
    mended = restated(begun, level="residential")
    ended = discharged()
    story = a_story(begun, ended, mended, cancelled(ended))
    for one in story:
        await gate.bring(one)
    assert await gate.waiting() == [(mended.id, "no-consent")]
    await gate.bring(replace(consent(), sequence=5))
    (sent,) = await gate.out()
    assert sent.value.fact_id == mended.id
    assert sent.value.replaces is None


async def test_a_correction_that_may_not_go_out_any_more_is_withheld_and_goes_with_the_next_consent(gate: Gate) -> None:
    begun = admitted()
    mended = restated(begun, level="residential")
    story = a_story(consent(), begun, revoked(), mended, cancelled(mended), consent(consent_id="consent-2"))
    for one in story[:4]:
        await gate.bring(one)
    assert await gate.waiting() == [(mended.id, "revoked")]
    await gate.bring(story[4])
    assert await gate.waiting() == [(story[4].id, "revoked")], "the withheld correction is no more, its cancel waits"
    await gate.bring(story[5])
    last = (await gate.out())[-1]
    assert (last.value.cancels, last.value.fact_type) == (begun.id, "care.fact-cancelled.v1")
    assert await gate.waiting() == []


async def test_a_cancel_of_part_2_care_needs_what_the_fact_itself_needed(gate: Gate) -> None:
    sud = ("SUD", "PART2")
    begun = admitted(labels=sud, unit="DTX")
    story = a_story(consent(scope=sud), begun, revoked(), cancelled(begun, labels=()))
    for one in story:
        await gate.bring(one)
    assert await gate.waiting() == [(story[3].id, "revoked")]


async def test_a_cancel_that_comes_before_its_fact_keeps_it_in(gate: Gate) -> None:
    begun = admitted()
    first, second = a_story(cancelled(begun), begun)
    await gate.bring(replace(consent(), writer="intake", sequence=1))
    await gate.bring(replace(first, sequence=2))
    await gate.bring(replace(second, sequence=3))
    assert await gate.out() == []
    assert await gate.waiting() == []


async def test_another_writers_cancel_takes_nothing_back(gate: Gate) -> None:
    begun = admitted()
    story = a_story(consent(), begun, cancelled(begun, writer="aftercare"))
    for one in story:
        await gate.bring(one)
    assert await gate.told() == [begun.id]


async def test_a_consent_that_was_never_so_covers_nothing_any_more(gate: Gate) -> None:
    given = consent()
    story = a_story(given, admitted(), cancelled(given), discharged())
    for one in story:
        await gate.bring(one)
    assert await gate.told() == [story[1].id]
    assert await gate.waiting() == [(story[3].id, "cancelled")]


async def test_a_consent_restated_with_other_terms_is_the_one_that_counts(gate: Gate) -> None:
    given = consent(scope=("PSY",))
    story = a_story(given, admitted(), restated(given, scope=["SUD"]), discharged())
    for one in story:
        await gate.bring(one)
    assert await gate.told() == [story[1].id]
    assert await gate.waiting() == [(story[3].id, "not-in-scope")]


async def test_a_consent_whose_first_day_comes_lets_out_what_waited_for_it(gate: Gate, clock: SetClock) -> None:
    story = a_story(consent(begins="2026-05-06"), admitted())
    await gate.bring(*story)
    clock.at = datetime(2026, 5, 6, 3, 59, tzinfo=UTC)  # 23:59 in New York
    assert await gate.looks_again() == 0
    clock.forward(timedelta(minutes=1))
    assert await look_again(gate.database, gate.rules, clock=clock, ids=gate.ids) == 1
    assert await gate.told() == [story[1].id]
    assert await gate.looks_again() == 0


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


async def test_a_fact_told_again_does_not_go_out_again(gate: Gate) -> None:
    story = a_story(consent(), admitted())
    await gate.bring(*story)
    assert await gate.bring(*story) == {"repeated": 2}
    assert len(await gate.out()) == 1


async def test_a_fact_that_comes_too_early_waits_for_the_one_before_it(gate: Gate, database: Database) -> None:
    first, second, third = a_story(consent(), admitted(), discharged())
    assert await gate.bring(first, third) == {"applied": 1, "waiting": 1}
    assert await gate.out() == []
    assert await gate.bring(second) == {"applied": 2, "waiting": -1}
    assert await gate.told() == [second.id, third.id]
    async with database.read() as connection:
        assert (await connection.execute(sa.select(sa.func.count()).select_from(parked))).scalar_one() == 0


async def test_facts_about_nobody_outside_leave_no_trace_but_where_the_episode_stands(gate: Gate) -> None:
    await gate.bring(*a_story(fact("danced"), fact("assessed", instrument="LOCUS", version="20", phase="intake")))
    assert (await gate.out(), await gate.waiting(), await gate.ledger()) == ([], [], [])
    assert gate.total["applied"] == 2


async def test_many_episodes_in_one_batch_are_kept_apart(gate: Gate) -> None:
    told = [
        one
        for number in range(30)
        for one in a_story(*([consent(episode=f"e-{number}")] if number % 2 else []), admitted(episode=f"e-{number}"))
    ]
    await gate.bring(*told)
    assert {row.episode_id for row in await gate.ledger()} == {f"e-{number}" for number in range(1, 30, 2)}
    assert len(await gate.waiting()) == 15


async def test_what_leaves_is_in_the_trace_of_the_fact_that_let_it_out(gate: Gate) -> None:
    traces = [f"00-{digit * 32}-{digit * 16}-01" for digit in "123"]
    told = [
        replace(one, traceparent=trace)
        for one, trace in zip(a_story(admitted(), consent(), discharged()), traces, strict=True)
    ]
    for one in told:
        await gate.bring(one)
    found = [trace_of(one.traceparent) for one in await gate.out()]
    assert found == [trace_of(traces[1]), trace_of(traces[2])], "the consent's, then the discharge's own"


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "in two batches"])
async def test_another_fact_with_a_number_that_is_taken_is_refused(gate: Gate, together: bool) -> None:
    """As placement's other consumer does (decision 0171)."""
    begun = admitted(sequence=1)
    other = replace(discharged("2026-03-09 14:00"), sequence=1)
    if together:
        assert await gate.bring(begun, other) == {"applied": 1, "dead": 1}
    else:
        await gate.bring(begun)
        assert await gate.bring(other) == {"dead": 1}
    assert gate.refused == [(other.id, "another fact of this writer has this ce_sequence already")]
    assert await gate.waiting() == [(begun.id, "no-consent")]
    assert await gate.bring(begun) == {"repeated": 1}


async def test_another_fact_with_the_number_of_one_that_waits_is_refused(gate: Gate) -> None:
    begun, ended = a_story(admitted(), discharged())
    await gate.bring(ended)
    other = replace(discharged("2026-03-10 14:00"), sequence=2)
    assert await gate.bring(other) == {"dead": 1}
    assert await gate.bring(begun) == {"applied": 2, "waiting": -1}
    assert [fact for fact, _ in await gate.waiting()] == [begun.id, ended.id]


async def test_a_gate_of_an_older_database_knows_what_it_heard(gate: Gate, feed: Feed, database: Database) -> None:
    begun, ended = a_story(admitted(), discharged())
    await feed.bring(begun, ended)
    await gate.bring(begun)
    async with database.begin() as connection:
        await connection.execute(sa.delete(gate_facts))
        await connection.execute(sa.text(FILLED))
    assert await gate.bring(begun, replace(ended, sequence=1), ended) == {"applied": 1, "repeated": 1, "dead": 1}
