"""Brings the stated facts of visits in line with what their messages mean: which to state, and which to cancel.

Contract 3.5 and 3.6 rule 12. What it needs comes in (`VisitRecord`, `EpisodeSequences`), what is to be written
comes out (`VisitChanges`). It reads no clock and no table; ids and sequences are given out here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

from msgspec import structs

from services.intake.hl7.mapping import FacilityMap
from services.intake.hl7.model import VisitMessage
from services.intake.hl7.triggers import TRIGGERS
from services.intake.visits import codes
from services.intake.visits.death_reports import Order, takes_back
from services.intake.visits.derive import (
    ActiveFact,
    Derived,
    DesiredFact,
    FactKey,
    KnownEpisode,
    Note,
    choose_episode,
    derive,
    difference,
)
from services.intake.visits.open_as import open_as
from services.intake.visits.repetition import REPEATED
from shared.events import CareFact, type_name
from shared.events.base import PatientNumber, Place
from shared.events.stays import Admitted, Arrival, ArrivalExpected, Discharged, Transferred, VisitEnded, VisitStarted
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact
from shared.facts.stating import said
from shared.ids import ageless_id, new_id
from shared.site.config import Site

STARTS = (Admitted, VisitStarted)
ENDS = (Discharged, VisitEnded)


class PersonMessage(NamedTuple):
    """A message, the patient whom it is about, and the facility that sent it."""

    patient_id: str
    facility: str
    said: VisitMessage


@dataclass(slots=True)
class VisitRecord:
    """A visit as it is stored, with all its messages, those that just came among them, and the facts of it that stand.

    `key` is the visit's number (`unnamed.visit_id`), `begun_at` and `ended_at` are those of its stays; `notes` is
    message id → (effect, reason) as stored, `newest` the message that came last.
    """

    visit_id: str
    patient_id: str
    facility: str
    key: str
    episode_id: str | None = None
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    said_at: datetime | None = None
    """When its number was first said, where that counts for the facility."""
    held: bool = False
    """Its number is another patient's: its messages have no effect."""
    quiet_until: datetime | None = None
    """When the last of its messages was said, where some only repeat the one before (repetition.py): they are not here
    unless they are needed, nor are those that are superseded. None: all messages are here."""
    record_number: Sequence[str] | None = None
    """The record number of the patient and its authority ("": none), where a move told by them whose the visit is."""
    messages: list[VisitMessage] = field(default_factory=list)
    notes: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    standing: dict[FactKey, ActiveFact] = field(default_factory=dict)
    superseded: set[str] = field(default_factory=set)
    """Those of its messages that are noted to say nothing that later ones do not (superseded.py)."""
    newest: VisitMessage | None = None
    unmapped: tuple[str, ...] = ()
    """Codes of its messages that are in no table of the site, as `kind field code`."""
    alive: Order | None = None
    """When its facility last took back that the patient died."""
    expected_at: datetime | None = None
    """When the patient is expected, of a visit that has not begun; known while it is brought in line."""
    open_as: str | None = None
    """Its level, or its class without one, while it is open (open_as.py); known while it is brought in line."""

    @property
    def last_message(self) -> str | None:
        """The id of the message of those here that arrived last."""
        return max([each.message_id for each in self.messages], default=None)


