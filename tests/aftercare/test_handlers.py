"""Documents and the clock against the real database: what is stored, sent, counted, listed, and that it checks."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.aftercare.checks import broken
from services.aftercare.decisions.windows import wanted
from services.aftercare.engine import views
from services.aftercare.engine.apply import Rules, apply, decide_again, state_due
from services.aftercare.tables import METADATA, entries, episodes, facts
from services.aftercare.timers import whole_round
from services.aftercare.windows.measures import windows
from shared.clock import SetClock
from shared.events.follow_ups import FollowUp
from shared.messaging.outbox import stored
from shared.messaging.positions import Tally
from shared.scope import EVERYTHING
from shared.site.config import SAMPLE, load
from shared.storage.database import Database
from shared.storage.desk_tables import DESK
from shared.storage.tables import KEYS, PLUMBING
from tests.aftercare.builders import LEFT, SLOT, content, day, document, episode, incoming, inpatient, stay, told
from tests.aftercare.test_domain import _STAYS, contents, ordered

SITE = load(SAMPLE)


def rules(at: Any = LEFT) -> Rules:
    return Rules(SITE, SetClock(at))


async def take_in(database: Database, *values: dict[str, Any], by: Rules | None = None) -> Counter[str]:
    """Apply documents in one batch; what came of them."""
    tally = Tally()
    async with database.begin() as connection:
        await apply(by or rules(), connection, incoming(*values), tally)
    return tally.total()


async def look(database: Database, at: Any) -> None:
    """A whole round of the timer at a time."""
    await whole_round(database, rules(at), state_due)


async def sent(database: Database) -> list[str]:
    """What is in the outbox: names and sequences."""
    async with database.read() as connection:
        rows = await stored(connection)
    heads = [dict(row.headers) for row in rows]
    assert {row.topic for row in rows} <= {"care.events"}
    return [f"{h['ce_sequence'].decode()} {h['ce_type'].decode()[5:-3]}" for h in heads]


async def windows_sent(database: Database) -> list[str]:
    """What is in the outbox of follow-up windows: names."""
    names = [each.split()[1] for each in await sent(database)]
    return [name for name in names if name.startswith("follow-up-")]


async def listed(database: Database, **more: Any) -> dict[str, str]:
    async with database.read() as connection:
        given = {"state": None, "scope": EVERYTHING, "after": None, "limit": 100, **more}
        return {row.measure: row.state for row in await views.list_follow_ups(connection, **given)}


async def sound(database: Database, at: Any = LEFT) -> None:
    async with database.read() as connection:
        assert await broken(connection, SITE, SetClock(at)) == []


async def test_a_discharge_is_remembered_listed_and_sent_in_order(database: Database) -> None:
    assert await take_in(database, document(inpatient())) == {"applied": 1}
    assert await sent(database) == ["1 follow-up-due", "2 follow-up-due"]
    assert await listed(database) == {"FUH-7": "due", "FUH-30": "due"}
    await sound(database)


async def test_what_goes_out_names_the_document_that_caused_it(database: Database) -> None:
    await take_in(database, document(inpatient()))
    async with database.read() as connection:
        row = (await stored(connection))[0]
    assert row.key == b"E1"
    assert dict(row.headers)["ce_causationid"] == b"doc-E1-1"
    assert orjson.loads(row.value or b"")["measure"] == "FUH-7"


async def test_an_older_version_is_ignored_and_the_same_one_a_repeat(database: Database) -> None:
    await take_in(database, document(inpatient(), version=3))
    older = document(inpatient(None), version=2)
    again = document(inpatient(), version=3)
    assert await take_in(database, older, again) == {"ignored": 1, "repeated": 1}
    assert len(await sent(database)) == 2


async def test_of_several_versions_in_a_batch_the_last_one_speaks(database: Database) -> None:
    values = [document(inpatient(), version=1), document(inpatient(None), version=2)]
    assert await take_in(database, *values) == {"applied": 2}
    assert await sent(database) == []
    await sound(database)


async def test_a_type_that_is_not_known_is_ignored(database: Database) -> None:
    tally = Tally()
    [one] = incoming(document(inpatient()))
    async with database.begin() as connection:
        await apply(rules(), connection, [one._replace(fact=told(one.fact.as_json, type="care.episode.v9"))], tally)
    assert tally.counts[SLOT] == {"ignored": 1}
    assert await sent(database) == []


async def test_a_discharge_taken_back_takes_its_windows_off_the_list(database: Database) -> None:
    await take_in(database, document(inpatient()))
    await take_in(database, document(inpatient(None), version=2))
    assert (await sent(database))[2:] == ["3 fact-cancelled", "4 fact-cancelled"]
    assert await listed(database) == {}
    await sound(database)


async def test_the_timer_states_missed_once_and_again_only_when_the_next_window_is_over(database: Database) -> None:
    await take_in(database, document(inpatient()))
    await look(database, day(8, 0) - timedelta(seconds=1))
    assert len(await windows_sent(database)) == 2
    for at in (day(8, 0), day(8, 0), day(12)):
        await look(database, at)
    assert (await windows_sent(database))[2:] == ["follow-up-missed"]
    assert await listed(database) == {"FUH-7": "missed", "FUH-30": "due"}
    await look(database, day(40))
    await look(database, day(41))
    assert (await windows_sent(database))[3:] == ["follow-up-missed"]
    await sound(database, day(41))


async def test_many_windows_over_at_once_are_stated_in_parts(database: Database) -> None:
    await take_in(database, *(document(inpatient(), episode_id=f"E{n:02}") for n in range(12)))
    by = rules(day(8))
    after: str | None = ""
    parts = []
    while after is not None:
        async with database.begin() as connection:
            done = await state_due(by, connection, after, 5)
        after = done.last
        parts.append(after)
    assert parts == ["E04", "E09", "E11", None]
    assert Counter(await windows_sent(database)) == {"follow-up-due": 24, "follow-up-missed": 12}
    await sound(database, day(8))


async def test_the_timer_and_documents_at_one_time_leave_every_episode_sound(database: Database) -> None:
    names = [f"E{n:02}" for n in range(30)]
    await take_in(database, *(document(inpatient(), episode_id=name) for name in names))
    seen = [document(inpatient(), stay("php", day(2), id="S"), version=2, episode_id=name) for name in reversed(names)]
    await asyncio.gather(
        look(database, day(8)),
        *(take_in(database, *seen[n : n + 10], by=rules(day(8))) for n in (0, 10, 20)),
        look(database, day(8)),
    )
    assert await listed(database) == {"FUH-7": "kept", "FUH-30": "kept"}
    await sound(database, day(8))


async def test_a_visit_before_the_timer_looks_leaves_nothing_to_miss(database: Database) -> None:
    await take_in(database, document(inpatient(), stay("php", day(1), id="S")))
    await look(database, day(60))
    assert await listed(database) == {"FUH-7": "kept", "FUH-30": "kept"}


@pytest.mark.parametrize("more", [{"search": "open"}, {"next_start": "2026-04-20"}])
async def test_the_timer_remembers_that_the_next_level_is_on_its_way(database: Database, more: dict[str, Any]) -> None:
    await take_in(database, document(inpatient(), **more))
    await look(database, day(4))
    assert not any("aftercare-started" in name for name in await sent(database))
    await take_in(database, document(inpatient(), version=2))
    await look(database, day(4))
    assert any("aftercare-started" in name for name in await sent(database))


async def test_a_changed_site_config_is_decided_by_anew(database: Database) -> None:
    await take_in(database, document(inpatient()))
    [seven, _] = SITE.follow_ups
    other = SITE.model_copy(update={"follow_ups": (seven.model_copy(update={"last_day": 5}),)})
    del other.__dict__["version"]
    async with database.read() as connection:
        assert [b.promise for b in await broken(connection, other, SetClock(LEFT))] == ["windows-follow-the-stays"]
    by = Rules(other, SetClock(LEFT))
    await whole_round(database, by, decide_again)
    assert (await sent(database))[2:] == ["3 fact-cancelled", "4 follow-up-due"]
    assert await listed(database) == {"FUH-7": "due"}
    async with database.read() as connection:
        assert await broken(connection, other, SetClock(LEFT)) == []


async def test_what_the_first_version_stored_is_decided_anew_at_the_start_and_then_checks(database: Database) -> None:
    """Its documents have days attended as text, its lists no plan before aftercare starts, its config another hash."""
    await take_in(database, document(inpatient(), stay("iop", day(-20), id="S"), search="open"))
    async with database.begin() as connection:
        text = sa.text("jsonb_set(document, '{stays,1,attended}', '[\"2026-04-03\"]')")
        await connection.execute(sa.update(episodes).values(document=text, site_version="of the first version"))
        await connection.execute(sa.delete(entries))
    await whole_round(database, rules(), decide_again)
    assert (await sent(database))[2:] == ["3 follow-up-kept", "4 follow-up-kept"]
    async with database.read() as connection:
        assert await broken(connection, SITE, SetClock(LEFT)) == []


async def test_an_episode_whose_facility_left_the_config_does_not_stop_the_others(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await take_in(database, *(document(inpatient(), episode_id=f"E{n}") for n in range(3)))
    gone = document(inpatient(facility="RIVERBEND"), episode_id="E1", version=2)
    await take_in(database, gone)
    small = SITE.model_copy(update={"facilities": SITE.facilities[:1]})
    for name in ("version", "_facilities"):
        small.__dict__.pop(name, None)
    await whole_round(database, Rules(small, SetClock(day(8))), state_due)
    assert [s for s in await sent(database) if "missed" in s] == ["3 follow-up-missed"] * 2
    assert "facility that site config lacks" in caplog.text


async def test_a_fact_that_stands_without_reason_is_found(database: Database) -> None:
    await take_in(database, document(inpatient()))
    async with database.begin() as connection:
        await connection.execute(sa.update(facts).where(facts.c.sequence == 1).values(stands=False))
    async with database.read() as connection:
        found = await broken(connection, SITE, SetClock(LEFT))
    assert {b.promise for b in found} == {"taken-back-is-gone", "lists-are-the-facts", "windows-follow-the-stays"}
    assert {b.subject for b in found} == {"E1"}


async def test_a_gap_in_our_own_sequence_is_found(database: Database) -> None:
    await take_in(database, document(inpatient()))
    async with database.begin() as connection:
        await connection.execute(sa.update(facts).where(facts.c.sequence == 2).values(sequence=3))
    async with database.read() as connection:
        assert "sequences-have-no-gap" in {b.promise for b in await broken(connection, SITE, SetClock(LEFT))}


async def test_the_migration_makes_the_tables_that_the_code_knows(migrated: Database) -> None:
    known = sa.MetaData()
    for table in (*METADATA.sorted_tables, *PLUMBING.sorted_tables, *KEYS.sorted_tables, *DESK.sorted_tables):
        table.to_metadata(known)

    def differences(connection: sa.Connection) -> Any:
        return compare_metadata(MigrationContext.configure(connection), known)

    async with migrated.read() as connection:
        found = await connection.run_sync(differences)
    assert [d for d in found if "audit_subject" not in str(d) and "parked_since" not in str(d)] == []


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    versions=st.lists(_STAYS, min_size=1, max_size=5),
    seed=st.integers(0, 2**16),
    looks=st.lists(st.integers(0, 60), max_size=2),
)
async def test_in_any_order_of_arrival_with_repeats_the_last_version_decides(
    database: Database, versions: list[list[dict[str, Any]]], seed: int, looks: list[int]
) -> None:
    name, shuffled = f"E-{uuid.uuid4().hex}", random.Random(seed)
    values = [document(*stays, version=n, episode_id=name) for n, stays in enumerate(versions, 1)]
    arriving = values + shuffled.choices(values, k=2)
    shuffled.shuffle(arriving)
    for value in arriving:
        await take_in(database, value)
        if looks:
            await look(database, day(looks[shuffled.randrange(len(looks))]))
    last = episode(*versions[-1], episode_id=name, version=len(versions))
    await look(database, day(61))
    async with database.read() as connection:
        stored = (await views.facts_of(connection, [name]))[name]
    due = windows(last, SITE.follow_ups, SITE.zone)
    ought = wanted(last, due, (), LEFT, over_by=day(61))
    assert [each.fact.sequence for each in stored] == list(range(1, len(stored) + 1))
    standing = [each.fact for each in stored if each.stands and isinstance(each.fact.value, FollowUp)]
    assert contents(standing) == [content(f) for f in ordered(ought)]
