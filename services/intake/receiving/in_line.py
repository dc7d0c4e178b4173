"""The visits that a batch touches, brought in line with their messages, within its transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from services.intake.hl7.model import VisitMessage
from services.intake.people.names import PersonReport as OfPerson
from services.intake.people.names import keeping
from services.intake.receiving import store, visits_store
from services.intake.receiving.assign import VisitAssignment, assign_unnamed_visits, assign_visits
from services.intake.receiving.derive_apart import StoredMessage
from services.intake.receiving.read import InboundMessage
from services.intake.visits.death_facts import Known, Provenance, deaths, hear
from services.intake.visits.derive import Derived
from services.intake.visits.reconcile import (
    EpisodeSequences,
    PersonMessage,
    VisitChanges,
    VisitRecord,
    mapping_of,
    reconcile,
)
from shared.facts.envelope import to_record
from shared.messaging import outbox
from shared.storage.database import Connection
from shared.storage.statements import Writes

if TYPE_CHECKING:
    from services.intake.receiving.receive import Intake

TOPIC = "care.events"
OTHERS_VISIT = "another patient of the facility has a visit of this number"


def numbered(message: InboundMessage) -> store.Numbered | None:
    """The visit that a message names by a number."""
    number = message.adt.visit_number if message.adt else None
    return (message.patient_id, message.facility, number) if message.patient_id and number else None


def is_long(inbound: Iterable[InboundMessage], intake: Intake) -> bool:
    """Whether one of these is about a patient who is known for a long visit."""
    return intake.long_visits.has(key for message in inbound for key in message.keys)


async def settle(
    connection: Connection, inbound: Sequence[InboundMessage], unsure: set[str], loaded: store.Loaded, intake: Intake
) -> Writes:
    """Give messages to their visits and bring these in line: what is to be written. `unsure`: patients of whom any
    message names no visit."""
    found = assign_visits(inbound, loaded.visits, unsure)
    found.settle(hear(loaded.deaths, heard(inbound)))
    await store.doubt(connection, found.unsure - unsure)
    stored = {key: visit for key, visit in found.stored.items() if key not in loaded.filled}
    long = is_long(inbound, intake)
    meant = None
    if long and not found.unsure:
        await visits_store.fill_standing(connection, stored)
        meant = await _meant_apart(connection, found, inbound, loaded.deaths, intake)
    else:
        await store.fill(connection, stored, intake.long_visits.aside if long else None)
    for visit in found.untouched:
        loaded.ledger.learn(visit)
    _doubt_numbers(inbound, loaded.elsewhere)
    known = (loaded.ledger, loaded.deaths)
    settled, writes = await brought_in_line(connection, found, inbound, known, intake, meant=meant)
    _note(inbound, settled)
    return writes + keeping(_tellings(inbound), loaded.persons, intake.seal)


def _doubt_numbers(inbound: Sequence[InboundMessage], elsewhere: Collection[store.Numbered]) -> None:
    """Warn of visit numbers that another patient of the facility has, or gets in this batch."""
    told = [(message, each) for message in inbound if (each := numbered(message))]
    patients: dict[tuple[str, str], set[str]] = defaultdict(set)
    for _, (patient, *number) in told:
        patients[number[0], number[1]].add(patient)
    for message, each in told:
        if each in elsewhere or len(patients[each[1:]]) > 1:
            message.warn(OTHERS_VISIT)


async def _meant_apart(
    connection: Connection, found: VisitAssignment, inbound: Sequence[InboundMessage], of_deaths: Known, intake: Intake
) -> dict[str, Derived]:
    """What the touched visits mean with these messages: their messages go to the other process as they are stored."""

    async def pages() -> AsyncIterator[list[StoredMessage]]:
        async for page in store.said_of(connection, found.stored):
            yield page
        yield [
            StoredMessage(message.visit_id, message.message_id, message.arrived_at, message.values)
            for message in inbound
            if message.visit_id is not None and message.values is not None
        ]

    _whether_alive(found.touched.values(), of_deaths)
    return await intake.long_visits.apart.derive(found.touched, pages())


def _whether_alive(visits: Iterable[VisitRecord], of_deaths: Known) -> None:
    for visit in visits:
        visit.alive = of_deaths.record((visit.patient_id, visit.facility)).alive


def _tellings(inbound: Iterable[InboundMessage]) -> list[OfPerson]:
    """What messages say of persons, in the order said."""
    told = [
        OfPerson(message.patient_id, message.facility, message.person, message.adt.stated_at)
        for message in inbound
        if message.adt is not None and message.patient_id is not None
    ]
    return sorted(told, key=lambda each: each.said_at)


async def brought_in_line(
    connection: Connection,
    found: VisitAssignment,
    inbound: Sequence[InboundMessage],
    known: tuple[EpisodeSequences, Known],
    intake: Intake,
    *,
    meant: Mapping[str, Derived] | None = None,
) -> tuple[list[VisitChanges], Writes]:
    """Settle the touched visits, which are filled (or `meant`); what is to be written of them, and to be sent."""
    ledger, of_deaths = known
    ledger.traces |= {message.message_id: message.trace for message in inbound if message.trace}
    for message in inbound:
        if message.visit_id is not None and message.adt is not None:
            told = VisitMessage(message.adt, message.message_id, message.arrived_at)
            found.touched[message.visit_id].messages.append(told)
            found.touched[message.visit_id].newest = told
    if found.unsure:
        await _find_visits(connection, found, inbound, intake)
    visits = list(found.touched.values())
    _whether_alive(visits, of_deaths)
    now = intake.clock()  # once: all that a transaction states has one time, and ids that sort as it was stated
    settled = await _in_line(visits, ledger, inbound, intake, now=now, meant=meant)
    newest = {patient: said for patient, _, said in heard(inbound)}
    died = deaths(of_deaths, settled, newest, Provenance(ledger, intake.site, now))
    new = {message.message_id for message in inbound}
    changed = [note for each in settled for note in each.notes if note.message_id not in new]
    stated = [*(one for each in settled for one in each.stated), *died.stated]
    said = [to_record(one.fact, TOPIC) for one in stated]
    writes = visits_store.keep_settled(settled, died, ledger, mapping_of(intake.site))
    return settled, [*writes, *store.keep_notes(changed), *outbox.sending(connection, said)]


async def _in_line(
    visits: Sequence[VisitRecord],
    ledger: EpisodeSequences,
    inbound: Sequence[InboundMessage],
    intake: Intake,
    *,
    now: datetime,
    meant: Mapping[str, Derived] | None,
) -> list[VisitChanges]:
    """The visits, settled; who has one that has become long is known from now on."""
    given = (visits, ledger, intake.site, now, meant)
    sizes = {visit.visit_id: len(visit.messages) for visit in visits}
    if meant is not None or max(sizes.values(), default=0) <= intake.long_visits.long:
        return reconcile(*given)
    for message in inbound:
        intake.long_visits.learn(message.keys, sizes.get(message.visit_id or "", 0))
    return await intake.long_visits.aside(reconcile, *given)


def heard(inbound: Sequence[InboundMessage]) -> list[PersonMessage]:
    """What was said of persons, whatever the visit: deaths are read from it."""
    return [
        PersonMessage(
            message.patient_id, message.facility, VisitMessage(message.adt, message.message_id, message.arrived_at)
        )
        for message in inbound
        if message.adt is not None and message.patient_id is not None
    ]


async def _find_visits(
    connection: Connection, found: VisitAssignment, inbound: Sequence[InboundMessage], intake: Intake
) -> None:
    """The visits of messages that name none; where one lies elsewhere now, that is stored."""
    found.strays += await store.strays_of(connection, found.unsure)
    if is_long(inbound, intake):
        moved = await intake.long_visits.aside(assign_unnamed_visits, found, intake.site)
    else:
        moved = assign_unnamed_visits(found, intake.site)
    for message in inbound:
        message.visit_id = moved.pop(message.message_id, message.visit_id)
    await store.move(connection, moved)


def _note(inbound: Sequence[InboundMessage], settled: Sequence[VisitChanges]) -> None:
    notes = {note.message_id: note for each in settled for note in each.notes}
    for message in inbound:
        if message.message_id in notes:
            _, message.note, message.reason = notes[message.message_id]
