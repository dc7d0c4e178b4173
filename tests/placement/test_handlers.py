"""What a batch of facts does to placement's database, and what goes out of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from services.placement.engine import apply, publish
from services.placement.gate.tables import GATE
from services.placement.tables import METADATA, facts
from shared.events.episodes import read_episode
from shared.facts.envelope import Fact
from shared.facts.tracing import begun_with, trace_of
from shared.messaging.inbox import OwnFactAhead
from shared.messaging.positions import Incoming, Tally
from shared.storage.database import Database
from shared.storage.desk_tables import DESK
from shared.storage.tables import KEYS, PLUMBING, parked
from tests.builders import (
    a_story,
    admitted,
    attended,
    cancelled,
    covered,
    discharged,
    fact,
    of_episode,
    transferred,
    with_value,
)
from tests.placement.feeding import SLOT, Feed, Sent
from tests.waiting import until
from tools.documents.schemas import TYPES

EPISODE = "episode-1"


def stay() -> tuple[Fact, Fact]:
    """A01 on 2 March, A03 on 9 March."""
    begun, ended = a_story(admitted("2026-03-02 10:00"), discharged("2026-03-09 14:00"))
    return replace(begun, correlation_id="message-1"), replace(ended, correlation_id="message-2")


def names(sent: list[Sent]) -> list[str]:
    return [one.fact.name for one in sent]


async def test_an_admission_makes_an_active_episode_with_an_open_period(feed: Feed) -> None:
    assert await feed.bring(stay()[0]) == {"applied": 1}
    row = await feed.row(EPISODE)
    assert (row.state, row.level, row.facility, row.patient_id) == ("active", "inpatient", "GOODHEALTH", "patient-1")
    assert (row.seen, row.version) == ({"intake": 1}, 1)
    assert names(await feed.sent("billing.service-periods")) == ["service-period-opened"]
    (period,) = await feed.billed(EPISODE)
    assert (period["start_date"], period.get("end_date"), period["patient_status"]) == ("2026-03-02", None, "30")


async def test_a_discharge_closes_the_period_and_leaves_the_episode_between(feed: Feed) -> None:
    begun, ended = stay()
    await feed.bring(begun)
    await feed.bring(ended)
    row = await feed.row(EPISODE)
    assert (row.state, row.level, row.version) == ("between", None, 2)
    assert names(await feed.sent("billing.service-periods")) == ["service-period-opened", "service-period-closed"]
    (period,) = await feed.billed(EPISODE)
    assert (period["end_date"], period["patient_status"]) == ("2026-03-09", "01")


async def test_what_another_batch_sends_while_the_episode_is_waited_for_is_known(feed: Feed) -> None:
    begun, ended, payer = a_story(
        admitted("2026-03-02 10:00"), discharged("2026-03-09 14:00"), covered("2026-03-10 10:00")
    )
    await feed.bring(begun)
    async with feed.database.begin() as connection:
        line = await apply.INBOX(connection, [Incoming(SLOT, 1, EPISODE.encode(), ended)], Tally())
        await apply.apply(connection, line, rules=feed.rules, clock=feed.clock, ids=feed.ids)
        waiting = asyncio.create_task(feed.bring(payer))
        await until(partial(somebody_waits, feed.database))
    assert await waiting == {"applied": 1}
    sent = [(one.fact.name, one.headers["ce_sequence"]) for one in await feed.sent("billing.service-periods")]
    assert sent == [("service-period-opened", "1"), ("service-period-closed", "2"), ("service-period-amended", "3")]


async def somebody_waits(database: Database) -> bool:
    query = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return bool(await database.alone(query))


async def test_every_record_says_what_it_is_and_what_caused_it(feed: Feed) -> None:
    begun, ended = stay()
    await feed.bring(begun, ended)
    period = (await feed.billed(EPISODE))[0]
    sent = await feed.sent()
    for one in sent:
        came_in = trace_of(one.headers.pop("traceparent"))
        assert came_in == trace_of(begun_with("message-2")), "in the trace of the fact that caused it"
    search, first, second, latest, episode = sent
    common = {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_source": "/stepdown/placement",
        "ce_time": "2026-05-04T12:00:00+00:00",
        "ce_sequencetype": "Integer",
        "ce_correlationid": "message-2",
        "ce_causationid": ended.id,
    }
    period_id = first.value["period_id"]
    wanted = {"ce_type": "care.search-opened.v1", "ce_subject": EPISODE, "ce_sequence": "1", "ce_id": "own-2"}
    assert (search.topic, search.key, search.headers) == ("care.events", EPISODE, common | wanted)
    opened = {"ce_type": "billing.service-period-opened.v1", "ce_subject": period_id, "ce_sequence": "1"}
    closed = {"ce_type": "billing.service-period-closed.v1", "ce_subject": period_id, "ce_sequence": "2"}
    assert (first.topic, first.key, first.headers) == (
        "billing.service-periods", EPISODE, common | opened | {"ce_id": "own-3"},
    )  # fmt: skip
    assert (second.topic, second.key, second.headers) == (
        "billing.service-periods", EPISODE, common | closed | {"ce_id": "own-4"},
    )  # fmt: skip
    assert (latest.topic, latest.key, latest.headers) == ("billing.periods", period_id, second.headers)
    said = {"ce_type": "care.episode.v1", "ce_subject": EPISODE, "ce_sequence": "1", "ce_id": "own-5"}
    assert (episode.topic, episode.key, episode.headers) == ("care.episodes", EPISODE, common | said)
    assert read_episode(episode.value).seen == {"intake": 2, "placement": 1}
    assert read_episode(episode.value).search == "open"
    assert period.items() <= second.value.items()


async def test_a_cancelled_discharge_opens_the_period_again(feed: Feed) -> None:
    begun, ended, taken_back = a_story(*stay(), cancelled(stay()[1]))
    taken_back = with_value(taken_back, taken_back.as_json | {"cancels": ended.id})
    for one in (begun, ended, taken_back):
        await feed.bring(one)
    row = await feed.row(EPISODE)
    assert (row.state, row.level, row.version) == ("active", "inpatient", 3)
    assert names(await feed.sent("billing.service-periods"))[-1] == "service-period-amended"
    (period,) = await feed.billed(EPISODE)
    assert "end_date" not in period


async def test_a_step_is_announced_and_taken_back_with_what_it_came_from(feed: Feed) -> None:
    begun, moved, taken_back = a_story(admitted(), moved := transferred("2026-03-05 09:00"), cancelled(moved))
    await feed.bring(begun)
    await feed.bring(moved)
    (step,) = await feed.sent("care.events")
    assert (step.fact.type, step.fact.writer, step.fact.sequence) == ("care.stepped-down.v1", "placement", 1)
    assert (step.key, step.fact.causation_id) == (EPISODE, moved.id)
    assert (await feed.row(EPISODE)).seen == {"intake": 2, "placement": 1}
    await feed.bring(taken_back)
    gone = (await feed.sent("care.events"))[-1]
    assert (gone.fact.name, gone.fact.sequence, gone.value["cancels"]) == ("fact-cancelled", 2, step.fact.id)
    assert gone.value["reason"] == "derived-away"
    assert [one.ce_id for one in await feed.kept(EPISODE) if one.writer == "placement"] == [step.fact.id, gone.fact.id]
    assert names(await feed.sent("billing.service-periods"))[-2:] == ["service-period-voided", "service-period-amended"]
    assert [period["level"] for period in await feed.billed(EPISODE)] == ["inpatient"]


async def test_what_placement_said_itself_comes_back_as_a_repeat(feed: Feed) -> None:
    await feed.bring(*a_story(admitted(), transferred("2026-03-05 09:00")))
    said = [one.fact for one in await feed.relayed() if one.topic == "care.events"]
    assert said
    assert await feed.bring(*said) == {"repeated": len(said)}
    assert await feed.sent() == []
    assert (await feed.row(EPISODE)).version == 1


async def test_a_fact_told_again_changes_nothing(feed: Feed) -> None:
    story = stay()
    assert await feed.bring(*story, story[0]) == {"applied": 2, "repeated": 1}
    await feed.relayed()
    assert await feed.bring(*story) == {"repeated": 2}
    assert (await feed.sent(), (await feed.row(EPISODE)).version) == ([], 1)


async def test_a_fact_that_comes_early_waits_for_the_one_before(feed: Feed, database: Database) -> None:
    begun, ended = stay()
    assert await feed.bring(ended) == {"waiting": 1}
    assert ((await feed.row(EPISODE)).version, await feed.sent(), await feed.kept(EPISODE)) == (0, [], [])
    assert await feed.bring(ended) == {"repeated": 1}
    other = admitted(episode="episode-2", sequence=1)
    assert await feed.bring(begun, other) == {"applied": 3, "waiting": -1}
    assert +feed.total == {"applied": 3, "repeated": 1}
    assert (await feed.row(EPISODE)).state == "between"
    async with database.read() as connection:
        assert (await connection.execute(sa.select(parked))).all() == []


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "in two batches"])
async def test_another_fact_with_a_number_that_is_taken_is_refused(feed: Feed, together: bool) -> None:
    begun = stay()[0]
    other = replace(discharged("2026-03-09 14:00"), sequence=1)
    if together:
        assert await feed.bring(begun, other) == {"applied": 1, "dead": 1}
    else:
        await feed.bring(begun)
        assert await feed.bring(other) == {"dead": 1}
    assert feed.refused == [(other.id, "another fact of this writer has this ce_sequence already")]
    assert (await feed.row(EPISODE)).state == "active"


async def test_another_fact_with_the_number_of_one_that_waits_is_refused(feed: Feed) -> None:
    begun, ended = stay()
    await feed.bring(ended)
    other = replace(discharged("2026-03-10 14:00"), sequence=2)
    assert await feed.bring(other) == {"dead": 1}
    await feed.bring(begun)
    assert [one.ce_id for one in await feed.kept(EPISODE) if one.writer == "intake"] == [begun.id, ended.id]


@pytest.mark.parametrize("sequence", [1, 2], ids=["the next number", "a later one"])
async def test_an_own_fact_that_a_restored_database_does_not_know_is_neither_applied_nor_parked_nor_refused(
    feed: Feed, database: Database, sequence: int
) -> None:
    (begun,) = a_story(admitted())
    with pytest.raises(OwnFactAhead, match=r"care\.events, partition 0"):
        await feed.bring(begun, attended(sequence=sequence))
    assert feed.refused == []
    async with database.read() as connection:
        assert (await connection.execute(sa.select(parked))).all() == []
        assert (await connection.execute(sa.select(facts))).all() == []
    assert await feed.bring(begun) == {"applied": 1}, "what others said goes on"


async def test_an_own_fact_that_comes_back_is_a_repeat(feed: Feed) -> None:
    await feed.bring(*stay())
    own = [one.fact for one in await feed.sent("care.events")]
    assert own
    assert await feed.bring(*own) == {"repeated": len(own)}


async def test_an_own_fact_that_comes_back_does_not_wait_for_who_works_on_its_episode(feed: Feed) -> None:
    await feed.bring(*stay())
    own = [one.fact for one in await feed.sent("care.events")]
    async with feed.database.begin() as connection:
        await connection.execute(sa.text("SELECT FROM episodes FOR UPDATE"))
        async with asyncio.timeout(10):
            assert await feed.bring(*own) == {"repeated": len(own)}


async def test_another_own_fact_with_a_number_that_is_taken_is_refused_among_those_that_come_back(feed: Feed) -> None:
    await feed.bring(*stay())
    own = [one.fact for one in await feed.sent("care.events")]
    other = replace(own[0], id="of a database that is lost")
    assert await feed.bring(*own, other, *own) == {"repeated": 2 * len(own), "dead": 1}
    assert feed.refused == [(other.id, "another fact of this writer has this ce_sequence already")]


async def test_a_type_that_nobody_knows_is_kept_and_counts(feed: Feed) -> None:
    begun, unknown, ended = a_story(admitted(), fact("danced", "2026-03-03 10:00"), discharged())
    assert await feed.bring(begun, unknown, ended) == {"applied": 3}
    row = await feed.row(EPISODE)
    assert (row.state, row.seen, row.ineffective) == ("between", {"intake": 3, "placement": 1}, 0)
    assert await feed.bring(replace(fact("danced", episode="episode-2"), sequence=1)) == {"applied": 1}
    (said,) = [one for one in await feed.sent("care.episodes") if one.key == "episode-2"]
    assert read_episode(said.value).state == "void"


async def test_a_late_fact_takes_its_clinical_place(feed: Feed) -> None:
    begun, ended, paid = a_story(admitted(), discharged(), covered("2026-03-04 10:00", effective="2026-03-04"))
    await feed.bring(begun, ended)
    await feed.bring(paid)
    found = [(one["payer"], one["start_date"], one["end_date"]) for one in await feed.billed(EPISODE)]
    assert found == [("unknown", "2026-03-02", "2026-03-04"), ("ACME", "2026-03-04", "2026-03-09")]


async def test_everything_that_goes_out_is_as_its_model_says(feed: Feed) -> None:
    story = a_story(
        *(admitted(), covered(), discharged("2026-03-09 14:00")),
        *(admitted("2026-03-20", visit="V2"), transferred("2026-03-25 09:00", visit="V2")),
    )
    for one in story:
        await feed.bring(one)
    sent = await feed.sent()
    assert {"stepped-down", "readmitted", "episode", "service-period-closed"} <= set(names(sent))
    for record in sent:
        told = TYPES[record.fact.type].model_validate(record.value)
        assert not told.model_extra, record.fact.type
    given = [record.fact.id for record in sent if record.topic != "billing.periods"]
    assert len(given) == len(set(given))


async def test_a_batch_of_many_episodes_is_written_in_parts_and_all_of_it(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "PART", 2)
    every = [of_episode(f"episode-{nth}", one) for nth in range(5) for one in stay()]
    assert await feed.bring(*every) == {"applied": 10}
    rows = [await feed.row(f"episode-{nth}") for nth in range(5)]
    assert [(row.state, row.version, row.seen["intake"]) for row in rows] == [("between", 1, 2)] * 5
    assert [len(await feed.billed(f"episode-{nth}")) for nth in range(5)] == [1] * 5
    assert sorted(one.fact.subject for one in await feed.sent("care.episodes")) == [
        f"episode-{nth}" for nth in range(5)
    ]


async def test_each_batch_is_told_to_the_audit_once_for_each_kind(feed: Feed) -> None:
    story = a_story(admitted(), transferred("2026-03-05 09:00"), discharged())
    await feed.bring(*story, admitted(episode="episode-2", sequence=1))
    assert await feed.audited() == [
        ("placement", "facts-applied", "care.events", 4),
        ("placement", "facts-stated", "care.events", 2),
    ]


async def test_the_migrations_make_the_tables_that_the_code_has(database: Database) -> None:
    def differences(connection: sa.Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        known = sa.MetaData()
        for table in (
            *METADATA.tables.values(),
            *GATE.tables.values(),
            *PLUMBING.tables.values(),
            *KEYS.tables.values(),
            *DESK.tables.values(),
        ):
            table.to_metadata(known)
        found = compare_metadata(context, known)
        return [one for one in found if "audit_subject" not in str(one) and "parked_since" not in str(one)]

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