@dataclass(slots=True)
class EpisodeSequences:
    """What a transaction knows of episodes: `last` has the last ce_sequence of each, `owners` its patient, and
    `known` by patient what the choice of a visit's episode goes by."""

    last: dict[str, int] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    known: dict[str, dict[str, KnownEpisode]] = field(default_factory=lambda: defaultdict(dict))
    asked: set[str] = field(default_factory=set)
    """Episodes that are open only because somebody asked for care: the first visit in one takes over."""
    traces: dict[str, str] = field(default_factory=dict)
    """Message id → the W3C trace context that the message came with."""

    def begin(self, patient_id: str) -> str:
        """A new episode of a patient; its id tells nothing of its age (contract 5.9)."""
        episode_id = ageless_id()
        self.last[episode_id], self.owners[episode_id] = 0, patient_id
        return episode_id

    def stated(
        self,
        value: CareFact,
        now: datetime,
        told_by: str | None,
        cause: str | None = None,
        *,
        trace: str | None = None,
        copy_of: str | None = None,
    ) -> Fact:
        """The value as the next fact of its episode. `told_by`: id of the message or request with which it is stated
        (ce_correlationid); `cause`: of the message that says it (ce_causationid); `trace`: a request's; `copy_of`: the
        ce_id of the fact that it copies after a merge."""
        self.last[value.episode_id] += 1
        return said(
            value,
            ce_id=new_id(now),
            writer="intake",
            sequence=self.last[value.episode_id],
            correlation_id=told_by,
            causation_id=cause,
            trace=trace or self.traces.get(told_by or ""),
            copy_of=copy_of,
        )

    def expect(self, patient_id: str, episode_id: str, at: datetime | None) -> None:
        """Remember an episode in which there is nothing but an arrival expected then: the first visit near it, whatever
        its number, is of it."""
        self.asked.add(episode_id)
        self.known[patient_id][episode_id] = KnownEpisode(episode_id, at, at)

    def learn(self, visit: VisitRecord) -> None:
        """Remember when a visit's episode begins and ends by it, for the choice of the next visit's episode."""
        if visit.episode_id is None or (visit.begun_at is None and visit.expected_at is None):
            return
        if visit.begun_at is None:
            if visit.episode_id not in self.known[visit.patient_id]:
                self.expect(visit.patient_id, visit.episode_id, visit.expected_at)
            return
        if visit.episode_id in self.asked:
            self.asked.discard(visit.episode_id)
            self.known[visit.patient_id].pop(visit.episode_id, None)
        known, now = self.known[visit.patient_id], KnownEpisode(visit.episode_id, visit.ended_at, visit.begun_at)
        known[visit.episode_id] = joined(known.get(visit.episode_id), now)


def joined(one: KnownEpisode | None, other: KnownEpisode) -> KnownEpisode:
    """What two sources know of an episode: open where either says so, else the later end; the earlier beginning."""
    if one is None:
        return other
    ended = None if one.ended_at is None or other.ended_at is None else max(one.ended_at, other.ended_at)
    begun = min(filter(None, (one.begun_at, other.begun_at)), default=None)
    return KnownEpisode(one.episode_id, ended, begun)


class NewFact(NamedTuple):
    """A fact that is to be stated, and the key by which it is compared later."""

    key: FactKey
    fact: Fact


@dataclass(slots=True)
class VisitChanges:
    """What is to be written for a visit: facts, ce_ids of those that no longer stand (`fallen`), notes that changed.

    `facts` are all that ought to stand of it now.
    """

    visit: VisitRecord
    facts: Sequence[DesiredFact] = ()
    stated: list[NewFact] = field(default_factory=list)
    fallen: list[str] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    superseded: dict[str, bool] = field(default_factory=dict)
    """Stored messages that say nothing any more that later ones do not say, or do so again."""


def wanted_of(visit: VisitRecord, places: FacilityMap) -> Derived:
    """What the visit's messages mean. A disposition that told a death which was taken back is `unknown` then."""
    if visit.held:
        return Derived((), tuple([Note(one.message_id, "waiting", OTHERS_NUMBER) for one in visit.messages]))
    derived = derive(visit.key, visit.messages, places)
    if visit.record_number is not None:
        number, authority = visit.record_number
        patient = PatientNumber(mrn=number, assigning_authority=authority or None)
        derived = derived._replace(facts=tuple(_of_patient(fact, patient) for fact in derived.facts))
    if visit.alive is None:
        return derived
    told = {one.message_id: one for one in visit.messages}
    return derived._replace(facts=tuple(_alive(fact, told[fact.said_by], visit.alive) for fact in derived.facts))


