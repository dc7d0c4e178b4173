"""Brings the visits that a batch touches in line with their messages: what is to be written in its transaction."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING

from services.intake.hl7.model import VisitMessage
from services.intake.people.names import keeping
from services.intake.people.person import PersonReport
from services.intake.receiving import store, visits_store
from services.intake.receiving.assign import VisitAssignment, assign_unsure_visits, assign_visits
from services.intake.receiving.derive_apart import StoredMessage
from services.intake.receiving.merges import merging
from services.intake.receiving.merges import store as merges_store
from services.intake.receiving.merges.merging import Kin, MergeChanges, Stating
from services.intake.receiving.read import InboundMessage
from services.intake.receiving.shared_numbers import numbered, settle
from services.intake.visits import codes
from services.intake.visits.cancels import OTHER_TIME
from services.intake.visits.death_facts import KnownDeaths, Provenance, add_reports, deaths
from services.intake.visits.derive import Derived, Note
from services.intake.visits.reconcile import (
    EpisodeSequences,
    PersonMessage,
    VisitChanges,
    VisitRecord,
    mapping_of,
    reconcile,
)
from services.intake.visits.repetition import REPEATED, goes_on
from shared.facts.envelope import to_record
from shared.messaging import outbox
from shared.site.units import PATIENT_CLASSES
from shared.storage.database import Connection
from shared.storage.statements import Writes

if TYPE_CHECKING:
    from services.intake.receiving.receive import Intake

TOPIC = "care.events"
NOT_AT_THAT_TIME = "nothing of that kind stands at the time of EVN-6; the last one said is cancelled"


def is_long(inbound: Iterable[InboundMessage], intake: Intake) -> bool:
    """Whether any message is about a patient who is known to have a long visit (long_visits.py)."""
    known = intake.long_visits
    return known.known and known.has(key for message in inbound for key in message.keys)


async def reconcile_batch(
    connection: Connection, inbound: Sequence[InboundMessage], unsure: set[str], loaded: store.Loaded, intake: Intake
) -> Writes:
    """Assign messages to visits and bring these in line; returns what is to be written. `unsure`: the patients
    whose visits can't be told apart by visit numbers alone."""
    found = assign_visits(inbound, loaded.visits, unsure)
    found.touch(add_reports(loaded.deaths, person_messages(inbound)))
    kin = await _kin(connection, found, inbound, intake)
    conflicts = await _shared_numbers(connection, inbound, found, loaded, intake, kin=kin)
    await store.mark_unsure(connection, found.unsure - unsure)
    if kin is not None:
        found.touch_all_of(kin.patients)  # for this batch: all of their messages are assigned anew
    stored = {key: visit for key, visit in found.stored.items() if key not in loaded.filled}
    long = is_long(inbound, intake)
    derived = None
    if long and not found.unsure and kin is None:
        await visits_store.fill_standing(connection, stored)
        derived = await _derived_apart(connection, found, inbound, loaded.deaths, intake)
    else:
        await store.fill(connection, stored, intake.long_visits.in_thread if long else None)
    await _fill_repetitions(connection, found, inbound, loaded.filled, intake)
    for visit in found.untouched:
        loaded.sequences.learn(visit)
    _warn_of_classes(inbound, intake)
    known = (loaded.sequences, loaded.deaths)
    changes, writes = await brought_in_line(connection, found, inbound, known, intake, derived=derived, kin=kin)
    _set_notes(inbound, [note for each in changes for note in each.notes])
    if kin is not None:
        _set_notes(inbound, kin.notes())
    return writes + conflicts + keeping(_person_reports(inbound), loaded.persons, intake.seal)


async def _kin(
    connection: Connection, found: VisitAssignment, inbound: Sequence[InboundMessage], intake: Intake
) -> Kin | None:
    """Whom statements bring together with the batch's patients, the batch's statements stored; all their visits are
    touched. None, at no cost, where there is nobody."""
    together = {each for message in inbound for each in message.kin}
    if not together:
        return None
    told = [one for message in inbound for one in message.statements]
    found.touched |= {each.visit_id: each for each in found.known.values() if each.patient_id in together}
    return await merging.keep(connection, together, told, intake.clock())


async def _fill_repetitions(
    connection: Connection,
    found: VisitAssignment,
    inbound: Sequence[InboundMessage],
    filled: Collection[str],
    intake: Intake,
) -> None:
    """Load the repeated messages of those touched visits that cannot be derived without them."""
    quiet = {key: visit for key, visit in found.stored.items() if key in filled and visit.quiet_until is not None}
    news: dict[str, list[VisitMessage]] = defaultdict(list)
    for message in inbound if quiet else ():
        if message.visit_id in quiet and message.said is not None:
            news[message.visit_id].append(message.said)
    needed = {
        key: visit
        for key, visit in quiet.items()
        if visit.patient_id in found.unsure
        or not (visit.quiet_until and news[key] and goes_on(news[key], visit.messages, visit.quiet_until))
    }
    if needed:
        await store.fill_repetitions(connection, needed, intake.long_visits.in_thread)


