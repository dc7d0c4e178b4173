"""From what facilities told of a patient's death to one `patient-died` for each episode of the patient. Pure.

Contract 3.1 and 3.6 rule 13. What is known comes in (`Known`), what is to be written comes out (`Deaths`); an episode
that begins later is told too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import NamedTuple

from msgspec import structs

from services.intake.hl7.mapping import FacilityMap
from services.intake.hl7.model import VisitMessage
from services.intake.visits.death_reports import Death, Record, death_of, speaks, with_ends, with_messages
from services.intake.visits.desired import DesiredFact, FactKey, heading
from services.intake.visits.difference import ActiveFact, difference
from services.intake.visits.reconcile import ENDS, EpisodeSequences, NewFact, PersonMessage, VisitChanges
from shared.events import CareFact, type_name
from shared.events.stays import PatientDied
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact

DIED = PatientDied.TYPE
Teller = tuple[str, str]
"""(patient, facility)."""


@dataclass(slots=True)
class Known:
    """What is told, the facts of it that stand (patient → key → fact), and which records are not stored yet."""

    records: dict[Teller, Record] = field(default_factory=dict)
    standing: dict[str, dict[FactKey, ActiveFact]] = field(default_factory=lambda: defaultdict(dict))
    changed: set[Teller] = field(default_factory=set)

    def record(self, teller: Teller) -> Record:
        """What a facility told of a patient's death, up to now."""
        return self.records.get(teller, Record())

    def change(self, teller: Teller, record: Record) -> None:
        """Put a record in its place."""
        if record != self.record(teller):
            self.records[teller] = record
            self.changed.add(teller)


@dataclass(slots=True)
class Deaths:
    """What is to be written: records that changed, facts, ce_ids that no longer stand."""

    records: dict[Teller, Record] = field(default_factory=dict)
    stated: list[NewFact] = field(default_factory=list)
    fallen: list[str] = field(default_factory=list)


class Provenance(NamedTuple):
    """What stating needs: the episodes and their sequences, the site's tables, the time."""

    ledger: EpisodeSequences
    places: FacilityMap
    now: datetime


def hear(known: Known, messages: Iterable[PersonMessage]) -> set[str]:
    """Take in what messages say of deaths; the visits that are to be settled anew, since it concerns how they ended."""
    said: dict[Teller, list[VisitMessage]] = defaultdict(list)
    for patient, facility, message in messages:
        if speaks(message.adt):
            said[patient, facility].append(message)
    for teller, messages_of in said.items():
        known.change(teller, with_messages(known.record(teller), messages_of))
    return {visit_id for teller in said for visit_id in known.record(teller).ends}


def _see_ends(known: Known, settled: Iterable[VisitChanges], places: FacilityMap) -> None:
    for each in settled:
        teller = (each.visit.patient_id, each.visit.facility)
        ends = _ends(each, places)
        if ends or each.visit.visit_id in known.record(teller).ends:
            known.change(teller, with_ends(known.record(teller), each.visit.visit_id, ends))


def _ends(settled: VisitChanges, places: FacilityMap) -> list[tuple[VisitMessage, datetime]]:
    """The ends of a visit's stays whose disposition is a death by the site's table, and the messages that say so."""
    found: list[tuple[VisitMessage, datetime]] = []
    for fact in settled.facts:
        code = fact.value.disposition.code if isinstance(fact.value, ENDS) and fact.value.disposition else None
        if code and places.disposition(settled.visit.facility, code).kind == "deceased":
            told = {one.message_id: one for one in settled.visit.messages}
            found.append((told[fact.said_by], fact.value.occurred_at))
    return found


def deaths(
    known: Known, settled: Iterable[VisitChanges], newest: Mapping[str, VisitMessage], telling: Provenance
) -> Deaths:
    """Facts brought in line with what was heard and how visits ended; nothing where they are. `newest` is the last
    message of each patient."""
    _see_ends(known, settled, telling.places)
    found = Deaths({teller: known.records[teller] for teller in known.changed})
    for patient in sorted({patient for patient, _ in known.records}):
        saying = _DeathWriter(patient, newest.get(patient), telling)
        out = difference(known.standing.get(patient, {}), _wanted(patient, known.records, telling))
        found.fallen += [one.ce_id for one in out.fallen]
        found.stated += out.said(saying.back, saying.out)
    return found


def _wanted(patient: str, records: Mapping[Teller, Record], telling: Provenance) -> Iterator[DesiredFact]:
    for (whose, facility), record in sorted(records.items()):
        death = death_of(record) if whose == patient else None
        place = telling.places.site.facility(facility)
        if death is None or place is None:  # a facility that the site does not have says nothing yet
            continue
        first = death.first
        for episode in sorted(each for each, owner in telling.ledger.owners.items() if owner == patient):
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
    """States facts about a patient, each numbered in its own episode."""

    patient_id: str
    newest: VisitMessage | None
    telling: Provenance

    def out(self, wanted: DesiredFact, was: ActiveFact | None) -> NewFact:
        value = structs.replace(
            wanted.value,
            patient_id=self.patient_id,
            recorded_at=self.telling.now,
            stated_at=wanted.stated_at,
            replaces=was.ce_id if was else None,
        )
        return NewFact(wanted.key, self._stated(value, wanted.said_by))

    def back(self, gone: ActiveFact) -> NewFact:
        newest = self.newest
        value = FactCancelled(
            episode_id=gone.value.episode_id,
            patient_id=self.patient_id,
            facility=gone.value.facility,
            occurred_at=gone.value.occurred_at,
            recorded_at=self.telling.now,
            stated_at=newest.adt.stated_at if newest else self.telling.now,
            cancels=gone.ce_id,
            cancelled_type=type_name(gone.type),
            reason="cancelled-by-sender" if newest else "derived-away",
        )
        return NewFact((value.TYPE, gone.ce_id), self._stated(value, newest.message_id if newest else None))

    def _stated(self, value: CareFact, cause: str | None) -> Fact:
        told_by = self.newest.message_id if self.newest else None
        return self.telling.ledger.stated(value, self.telling.now, told_by, cause)