def _of_patient(fact: DesiredFact, patient: PatientNumber) -> DesiredFact:
    """The fact; of a start with this record number."""
    if not isinstance(fact.value, STARTS):
        return fact
    return fact._replace(value=structs.replace(fact.value, patient=patient))


def _alive(fact: DesiredFact, by: VisitMessage, alive: Order) -> DesiredFact:
    """The fact; with the disposition `unknown` where it tells a death that was taken back (at `alive`)."""
    value = fact.value
    if not isinstance(value, ENDS) or value.disposition is None or value.disposition.kind != "deceased":
        return fact
    if not takes_back(alive, by):
        return fact
    unknown = structs.replace(value.disposition, kind="unknown")
    return fact._replace(value=structs.replace(value, disposition=unknown))


OTHERS_NUMBER = "number-of-another-patient"
"""The reason noted for a message that waits because its visit number is another patient's."""
DERIVATION = 5
"""Raised whenever messages give other facts than before under the same site config: then visits are derived again."""


def mapping_of(site: Site) -> str:
    """The version of what visits are derived by: that of the site config, and DERIVATION."""
    return f"{site.version}.{DERIVATION}"


def meant_by(visit: VisitRecord, places: FacilityMap) -> Derived:
    """What the visit's messages mean, with its unmapped codes: all for which the messages themselves are needed."""
    odd = codes.unmapped(map(attrgetter("adt"), visit.messages), places)
    return wanted_of(visit, places)._replace(unmapped=tuple(map(" ".join, odd)))


def reconcile(
    visits: Iterable[VisitRecord],
    sequences: EpisodeSequences,
    places: FacilityMap,
    now: datetime,
    known: Mapping[str, Derived] | None = None,
) -> list[VisitChanges]:
    """What is to be written for each visit, in clinical order: the next one's episode is chosen by the ends before it.

    `known`: visit id → what its messages mean, of visits that were derived elsewhere; these need no messages here.
    """
    meant: list[tuple[VisitRecord, Derived]] = []
    for visit in visits:
        derived = (known or {}).get(visit.visit_id) or meant_by(visit, places)
        visit.begun_at, visit.ended_at = span_of(derived.facts)
        visit.open_as = open_as(derived.facts, visit.facility, places) if visit.begun_at else None
        meant.append((visit, derived))
    meant.sort(key=lambda each: (each[0].begun_at or now, each[0].visit_id))
    return [_reconcile_one(visit, derived, sequences, places, now) for visit, derived in meant]


def _reconcile_one(
    visit: VisitRecord, derived: Derived, sequences: EpisodeSequences, places: FacilityMap, now: datetime
) -> VisitChanges:
    """Choose the visit's episode with its first fact, and compare what ought to stand with what stands."""
    visit.unmapped = derived.unmapped
    left_out = bool(derived.superseded) or any(note.reason == REPEATED for note in derived.notes)
    if visit.quiet_until is not None or left_out:
        visit.quiet_until = max(filter(None, (visit.quiet_until, derived.said_until)), default=None)
    found = VisitChanges(
        visit, derived.facts, notes=[note for note in derived.notes if visit.notes.get(note.message_id) != note[1:]]
    )
    if derived.superseded or visit.superseded or derived.was_superseded:
        found.superseded = _superseded_now(visit, derived)
    if visit.begun_at is None and derived.facts:
        visit.expected_at = expected_of(derived.facts)
    if visit.episode_id is None and (begins := visit.begun_at or visit.expected_at) is not None:
        known = sequences.known[visit.patient_id].values()
        chosen = choose_episode(begins, known, places.site.limits.episode_gap_days)
        visit.episode_id = chosen or sequences.begin(visit.patient_id)
    if visit.episode_id is not None and (out := difference(visit.standing, derived.facts)):
        writer = _VisitWriter(visit, visit.episode_id, sequences, now, labels_of(derived.facts, visit.facility, places))
        found.fallen = [one.ce_id for one in out.fallen]
        found.stated = out.said(writer.back, writer.out)
    sequences.learn(visit)
    return found


