"""What facilities told of patients' deaths → a `patient-died` for each of their episodes. Pure.

Contract 3.1 and 3.6 rule 13. What is known comes in (`KnownDeaths`), what is to be written comes out (`DeathChanges`).
An episode that begins after the death was told gets the fact, too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from operator import itemgetter
from typing import NamedTuple

from msgspec import structs

from services.intake.hl7.mapping import FacilityMap
from services.intake.hl7.model import VisitMessage
from services.intake.visits.death_reports import Death, DeathRecord, death_of, mentions_death, with_ends, with_messages
from services.intake.visits.desired import DesiredFact, FactKey, heading
from services.intake.visits.difference import ActiveFact, difference
from services.intake.visits.reconcile import ENDS, EpisodeSequences, NewFact, PersonMessage, VisitChanges
from shared.events import CareFact, type_name
from shared.events.stays import PatientDied
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact

DIED = PatientDied.TYPE
Teller = tuple[str, str]
"""(patient, the facility that told of the death)."""


@dataclass(slots=True)
class KnownDeaths:
    """What facilities told, the facts of it that stand (patient → key → fact), and whose records have changed since."""

    records: dict[Teller, DeathRecord] = field(default_factory=dict)
    standing: dict[str, dict[FactKey, ActiveFact]] = field(default_factory=lambda: defaultdict(dict))
    changed: set[Teller] = field(default_factory=set)

    def record(self, teller: Teller) -> DeathRecord:
        """What a facility told of a patient's death, up to now."""
        return self.records.get(teller, DeathRecord())

    def change(self, teller: Teller, record: DeathRecord) -> None:
        """Put a record in the place of the one before, and note whether it differs."""
        if record != self.record(teller):
            self.records[teller] = record
            self.changed.add(teller)


@dataclass(slots=True)
class DeathChanges:
    """What is to be written: records that changed, facts, ce_ids that no longer stand."""

    records: dict[Teller, DeathRecord] = field(default_factory=dict)
    stated: list[NewFact] = field(default_factory=list)
    fallen: list[str] = field(default_factory=list)


class Provenance(NamedTuple):
    """What facts are stated with: the episodes and their sequences, the site's tables, and when (`recorded_at`)."""

    sequences: EpisodeSequences
    places: FacilityMap
    now: datetime


def add_reports(known: KnownDeaths, messages: Iterable[PersonMessage]) -> set[str]:
    """Add what messages say of deaths. Returns the ids of visits that are to be derived again: those that ended with a
    death by what the same facility told, which may be taken back now."""
    said: dict[Teller, list[VisitMessage]] = defaultdict(list)
    for patient, facility, message in messages:
        if mentions_death(message.adt):
            said[patient, facility].append(message)
    for teller, messages_of in said.items():
        known.change(teller, with_messages(known.record(teller), messages_of))
    return {visit_id for teller in said for visit_id in known.record(teller).ends}


def _see_ends(known: KnownDeaths, changes: Iterable[VisitChanges], places: FacilityMap) -> None:
    """Bring the records in line with how these visits' stays ended."""
    for each in changes:
        teller = (each.visit.patient_id, each.visit.facility)
        ends = _ends(each, places)
        if ends or each.visit.visit_id in known.record(teller).ends:
            known.change(teller, with_ends(known.record(teller), each.visit.visit_id, ends))


def _ends(changes: VisitChanges, places: FacilityMap) -> list[tuple[VisitMessage, datetime]]:
    """(message, time) of the ends of a visit's stays whose disposition is a death by the site's table."""
    found: list[tuple[VisitMessage, datetime]] = []
    for fact in changes.facts:
        code = fact.value.disposition.code if isinstance(fact.value, ENDS) and fact.value.disposition else None
        if code and places.disposition(changes.visit.facility, code).kind == "deceased":
            told = {one.message_id: one for one in changes.visit.messages}
            found.append((told[fact.said_by], fact.value.occurred_at))
    return found


def deaths(
    known: KnownDeaths, changes: Iterable[VisitChanges], newest: Mapping[str, VisitMessage], provenance: Provenance
) -> DeathChanges:
    """What is to be written so that the facts say what was told and how visits ended; empty where they do.

    `newest`: the last message of each patient, as the cause of what is cancelled.
    """
    _see_ends(known, changes, provenance.places)
    found = DeathChanges({teller: known.records[teller] for teller in known.changed})
    told: dict[str, list[tuple[str, DeathRecord]]] = defaultdict(list)  # by patient: a batch may have hundreds of them
    for (patient, facility), record in sorted(known.records.items(), key=itemgetter(0)):
        told[patient].append((facility, record))
    for patient, records in told.items():
        writer = _DeathWriter(patient, newest.get(patient), provenance)
        out = difference(known.standing.get(patient, {}), _wanted(patient, records, provenance))
        found.fallen += [one.ce_id for one in out.fallen]
        found.stated += out.said(writer.back, writer.out)
    return found


def _wanted(patient: str, records: Iterable[tuple[str, DeathRecord]], provenance: Provenance) -> Iterator[DesiredFact]:
    """The facts that ought to stand of a patient: one for each facility that tells a death, in each episode.

    `records`: what each facility told, in the order of their names."""
    for facility, record in records:
        death = death_of(record)
        place = provenance.places.site.facility(facility)
        if death is None or place is None:  # a facility that the site does not have says nothing yet
            continue
        first = death.first
        for episode in sorted(each for each, owner in provenance.sequences.owners.items() if owner == patient):
            value = _value(death, place.zone_info, facility, episode)
            yield DesiredFact((DIED, facility, episode), value, first.stated_at, first.message_id)


def _value(death: Death, zone: tzinfo, facility: str, episode_id: str) -> PatientDied:
    return PatientDied(
        **heading(death.at.astimezone(zone), episode_id, facility),
        died_at=death.died_at.astimezone(zone) if death.died_at else None,
        by="message",
        contradicted=True if death.contradicted else None,
    )


@dataclass(frozen=True, slots=True)
class _DeathWriter:
    """States facts of a patient's death: each has the next sequence of its own episode."""

    patient_id: str
    newest: VisitMessage | None
    provenance: Provenance

    def out(self, wanted: DesiredFact, was: ActiveFact | None) -> NewFact:
        """State a fact, and the one that it replaces, if any."""
        value = structs.replace(
            wanted.value,
            patient_id=self.patient_id,
            recorded_at=self.provenance.now,
            stated_at=wanted.stated_at,
            replaces=was.ce_id if was else None,
        )
        return NewFact(wanted.key, self._stated(value, wanted.said_by))

    def back(self, gone: ActiveFact) -> NewFact:
        """Cancel a fact."""
        newest = self.newest
        value = FactCancelled(
            episode_id=gone.value.episode_id,
            patient_id=self.patient_id,
            facility=gone.value.facility,
            occurred_at=gone.value.occurred_at,
            recorded_at=self.provenance.now,
            stated_at=newest.adt.stated_at if newest else self.provenance.now,
            cancels=gone.ce_id,
            cancelled_type=type_name(gone.type),
            reason="cancelled-by-sender" if newest else "derived-away",
        )
        return NewFact((value.TYPE, gone.ce_id), self._stated(value, newest.message_id if newest else None))

    def _stated(self, value: CareFact, cause: str | None) -> Fact:
        told_by = self.newest.message_id if self.newest else None
        return self.provenance.sequences.stated(value, self.provenance.now, told_by, cause)
