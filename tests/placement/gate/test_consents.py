"""What goes out by a consent on a real database: for whom, what and when it says, until it is taken back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from services.placement.gate.apply import INBOX, apply
from services.placement.gate.tables import consents
from services.placement.gate.timers import look_again
from shared.clock import SetClock
from shared.messaging.positions import Incoming, Tally
from shared.storage.database import Database
from tests.builders import a_story, admitted, cancelled, discharged, fact, restated, transferred
from tests.placement.feeding import Feed
from tests.placement.gating import CLINIC, SLOT, Gate, consent, revoked
from tests.waiting import until

EMERGENCY: dict[str, Any] = {"class": "emergency"}


async def test_without_a_consent_nothing_that_is_labelled_goes_out_and_it_is_listed(gate: Gate) -> None:
    begun, ended = a_story(admitted(), discharged())
    await gate.bring(begun, ended)
    assert await gate.out() == []
    assert await gate.waiting() == [(begun.id, "no-consent"), (ended.id, "no-consent")]
    assert await gate.ledger() == []


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
