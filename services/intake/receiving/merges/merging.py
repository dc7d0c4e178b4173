"""Brings facts in line with who is whom: load what is stored, decide (facts.py, regroup.py), and say what to write."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from msgspec import structs

from services.intake.hl7.mapping import FacilityMap
from services.intake.hl7.model import VisitMessage
from services.intake.people import register
from services.intake.people.joining import TOLD_AS_ONE, MatchPair
from services.intake.people.merging import (
    SAME,
    SAYS_ONE,
    Effect,
    FacilityPatients,
    RecordStatement,
    VisitName,
    WhoIsWhom,
    flattened,
    moved_by,
    who_is_whom,
)
from services.intake.people.merging import kin as brought_together
from services.intake.receiving.assign import Belonging
from services.intake.receiving.merges import store
from services.intake.receiving.merges.facts import (
    EpisodeGap,
    EpisodeOf,
    Original,
    WantedFact,
    copies,
    deaths_elsewhere,
    identity_facts,
    merged_episodes,
)
from services.intake.receiving.merges.statements import NO_OTHER
from services.intake.receiving.merges.store import OfNoVisit, StandingFact
from services.intake.visits.death_facts import DeathChanges
from services.intake.visits.derive import FactKey, Note
from services.intake.visits.reconcile import EpisodeSequences, VisitChanges, VisitRecord, labels_of
from shared.events.base import CareFact
from shared.events.stays import PatientDied, PatientsMerged, PatientsUnmerged
from shared.events.taking_back import FactCancelled, taken_back
from shared.facts import restating
from shared.facts.envelope import Fact
from shared.ids import ageless_id
from shared.storage.database import Connection
from shared.storage.statements import SqlWrite

UNMERGED = "unmerged"
"""Why a copy is cancelled."""


@dataclass(frozen=True, slots=True)
class _Belonging:
    """Whose messages and visits are, by these statements."""

    who: WhoIsWhom
    named: Mapping[str, str]

    def owner(self, facility: str, said: VisitMessage, patient: str) -> str:
        """The patient whom the message names, unless its visit or account was moved."""
        patient = self.named.get(said.message_id, patient)
        by = self._moved_by(facility, said, patient)
        return by.patient if by is not None else patient

    def record_number(self, visit: VisitRecord) -> tuple[str, str] | None:
        """The record number and its authority by which a move told whose the visit is; None where none moved it."""
        for said in visit.messages:
            by = self._moved_by(visit.facility, said, self.named.get(said.message_id, visit.patient_id))
            if by is not None and by.number_deleted and visit.record_number:
                return visit.record_number[0], visit.record_number[1]
            if by is not None and by.mrn:
                return by.mrn, by.authority or ""
        return None

    def _moved_by(self, facility: str, said: VisitMessage, patient: str) -> RecordStatement | None:
        moves = self.who.moves.get(facility)
        if not moves:
            return None
        name = VisitName(patient, said.adt.visit_number or "", said.adt.account)
        return moved_by(name, self.who.at.get(facility, FacilityPatients()), moves)

    def root(self, facility: str, patient: str) -> str:
        """The patient who stays."""
        return self.who.root(facility, patient)


@dataclass(slots=True)
class Kin:
    """Patients whom statements bring together, and all these statements."""

    patients: frozenset[str]
    statements: list[RecordStatement]
    who: WhoIsWhom = field(init=False)
    unparted: WhoIsWhom | None = field(init=False)

    def __post_init__(self) -> None:
        self.who = who_is_whom(self.statements)
        parted = any(one.kind in {"unmerge", "unlink"} for one in self.statements)
        self.unparted = who_is_whom(self.statements, unparted=True) if parted else None

    def belonging(self, named: Mapping[str, str]) -> Belonging:
        """Whose messages and visits are. `named`: message id → the patient whom its numbers mean."""
        return _Belonging(self.who, named)

    def have_together(self, number: tuple[str, str], patient: str, other: str | None) -> bool:
        """Whether a visit number of a facility (facility, number) is one visit's whether told of the one patient or of
        the other: by a merge, or since the visit was moved."""
        return other is not None and self._whose(*number, patient) == self._whose(*number, other)

    def _whose(self, facility: str, number: str, patient: str) -> str:
        moves = self.who.moves.get(facility)
        if moves:
            at = self.who.at.get(facility, FacilityPatients())
            by = moved_by(VisitName(patient, number, None), at, moves)
            patient = by.patient if by is not None else patient
        return self.who.root(facility, patient)

    def notes(self) -> list[Note]:
        """What became of each message that says something of records: the best that any of its statements did."""
        effects = self.who.effects
        found: dict[str, Note] = {}
        for one in self.statements:
            if one.by == "message":
                note = Note(one.said_by, *effects.get(one.statement_id, self._of_move(one)))
                if one.said_by not in found or note.effect == "applied":
                    found[one.said_by] = note
        return list(found.values())

    def _of_move(self, one: RecordStatement) -> Effect:
        """What became of a move: where only the account says whose the visit was, it waits until that is known."""
        if one.by_account and not one.other:
            return "waiting", NO_OTHER
        moves = [each for each in self.who.moves.get(one.facility, ()) if each.visit == one.visit]
        return ("no-effect", SAME) if one.other == one.patient and moves == [one] else ("applied", None)


async def load(connection: Connection, patients: Iterable[str]) -> Kin | None:
    """What brings these patients together with others, all of whose rows are locked; None where nothing does."""
    together = await store.kin_of(connection, patients)
    if not together:
        return None
    return Kin(frozenset(together), await store.statements_of(connection, together))


async def keep(connection: Connection, patients: Iterable[str], told: Sequence[RecordStatement], now: datetime) -> Kin:
    """Store statements about these patients, whose rows are locked, and whom they bring together now. What a hospital
    says of two patients is a match, too, that a person may take back."""
    await store.keep_statements(connection, told)
    every = await store.statements_of(connection, patients)
    await store.keep_kin(connection, brought_together(every))
    found = Kin(frozenset(patients), every)
    await register.keep_matches(connection, list(_as_matches(told)), now)
    await store.keep_states(connection, patients, found.who.pairs())
    return found


class Stating(NamedTuple):
    """What facts are stated with: the episodes and their sequences, the site's tables, when (`recorded_at`), and the id
    of the message or decision with which they are stated."""

    sequences: EpisodeSequences
    places: FacilityMap
    now: datetime
    told_by: str | None


def _as_matches(told: Iterable[RecordStatement]) -> Iterator[tuple[str, MatchPair, tuple[str, ...]]]:
    """(id, pair, reason) of each statement of a hospital that two patients are one."""
    for one in told:
        if one.by == "message" and one.patient != one.other and one.kind in SAYS_ONE:
            first, second = sorted((one.patient, one.other))
            yield ageless_id(), ((first, one.facility), (second, one.facility)), (TOLD_AS_ONE,)


@dataclass(slots=True)
class MergeChanges:
    """What is to be written: facts with their keys and visits, and ce_ids of those that no longer stand."""

    stated: list[tuple[FactKey, Fact, str | None]] = field(default_factory=list)
    fallen: list[str] = field(default_factory=list)

    @property
    def episodes(self) -> set[str]:
        """The episodes of these facts."""
        return {fact.subject for _, fact, _ in self.stated}

    def writes(self) -> list[SqlWrite]:
        """The writes of the facts."""
        return store.keep_facts(self.stated, self.fallen)


async def restated(
    connection: Connection, kin: Kin, visits: Sequence[VisitChanges], died: DeathChanges, stating: Stating
) -> MergeChanges:
    """What is to be stated so that the facts say who is whom. `visits` are the changes of all visits of the patients;
    what they and `died` state is not stored yet."""
    owned = sorted(episode for episode, owner in stating.sequences.owners.items() if owner in kin.patients)
    stored = await store.of_no_visit(connection, owned)
    await store.keep_retired(connection, kin.patients, flattened(kin.who))
    return decide(kin, originals(visits, stored, died, stating), stored.merging, stating)


def originals(
    visits: Iterable[VisitChanges], stored: OfNoVisit, died: DeathChanges | None, stating: Stating
) -> list[Original]:
    """The facts that stand once these changes are made, and that no merge or link gave."""
    return [*_of_visits(visits, stating), *_of_requests(stored, died or DeathChanges())]


def decide(kin: Kin, given: Sequence[Original], standing: Sequence[StandingFact], stating: Stating) -> MergeChanges:
    """What makes `standing`, the facts that merges and links gave, say what these statements and `given`, the facts
    that stand besides, mean."""
    episodes, places = _episodes(kin, given, stating.sequences), stating.places
    told = {*kin.who.at, *(kin.unparted.at if kin.unparted else ())}
    limits = EpisodeGap(places.site.limits.episode_gap_days, {name: places.zone(name) for name in told})
    wanted = identity_facts(kin.who, kin.unparted, episodes, limits, stating.now)
    merged = merged_episodes(kin.who, episodes, limits)
    wanted += [*copies(merged, given), *deaths_elsewhere(kin.who, episodes, merged, given)]
    return _difference(standing, wanted, stating)


def _episodes(kin: Kin, given: Sequence[Original], sequences: EpisodeSequences) -> list[EpisodeOf]:
    """The episodes of these patients, with the facilities that told facts of them."""
    facilities: dict[str, set[str]] = defaultdict(set)
    for one in given:
        facilities[one.value.episode_id].add(one.value.facility)
    return [
        EpisodeOf(episode, owner, sequences.known[owner].get(episode), frozenset(facilities[episode]))
        for episode, owner in sorted(sequences.owners.items())
        if owner in kin.patients
    ]


def _of_visits(changes: Iterable[VisitChanges], stating: Stating) -> Iterator[Original]:
    """The facts of visits that stand once these changes are made."""
    for each in changes:
        visit = each.visit
        if visit.episode_id is None:
            continue
        gone = set(each.fallen)
        ids = {key: one.ce_id for key, one in visit.standing.items() if one.ce_id not in gone}
        ids |= {new.key: new.fact.id for new in each.stated if not isinstance(new.fact.value, FactCancelled)}
        labels = labels_of(each.facts, visit.facility, stating.places)
        for wanted in each.facts:
            value = structs.replace(
                wanted.value,
                episode_id=visit.episode_id,
                patient_id=visit.patient_id,
                facility=visit.facility,
                recorded_at=stating.now,
                stated_at=wanted.stated_at,
                labels=labels[wanted.key],
            )
            if wanted.key in ids:
                yield Original(ids[wanted.key], wanted.key, value, visit.visit_id, wanted.said_by)


def _of_requests(stored: OfNoVisit, died: DeathChanges) -> Iterator[Original]:
    """The facts of no visit that stand once deaths are told."""
    gone = set(died.fallen)
    yield from (one for one in stored.originals if one.ce_id not in gone)
    for new in died.stated:
        if not isinstance(new.fact.value, FactCancelled):
            yield Original(new.fact.id, new.key, new.fact.value, None, new.fact.causation_id)


def _difference(standing: Sequence[StandingFact], wanted: Sequence[WantedFact], stating: Stating) -> MergeChanges:
    """What makes `standing` say what is wanted: copies are cancelled before anything is stated."""
    was, (sequences, _, now, told_by) = {one.key: one for one in standing}, stating
    out = restating.difference(was, {one.key: _with_number(one, was.get(one.key)) for one in wanted}, _says)
    found = MergeChanges(fallen=[one.ce_id for one in out.fallen])
    for gone in sorted(out.cancel.values(), key=lambda one: (one.copy_of is None, one.ce_id)):
        off = taken_back(gone.value, gone.ce_id, reason=UNMERGED if gone.copy_of else "derived-away", now=now)
        found.stated.append(((off.TYPE, gone.ce_id), sequences.stated(off, now, told_by, told_by), gone.visit_id))
    for before, one in out.state:
        value = structs.replace(one.value, recorded_at=now, replaces=before.ce_id if before else None)
        fact = sequences.stated(value, now, told_by, one.said_by, copy_of=one.copy_of)
        found.stated.append((one.key, fact, one.visit_id))
    return found


def _with_number(one: WantedFact, was: StandingFact | None) -> WantedFact:
    """The fact with the record number that it stands with, where that is not known any more."""
    if not one.number_deleted or was is None or not isinstance(was.value, PatientsMerged | PatientsUnmerged):
        return one
    return one._replace(value=structs.replace(one.value, patient=was.value.patient))


def _says(was: StandingFact, now: WantedFact) -> bool:
    return was.copy_of == now.copy_of and restating.same(_compared(was.value), _compared(now.value))


def _compared(value: CareFact) -> CareFact:
    """The value as it is compared: when a death was said is not kept with the fact that is copied."""
    return structs.replace(value, stated_at=None) if isinstance(value, PatientDied) else value