def _superseded_now(visit: VisitRecord, derived: Derived) -> dict[str, bool]:
    """The stored messages of which it changes whether they are superseded."""
    was = visit.superseded if derived.was_superseded is None else derived.was_superseded
    new = {said.message_id for said in visit.messages} - visit.notes.keys()
    return {each: each in derived.superseded for each in derived.superseded ^ was if each not in new}


@dataclass(frozen=True, slots=True)
class _VisitWriter:
    """States facts of one visit, each with the next sequence of the episode."""

    visit: VisitRecord
    episode_id: str
    sequences: EpisodeSequences
    now: datetime
    labels: Mapping[FactKey, tuple[str, ...]]

    def out(self, wanted: DesiredFact, was: ActiveFact | None) -> NewFact:
        """State a fact, and the one that it replaces, if any."""
        value = structs.replace(
            wanted.value,
            episode_id=self.episode_id,
            patient_id=self.visit.patient_id,
            facility=self.visit.facility,
            recorded_at=self.now,
            stated_at=wanted.stated_at,
            labels=self.labels[wanted.key],
            replaces=was.ce_id if was else None,
        )
        return NewFact(wanted.key, self._stated(value, wanted.said_by))

    def back(self, gone: ActiveFact) -> NewFact:
        """Cancel a fact."""
        newest = self.visit.newest
        by_sender = newest is not None and TRIGGERS[newest.adt.trigger].cancels is not None
        value = FactCancelled(
            episode_id=self.episode_id,
            patient_id=self.visit.patient_id,
            facility=self.visit.facility,
            recorded_at=self.now,
            occurred_at=gone.value.occurred_at,
            stated_at=newest.adt.stated_at if newest else self.now,
            stay=gone.value.stay,
            cancels=gone.ce_id,
            cancelled_type=type_name(gone.type),
            reason="cancelled-by-sender" if by_sender else "derived-away",
        )
        return NewFact((value.TYPE, gone.ce_id), self._stated(value, newest.message_id if newest else None))

    def _stated(self, value: CareFact, cause: str | None) -> Fact:
        newest = self.visit.newest
        return self.sequences.stated(value, self.now, newest.message_id if newest else None, cause)


def labels_of(facts: Sequence[DesiredFact], facility: str, places: FacilityMap) -> dict[FactKey, tuple[str, ...]]:
    """Fact key → labels of the unit that the stay was in when the fact happened; a unit entered at that time counts."""
    found: dict[FactKey, tuple[str, ...]] = {}
    at: dict[str, tuple[str, ...]] = {}
    for fact in sorted(facts, key=attrgetter("value.occurred_at")):
        stay_id = fact.key[1]
        match fact.value:
            case (
                Admitted(unit=str(code))
                | VisitStarted(unit=str(code))
                | Arrival(unit=str(code))
                | Transferred(to=Place(unit=str(code)))
            ):
                unit = places.unit(facility, code)
                if unit is not None:
                    at[stay_id] = unit.labels
        found[fact.key] = at.get(stay_id, ())
    return found


def expected_of(facts: Iterable[DesiredFact]) -> datetime | None:
    """When the patient is expected, by the facts of a visit; None where nobody is."""
    return max((fact.value.at for fact in facts if isinstance(fact.value, ArrivalExpected)), default=None)


def span_of(facts: Iterable[DesiredFact]) -> tuple[datetime | None, datetime | None]:
    """When the first of the visit's stays began, and when the last of them ended: None while one is open."""
    begins: list[datetime] = []
    ends: list[datetime] = []
    begun: set[str] = set()
    ended: set[str] = set()
    for fact in facts:
        if isinstance(fact.value, STARTS):
            begins.append(fact.value.occurred_at)
            begun.add(fact.key[1])
        elif isinstance(fact.value, ENDS):
            ends.append(fact.value.occurred_at)
            ended.add(fact.key[1])
    return min(begins, default=None), None if begun - ended else max(ends, default=None)
