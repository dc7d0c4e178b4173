"""Checks of intake's database for `stepdown verify`: whether its facts are those that its messages mean (contract 5).

They only read, each page as at one instant, so they may run beside the open doors. What is broken is named by ids.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

from services.intake.hl7.mapping import FacilityMap
from services.intake.receiving import store, views, visits_store
from services.intake.receiving.deaths_store import known_of
from services.intake.receiving.merges import store as merges_store
from services.intake.receiving.merges.checking import unsaid
from services.intake.visits.death_facts import Provenance, deaths
from services.intake.visits.derive import difference
from services.intake.visits.reconcile import VisitRecord, mapping_of, wanted_of
from shared.invariants import Broken, Checked, nobody
from shared.messaging import outbox
from shared.messaging.positions import all_positions
from shared.site.config import Site
from shared.storage.database import Database

PAGE = 500
LANE = "hospital.adt"
"""The topic whose records wait in a lane of their own where the patient has a long visit (receiving/lane/)."""
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
"""A placeholder for `recorded_at`, which is not compared."""


async def broken(
    database: Database, site: Site, *, page: int = PAGE, checked: Checked = nobody
) -> AsyncIterator[Broken]:
    """All that is broken of visits, deaths, sequences, outbox and positions.

    Records in the outbox count as broken (contract 5.6): the caller has waited until the system is idle. `checked` is
    told how much was looked at, `page` is how many rows are read at a time.
    """
    async for what in _visits(database, site, page, checked):
        yield what
    async for what in _merges(database, site, page):
        yield what
    async for what in _deaths(database, site, page):
        yield what
    async for what in _sequences(database, page):
        yield what
    async with database.read() as connection:
        await views.at_one_instant(connection)
        waiting = (await outbox.unsent(connection)).total()
        stands = await all_positions(connection)
        lane = await views.in_lane(connection)
    if waiting:
        yield Broken(6, "outbox", f"{waiting} records wait")
    for one in stands:
        name = f"position {one.consumer}/{one.partition}"
        if not one.adds_up:
            yield Broken(6, name, "its counts do not add up to what was received")
        if one.topic == LANE and one.waiting != lane.get(one.partition, 0):
            yield Broken(6, name, "not as many records wait as it counts")


async def warnings(database: Database) -> list[str]:
    """What breaks no promise but should be looked at: patients whom the first version may have made of two people.

    What is stored does not tell the two apart; the hospital's own records say which message was whose.
    """
    async with database.read() as connection:
        found = await views.joined(connection)
    return [f"patient {patient} stands joined without a merge: {', '.join(why)}" for patient, why in found]


async def _visits(database: Database, site: Site, page: int, checked: Checked) -> AsyncIterator[Broken]:
    """What is broken of visits, page by page."""
    places = FacilityMap(site)
    after: str | None = ""
    while after is not None:
        async with database.read() as connection:
            await views.at_one_instant(connection)
            rows = await views.visits_after(connection, after, page)
            await store.fill(connection, {visit.visit_id: visit for visit, _ in rows})
            told = await known_of(connection, {visit.patient_id for visit, _ in rows})
        for visit, mapping in rows:
            visit.alive = told.record((visit.patient_id, visit.facility)).alive
            for what in _of_visit(visit, mapping, places):
                yield Broken(1, f"visit {visit.visit_id}", what)
        checked(1, sum(len(visit.messages) for visit, _ in rows))
        after = rows[-1][0].visit_id if len(rows) == page else None


def _of_visit(visit: VisitRecord, mapping: str, places: FacilityMap) -> Iterator[str]:
    """What is wrong with a visit: the facts that stand must be those that all of its messages together mean."""
    if mapping != mapping_of(places.site):
        yield "its facts were derived with another site config"
        return
    derived = wanted_of(visit, places)
    out = difference(visit.standing, derived.facts)
    if out.state:
        yield f"{len(out.state)} facts that its messages give do not stand"
    if out.cancel:
        yield f"{len(out.cancel)} facts stand that its messages do not give"
    if any(visit.notes.get(note.message_id) != note[1:] for note in derived.notes):
        yield "what is noted of its messages is not what became of them"


async def _merges(database: Database, site: Site, page: int) -> AsyncIterator[Broken]:
    """Of patients whom statements bring together, what says who is whom, and the copies, must be what these mean."""
    places = FacilityMap(site)
    after: str | None = ""
    while after is not None:
        async with database.read() as connection:
            await views.at_one_instant(connection)
            groups = await merges_store.groups_after(connection, after, page)
            for first, patients in groups:
                wrong = await unsaid(connection, patients, places, _ANY_TIME)
                if wrong:
                    yield Broken(1, f"patient {first}", f"{wrong} facts of merges and links are not what was said")
        after = groups[-1][0] if len(groups) == page else None


async def _deaths(database: Database, site: Site, page: int) -> AsyncIterator[Broken]:
    """A death that was told and not taken back must stand in every episode of the patient, and no other may."""
    places = FacilityMap(site)
    after: str | None = ""
    while after is not None:
        async with database.read() as connection:
            await views.at_one_instant(connection)
            patients = await views.told_of_deaths_after(connection, after, page)
            sequences = await visits_store.sequences_of(connection, patients)
            known = await known_of(connection, patients)
        died = deaths(known, [], {}, Provenance(sequences, places, _ANY_TIME))
        for episode in sorted({one.fact.subject for one in died.stated}):
            yield Broken(1, f"episode {episode}", "what stands of the patient's death is not what was told of it")
        after = patients[-1] if len(patients) == page else None


async def _sequences(database: Database, page: int) -> AsyncIterator[Broken]:
    """The episodes whose facts are not numbered without a gap (contract 5.2)."""
    after: str | None = ""
    while after is not None:
        async with database.read() as connection:
            await views.at_one_instant(connection)
            gaps, after = await views.sequences_after(connection, after, page)
        for episode in gaps:
            yield Broken(2, f"episode {episode}", "its sequences are not 1, 2, 3 … up to the last one given")


def facts(database: Database) -> AsyncIterator[tuple[str, str, int, str]]:
    """(writer, episode, sequence, ce_id) of every fact that intake stated, those of an episode in order."""
    return database.rows(views.ALL_FACTS)


def revoked(database: Database) -> AsyncIterator[tuple[str, datetime]]:
    """(consent, time) of every revocation that was answered as done: from that time on nothing may leave on the
    consent."""
    return database.rows(views.REVOKED)


def episodes(database: Database) -> AsyncIterator[tuple[str, int]]:
    """(episode, version) as intake last read them on care.episodes."""
    return database.rows(views.ALL_TOLD)