async def _shared_numbers(
    connection: Connection,
    inbound: Iterable[InboundMessage],
    found: VisitAssignment,
    loaded: store.Loaded,
    intake: Intake,
    *,
    kin: Kin | None,
) -> Writes:
    """Note when visit numbers were first said; of those that another patient of the facility has, or gets in this
    batch, warn, and hold the visits of all but the first. Returns the writes of such conflicts. Of merged patients
    (`kin`) a number is one's, and what was held of it is free."""
    shared: list[tuple[InboundMessage | None, store.Numbered]] = []
    patients: dict[tuple[str, str], set[str]] = defaultdict(set)
    told = [(message, each) for message in inbound if (each := numbered(message, intake.places))]
    for message, each in told:
        visit = found.known[each]
        visit.said_at = message.said_at if visit.said_at is None else min(visit.said_at, message.said_at)
        patients[each[1:]].add(each[0])
    for message, each in told:
        if each in loaded.elsewhere or len(patients[each[1:]]) > 1:
            shared.append((message, each))
    if kin is not None:
        shared += [(None, place) for place, visit in found.known.items() if visit.held]
    return [*await settle(connection, found, shared, loaded, intake, kin=kin)] if shared else []


def _warn_of_classes(inbound: Iterable[InboundMessage], intake: Intake) -> None:
    """Warn of a PV1-2 that HL7 does not have, where the unit asks it (contract 6, What class)."""
    for message in inbound:
        adt = message.adt
        if adt is None or adt.patient_class is None or adt.patient_class in PATIENT_CLASSES:
            continue
        if adt.patient_class.upper() not in PATIENT_CLASSES and codes.asks_class(adt, intake.places):
            message.warn(codes.CLASS_UNMAPPED)


async def _derived_apart(
    connection: Connection,
    found: VisitAssignment,
    inbound: Sequence[InboundMessage],
    of_deaths: KnownDeaths,
    intake: Intake,
) -> dict[str, Derived]:
    """What the touched visits mean, these messages included: derived in the other process (derive_apart.py), which gets
    the messages as they are stored."""

    sizes: Counter[str] = Counter()

    async def pages() -> AsyncIterator[list[StoredMessage]]:
        async for page in store.said_of(connection, found.stored):
            sizes.update(each.visit_id for each in page if each.reason != REPEATED)
            yield page
        yield [
            StoredMessage(message.visit_id, message.message_id, message.arrived_at, message.values)
            for message in inbound
            if message.visit_id is not None and message.values is not None
        ]

    _set_alive(found.touched.values(), of_deaths)
    derived = await intake.long_visits.apart.derive(found.touched, pages())
    left = [sizes[key] - len(each.superseded) for key, each in derived.items()]
    if any(each.superseded for each in derived.values()) and max(left) <= intake.long_visits.long:
        intake.long_visits.forget(key for message in inbound for key in message.keys)
    return derived


def _set_alive(visits: Iterable[VisitRecord], of_deaths: KnownDeaths) -> None:
    """Note on each visit when its facility last took a death of the patient back."""
    for visit in visits:
        visit.alive = of_deaths.record((visit.patient_id, visit.facility)).alive


def _person_reports(inbound: Iterable[InboundMessage]) -> list[tuple[str, PersonReport]]:
    """Patients, and the messages that say something of them, in the order said."""
    every = sorted(inbound, key=attrgetter("said_at"))
    told = [(each.patient_id, each) for each in every if each.adt is not None and each.patient_id is not None]
    sides = [one for each in every for one in each.sides]
    return [*told, *sides]


