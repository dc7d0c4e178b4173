"""Whether intake's database says what its messages say (contract 5, as far as it lies here), for `stepdown verify`.

Reads only, each page at one instant, so that it may run beside the doors. Names what is broken by ids, never by values.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

from services.intake.receiving import store, views, visits_store
from services.intake.receiving.deaths_store import known_of
from services.intake.visits.death_facts import Provenance, deaths
from services.intake.visits.derive import difference
from services.intake.visits.reconcile import VisitRecord, mapping_of, wanted_of
from shared.invariants import Broken, Checked, nobody
from shared.messaging import outbox
from shared.messaging.positions import counted
from shared.site.config import Site
from shared.storage.database import Database

PAGE = 500
LANE = "hospital.adt"
"""The topic whose records wait in a lane where the patient's visit is long."""
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
"""Nothing is stated at it: facts are compared without when they were recorded."""


async def broken(
    database: Database, site: Site, *, page: int = PAGE, checked: Checked = nobody
) -> AsyncIterator[Broken]:
    """Every breakage: visits, episodes, outbox, positions.

    The outbox is empty when nothing goes on (contract 5.6); whoever calls this knows whether that is so.
    """
    async for what in _visits(database, site, page, checked):
        yield what
    async for what in _deaths(database, site, page):
        yield what
    async for what in _sequences(database, page):
        yield what
    async with database.read() as connection:
        await views.at_one_instant(connection)
        waiting = (await outbox.unsent(connection)).total()
        stands = await views.where_consumers_stand(connection)
        lane = await views.in_lane(connection)
    if waiting:
        yield Broken(6, "outbox", f"{waiting} records wait")
    for row in stands:
        if not counted(row):
            name = f"position {row['consumer']}/{row['partition']}"
            yield Broken(6, name, "its counts do not add up to what was received")
        if row["topic"] == LANE and row["waiting"] != lane.get(row["partition"], 0):
            yield Broken(6, f"position {row['consumer']}/{row['partition']}", "not as many records wait as it counts")


async def warnings(database: Database) -> list[str]:
    """What breaks no promise, and somebody should look at: patients whom the first version may have made of two people.

    Nobody can be told apart by what is stored of them; the hospital's own records say which message was whose.
    """
    async with database.read() as connection:
        found = await views.joined(connection)
    return [f"patient {patient} stands joined without a merge: {', '.join(why)}" for patient, why in found]


async def _visits(database: Database, site: Site, page: int, checked: Checked) -> AsyncIterator[Broken]:
    after: str | None = ""
    while after is not None:
        async with database.read() as connection:
            await views.at_one_instant(connection)
            rows = await views.visits_after(connection, after, page)
            await store.fill(connection, {visit.visit_id: visit for visit, _ in rows})
            told = await known_of(connection, {visit.patient_id for visit, _ in rows})
        for visit, mapping in rows:
            visit.alive = told.record((visit.patient_id, visit.facility)).alive
            for what in _of_visit(visit, mapping, site):
                yield Broken(1, f"visit {visit.visit_id}", what)
        checked(1, sum(len(visit.messages) for visit, _ in rows))
        after = rows[-1][0].visit_id if len(rows) == page else None


def _of_visit(visit: VisitRecord, mapping: str, site: Site) -> Iterator[str]:
    """Acknowledged means applied: the facts that stand are those that all of its messages together give."""
    if mapping != mapping_of(site):
        yield "its facts were derived with another site config"
        return
    derived = wanted_of(visit, site)
    out = difference(visit.standing, derived.facts)
    if out.state:
        yield f"{len(out.state)} facts that its messages give do not stand"
    if out.cancel:
        yield f"{len(out.cancel)} facts stand that its messages do not give"
    if any(visit.notes.get(note.message_id) != note[1:] for note in derived.notes):
        yield "what is noted of its messages is not what became of them"


async def _deaths(database: Database, site: Site, page: int) -> AsyncIterator[Broken]:
    """A death that was told, and not taken back, stands in every episode of the patient, and no other does."""
    after: str | None = ""
    while after is not None:
        async with database.read() as connection:
            await views.at_one_instant(connection)
            patients = await views.told_of_deaths_after(connection, after, page)
            ledger, known = await visits_store.ledger_of(connection, patients), await known_of(connection, patients)
        died = deaths(known, [], {}, Provenance(ledger, site, _ANY_TIME))
        for episode in sorted({one.fact.subject for one in died.stated}):
            yield Broken(1, f"episode {episode}", "what stands of the patient's death is not what was told of it")
        after = patients[-1] if len(patients) == page else None


async def _sequences(database: Database, page: int) -> AsyncIterator[Broken]:
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
    """(consent, from when on nothing may leave on it) of every revocation that was answered as done."""
    return database.rows(views.REVOKED)


def episodes(database: Database) -> AsyncIterator[tuple[str, int]]:
    """(episode, version) of what care.episodes told."""
    return database.rows(views.ALL_TOLD)
