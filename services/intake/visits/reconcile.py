"""One visit brought in line with what its messages mean together: facts out, facts back, numbered.

Contract 3.5 and 3.6 rule 12. What it needs comes in (`VisitRecord`, `EpisodeSequences`), what is to be written
comes out (`VisitChanges`); it reads no clock and no table, and only draws ids.
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
from shared.events import CareFact, type_name
from shared.events.base import Place
from shared.events.stays import Admitted, Discharged, Transferred, VisitEnded, VisitStarted
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact
from shared.facts.stating import said
from shared.ids import new_id
from shared.site.config import Site

STARTS = (Admitted, VisitStarted)
ENDS = (Discharged, VisitEnded)


class PersonMessage(NamedTuple):
    """A message, of which patient it is, and which facility says it."""

    patient_id: str
    facility: str
    said: VisitMessage


@dataclass(slots=True)
class VisitRecord:
    """A visit as it is stored, all its messages with those that just came, and the facts of it that stand."""

    visit_id: str
    patient_id: str
    facility: str
    key: str
    episode_id: str | None = None
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    messages: list[VisitMessage] = field(default_factory=list)
    notes: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    standing: dict[FactKey, ActiveFact] = field(default_factory=dict)
    newest: VisitMessage | None = None
    unmapped: tuple[str, ...] = ()
    """What its messages say that is in no table of the site, as it is kept for the list; settling finds it."""
    alive: Order | None = None
    """When its facility last took back that the patient died."""


@dataclass(slots=True)
class EpisodeSequences:
    """What a transaction knows of episodes: the last sequence of each, and what each patient's are."""

    sequences: dict[str, int] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    known: dict[str, dict[str, KnownEpisode]] = field(default_factory=lambda: defaultdict(dict))
    asked: set[str] = field(default_factory=set)
    """Episodes that are open only because somebody asked for care: the first visit in one takes over."""
    traces: dict[str, str] = field(default_factory=dict)
    """Message → the trace context that it came with."""

    def begin(self, patient_id: str, at: datetime) -> str:
        """A new episode of a patient."""
        episode_id = new_id(at)
        self.sequences[episode_id], self.owners[episode_id] = 0, patient_id
        return episode_id

    def stated(
        self, value: CareFact, now: datetime, told_by: str | None, cause: str | None = None, trace: str | None = None
    ) -> Fact:
        """The next fact of its episode. `told_by`: the message or request that it is told with; `cause`: the message
        that said it; `trace`: a request's."""
        self.sequences[value.episode_id] += 1
        return said(
            value,
            ce_id=new_id(now),
            writer="intake",
            sequence=self.sequences[value.episode_id],
            correlation_id=told_by,
            causation_id=cause,
            trace=trace or self.traces.get(told_by or ""),
        )

    def learn(self, visit: VisitRecord) -> None:
        """Remember where a visit leaves its episode, for the choice of the next visit's."""
        if visit.episode_id is None or visit.begun_at is None:
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
    """A fact on its way out, and the key that it is known by later."""

    key: FactKey
    fact: Fact


@dataclass(slots=True)
class VisitChanges:
    """What is to be written for a visit: facts, ce_ids that no longer stand, notes of messages that changed.

    `facts` are all that ought to stand of it now.
    """

    visit: VisitRecord
    facts: Sequence[DesiredFact] = ()
    stated: list[NewFact] = field(default_factory=list)
    fallen: list[str] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


def wanted_of(visit: VisitRecord, places: FacilityMap) -> Derived:
    """What the visit's messages mean. A disposition that told a death which was taken back means nothing any more."""
    derived = derive(visit.key, visit.messages, places)
    if visit.alive is None:
        return derived
    told = {one.message_id: one for one in visit.messages}
    return derived._replace(facts=tuple(_alive(fact, told[fact.said_by], visit.alive) for fact in derived.facts))