async def brought_in_line(
    connection: Connection,
    found: VisitAssignment,
    inbound: Sequence[InboundMessage],
    known: tuple[EpisodeSequences, KnownDeaths],
    intake: Intake,
    *,
    derived: Mapping[str, Derived] | None = None,
    kin: Kin | None = None,
) -> tuple[list[VisitChanges], Writes]:
    """Bring the touched visits in line; returns their changes, and the writes of these, of facts and of the outbox.

    The visits have their stored messages, or are `derived` (visit id → what its messages mean). `known`: what is known
    of episodes and of deaths; `kin`: whom statements bring together, of whom all visits are touched.
    """
    sequences, of_deaths = known
    sequences.traces |= {message.message_id: message.trace for message in inbound if message.trace}
    for message in inbound:
        if message.visit_id is not None and message.said is not None:
            visit = found.touched[message.visit_id]
            visit.messages.append(message.said)
            visit.newest = message.said
    if kin is not None:
        await _as_merged(connection, found, inbound, kin)
    if found.unsure:
        await _find_visits(connection, found, inbound, intake)
    visits = list(found.touched.values())
    _set_alive(visits, of_deaths)
    now = intake.clock()  # once: all that a transaction states has one time, and ids that sort as it was stated
    changes = await _in_line(visits, sequences, inbound, intake, now=now, derived=derived)
    newest = {each.patient_id: each.said for each in inbound if each.patient_id is not None and each.said is not None}
    died = deaths(of_deaths, changes, newest, Provenance(sequences, intake.places, now))
    new = {message.message_id for message in inbound}
    notes = [note for each in changes for note in each.notes if note.message_id not in new]
    merged = MergeChanges()
    if kin is not None:
        told_by = inbound[-1].message_id if inbound else None
        merged = await merging.restated(connection, kin, changes, died, Stating(sequences, intake.places, now, told_by))
        notes += [note for note in kin.notes() if note.message_id not in new]
    stated = [*[one for each in changes for one in each.stated], *died.stated]
    said = [to_record(one.fact, TOPIC) for one in stated]
    said += [to_record(fact, TOPIC) for _, fact, _ in merged.stated]
    writes = visits_store.keep_changes(changes, died, sequences, mapping_of(intake.site), merged.episodes)
    writes += merged.writes()
    if left := [one for each in changes for one in each.superseded.items()]:
        writes += store.keep_superseded(left)
    return changes, [*writes, *store.keep_notes(notes), *outbox.sending(connection, said)]


async def _in_line(
    visits: Sequence[VisitRecord],
    sequences: EpisodeSequences,
    inbound: Sequence[InboundMessage],
    intake: Intake,
    *,
    now: datetime,
    derived: Mapping[str, Derived] | None,
) -> list[VisitChanges]:
    """The changes of the visits. A patient with a visit that has become long is remembered (long_visits.py)."""
    given = (visits, sequences, intake.places, now, derived)
    if derived is not None or max([len(visit.messages) for visit in visits], default=0) <= intake.long_visits.long:
        return reconcile(*given)
    sizes = {visit.visit_id: _news(visit) for visit in visits}
    for message in inbound:
        intake.long_visits.learn(message.keys, sizes.get(message.visit_id or "", 0))
    return await intake.long_visits.in_thread(reconcile, *given)


def _news(visit: VisitRecord) -> int:
    """How many of a visit's messages are read each time."""
    repeated = {message_id for message_id, (_, reason) in visit.notes.items() if reason == REPEATED}
    return len(visit.messages) - len(repeated | visit.superseded)


def person_messages(inbound: Sequence[InboundMessage]) -> list[PersonMessage]:
    """The messages as they concern persons, whatever the visit: deaths are read from them."""
    return [
        PersonMessage(message.patient_id, message.facility, message.said)
        for message in inbound
        if message.said is not None and message.patient_id is not None
    ]


async def _find_visits(
    connection: Connection, found: VisitAssignment, inbound: Sequence[InboundMessage], intake: Intake
) -> None:
    """Find the visits of the unsure patients' messages, and store it of those whose visit is another than before."""
    found.unnamed += await store.unnamed_of(connection, found.unsure)
    if is_long(inbound, intake):
        moved = await intake.long_visits.in_thread(assign_unsure_visits, found, intake.places)
    else:
        moved = assign_unsure_visits(found, intake.places)
    if found.whose is not None:
        for visit in found.touched.values():
            visit.record_number = found.whose.record_number(visit)
    flagged = {each for visit in found.touched.values() for each in visit.superseded} - moved.keys()
    for visit in found.touched.values() if flagged else ():
        visit.superseded = flagged & {said.message_id for said in visit.messages}
    for message in inbound:
        message.visit_id = moved.pop(message.message_id, message.visit_id)
    await store.move(connection, moved)


async def _as_merged(
    connection: Connection, found: VisitAssignment, inbound: Sequence[InboundMessage], kin: Kin
) -> None:
    """Have the messages of patients whom statements bring together assigned anew, each to the visit that it is of by
    what merges and moves say."""
    named = await merges_store.named_by(connection, found.stored)
    named |= {message.message_id: message.patient_id for message in inbound if message.patient_id}
    found.whose = kin.belonging(named)
    found.touch_all_of(kin.patients)


def _set_notes(inbound: Sequence[InboundMessage], told: Iterable[Note]) -> None:
    """Set on the batch's messages what became of them."""
    notes = {note.message_id: note for note in told}
    for message in inbound:
        if message.message_id in notes:
            _, message.note, message.reason = notes[message.message_id]
            if message.reason == OTHER_TIME:
                message.warn(NOT_AT_THAT_TIME)