def _alive(fact: DesiredFact, by: VisitMessage, alive: Order) -> DesiredFact:
    value = fact.value
    if not isinstance(value, ENDS) or value.disposition is None or value.disposition.kind != "deceased":
        return fact
    if not takes_back(alive, by):
        return fact
    unknown = structs.replace(value.disposition, kind="unknown")
    return fact._replace(value=structs.replace(value, disposition=unknown))


DERIVATION = 2
"""Raised whenever messages give other facts than before under the same site config: then visits are derived again."""


def mapping_of(site: Site) -> str:
    """The version of what visits are derived by: the site's config, and how it is applied."""
    return f"{site.version}.{DERIVATION}"


def meant_by(visit: VisitRecord, places: FacilityMap) -> Derived:
    """What has to be computed from every message of the visit; from here on the messages are not looked at again."""
    odd = codes.unmapped(map(attrgetter("adt"), visit.messages), places)
    return wanted_of(visit, places)._replace(unmapped=tuple(map(" ".join, odd)))


def reconcile(
    visits: Iterable[VisitRecord],
    ledger: EpisodeSequences,
    places: FacilityMap,
    now: datetime,
    known: Mapping[str, Derived] | None = None,
) -> list[VisitChanges]:
    """Settle visits in clinical order, so that an earlier one's end is known when a later one's episode is chosen.

    `known`: what visits mean that were derived elsewhere, by id; of those the messages need not be at hand.
    """
    meant: list[tuple[VisitRecord, Derived]] = []
    for visit in visits:
        derived = (known or {}).get(visit.visit_id) or meant_by(visit, places)
        visit.begun_at, visit.ended_at = span_of(derived.facts)
        meant.append((visit, derived))
    meant.sort(key=lambda each: (each[0].begun_at or now, each[0].visit_id))
    return [_settle_one(visit, derived, ledger, places, now) for visit, derived in meant]


def _settle_one(
    visit: VisitRecord, derived: Derived, ledger: EpisodeSequences, places: FacilityMap, now: datetime
) -> VisitChanges:
    visit.unmapped = derived.unmapped
    found = VisitChanges(
        visit, derived.facts, notes=[note for note in derived.notes if visit.notes.get(note.message_id) != note[1:]]
    )
    if visit.episode_id is None and visit.begun_at is not None:
        known = ledger.known[visit.patient_id].values()
        chosen = choose_episode(visit.begun_at, known, places.site.limits.episode_gap_days)
        visit.episode_id = chosen or ledger.begin(visit.patient_id, now)
    if visit.episode_id is not None and (out := difference(visit.standing, derived.facts)):
        writer = _VisitWriter(visit, visit.episode_id, ledger, now, _labels(derived.facts, visit.facility, places))
        found.fallen = [one.ce_id for one in out.fallen]
        found.stated = out.said(writer.back, writer.out)
    ledger.learn(visit)
    return found


@dataclass(frozen=True, slots=True)
class _VisitWriter:
    """States facts of one visit: numbered from the episode's row, caused by the message that said them."""

    visit: VisitRecord
    episode_id: str
    ledger: EpisodeSequences
    now: datetime
    labels: Mapping[FactKey, tuple[str, ...]]

    def out(self, wanted: DesiredFact, was: ActiveFact | None) -> NewFact:
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
        return self.ledger.stated(value, self.now, newest.message_id if newest else None, cause)


def _labels(facts: Sequence[DesiredFact], facility: str, places: FacilityMap) -> dict[FactKey, tuple[str, ...]]:
    """The labels of the unit that the stay was in when each fact happened, of one instant after it came there."""
    found: dict[FactKey, tuple[str, ...]] = {}
    at: dict[str, tuple[str, ...]] = {}
    for fact in sorted(facts, key=attrgetter("value.occurred_at")):
        stay_id = fact.key[1]
        match fact.value:
            case Admitted(unit=str(code)) | VisitStarted(unit=str(code)) | Transferred(to=Place(unit=str(code))):
                unit = places.unit(facility, code)
                if unit is not None:
                    at[stay_id] = unit.labels
        found[fact.key] = at.get(stay_id, ())
    return found


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
