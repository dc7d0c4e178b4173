"""Which facts follow from who is whom: merged and linked patients, and the copies of a retired episode's facts. Pure.

Contract 3.6 rule 11. Of the episodes that would have been one, had it been one patient always, the one begun earlier
stays; the facts of the others are copied to it, each copy naming its original (`copy_of`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import NamedTuple

from msgspec import structs

from services.intake.people.merging import FacilityPatients, RecordStatement, WhoIsWhom
from services.intake.visits.derive import FactKey, KnownEpisode
from shared.events import CareFact
from shared.events.base import PatientNumber
from shared.events.stays import (
    Admitted,
    Link,
    Merge,
    PatientDied,
    PatientsLinked,
    PatientsMerged,
    PatientsUnlinked,
    PatientsUnmerged,
    VisitStarted,
)

IDENTITY = frozenset({kind.TYPE for kind in (PatientsMerged, PatientsUnmerged, PatientsLinked, PatientsUnlinked)})
"""Types of the facts that say who is whom: they are not copied."""
COPY = "copy"
"""How the key of a copy begins."""


class EpisodeOf(NamedTuple):
    """An episode, the patient to whom it was given when it began, when it is known to begin and end, and which
    facilities told facts of it."""

    episode_id: str
    patient_id: str
    known: KnownEpisode | None
    facilities: frozenset[str]


class MergedEpisode(NamedTuple):
    """An episode that a facility's merge concerns: the patient whose it is now, and the episode that its facts are
    copied to; None where it goes on itself."""

    facility: str
    episode_id: str
    survivor: str
    retired: str
    into: str | None
    by: RecordStatement
    number: RecordStatement | None


class Original(NamedTuple):
    """A fact that stands, with its ce_id, of a visit or of none; `said_by` is the id of who said it."""

    ce_id: str
    key: FactKey
    value: CareFact
    visit_id: str | None
    said_by: str | None


class WantedFact(NamedTuple):
    """A fact that ought to stand because of a merge or link; `copy_of` is the ce_id of its original."""

    key: FactKey
    value: CareFact
    copy_of: str | None = None
    visit_id: str | None = None
    said_by: str | None = None
    number_deleted: bool = False
    """Its record number is not known any more: where it stands with one, it keeps that."""


class EpisodeGap(NamedTuple):
    """Days at most between two stays of one episode, and the zone of each facility."""

    gap_days: int
    zones: Mapping[str, tzinfo]


def merged_episodes(who: WhoIsWhom, episodes: Iterable[EpisodeOf], limits: EpisodeGap) -> list[MergedEpisode]:
    """The episodes that merges concern: of each facility those of merged patients of which it told facts."""
    every = list(episodes)
    found: list[MergedEpisode] = []
    for facility, place in sorted(who.at.items()):
        groups: dict[str, list[EpisodeOf]] = defaultdict(list)
        for one in every:
            if facility in one.facilities:
                groups[place.root(one.patient_id)].append(one)
        for survivor, mine in groups.items():
            for together in _together(mine, limits.gap_days, limits.zones.get(facility)):
                found += _merged(facility, survivor, together, place)
    return found


def _together(episodes: Sequence[EpisodeOf], gap_days: int, zone: tzinfo | None) -> list[list[EpisodeOf]]:
    """The episodes that would have been one had they been one patient's, each group in the order of their beginnings;
    one of which no time is known is alone."""
    found = [[one] for one in episodes if one.known is None or one.known.begun_at is None]
    timed = [(one.known.begun_at, one) for one in episodes if one.known is not None and one.known.begun_at is not None]
    ended: datetime | None = None
    group: list[EpisodeOf] = []
    for begun, one in sorted(timed, key=lambda each: (each[0], each[1].episode_id)):
        days = (begun.astimezone(zone).date() - ended.astimezone(zone).date()).days if ended else 0
        near = bool(group) and days <= gap_days
        end = one.known.ended_at if one.known else None
        if near:
            group.append(one)
            ended = None if ended is None or end is None else max(ended, end)
        else:
            group, ended = [one], end
            found.append(group)
    return found


def _merged(
    facility: str, survivor: str, together: Sequence[EpisodeOf], place: FacilityPatients
) -> Iterator[MergedEpisode]:
    """What becomes of episodes that are one: the first goes on, under the patient who stays."""
    others = [one.patient_id for one in together if one.patient_id != survivor]
    if not others:
        return
    first = together[0]
    for one in together:
        retired = one.patient_id if one.patient_id != survivor else others[0]
        if one is first and one.patient_id == survivor:
            continue
        into = None if one is first else first.episode_id
        by = place.retired[retired].by
        yield MergedEpisode(facility, one.episode_id, survivor, retired, into, by, place.number_of(retired))


def identity_facts(
    who: WhoIsWhom, unparted: WhoIsWhom | None, episodes: Sequence[EpisodeOf], limits: EpisodeGap, now: datetime
) -> list[WantedFact]:
    """A fact for each episode that a merge or link concerns, and for each that one concerned which was taken back
    (`unparted`: who would be whom without that)."""
    owners = {one.episode_id: one.patient_id for one in episodes}
    merged = merged_episodes(who, episodes, limits)
    found = [_merge_fact(PatientsMerged, one, owners, now) for one in merged]
    found += [_link_fact(PatientsLinked, *one, now=now) for one in _linked(who, episodes)]
    if unparted is not None:
        so_now = {(one.facility, one.episode_id) for one in merged}
        gone = [one for one in merged_episodes(unparted, episodes, limits) if one[:2] not in so_now]
        found += [_merge_fact(PatientsUnmerged, one, owners, now) for one in gone]
        linked = set(who_linked(who))
        parted = [one for one in _linked(unparted, episodes) if (one[0], one[1]) not in linked]
        found += [_link_fact(PatientsUnlinked, *one, now=now) for one in parted]
    return found


def _merge_fact(kind: type[Merge], one: MergedEpisode, owners: Mapping[str, str], now: datetime) -> WantedFact:
    by, number = one.by, one.number
    value = kind(
        episode_id=one.episode_id,
        patient_id=owners[one.episode_id],
        facility=one.facility,
        occurred_at=by.occurred_at,
        recorded_at=now,
        stated_at=by.stated_at,
        surviving_patient_id=one.survivor,
        retired_patient_id=one.retired,
        surviving_episode_id=one.into or one.episode_id,
        retired_episode_id=one.episode_id if one.into else None,
        patient=_number(number),
        by=by.by,
    )
    gone = number is not None and number.number_deleted
    return WantedFact((kind.TYPE, one.facility, one.episode_id), value, said_by=by.said_by, number_deleted=gone)


def _number(by: RecordStatement | None) -> PatientNumber | None:
    return PatientNumber(mrn=by.mrn, assigning_authority=by.authority) if by is not None and by.mrn else None


def who_linked(who: WhoIsWhom) -> Iterator[tuple[str, frozenset[str]]]:
    """(facility, pair) of the patients who are linked."""
    return ((facility, pair) for facility, place in sorted(who.at.items()) for pair in place.linked)


def _linked(
    who: WhoIsWhom, episodes: Iterable[EpisodeOf]
) -> Iterator[tuple[str, frozenset[str], RecordStatement, EpisodeOf]]:
    """(facility, pair, statement, episode) of each episode that a link concerns."""
    every = list(episodes)
    for facility, place in sorted(who.at.items()):
        for pair, by in place.linked.items():
            for one in every:
                if one.patient_id in pair and facility in one.facilities:
                    yield facility, pair, by, one


def _link_fact(
    kind: type[Link], facility: str, pair: frozenset[str], by: RecordStatement, one: EpisodeOf, *, now: datetime
) -> WantedFact:
    patients = tuple(sorted(pair))
    value = kind(
        episode_id=one.episode_id,
        patient_id=one.patient_id,
        facility=facility,
        occurred_at=by.occurred_at,
        recorded_at=now,
        stated_at=by.stated_at,
        patient_ids=patients,
    )
    return WantedFact((kind.TYPE, facility, one.episode_id, *patients), value, said_by=by.said_by)


def copies(merged: Iterable[MergedEpisode], originals: Iterable[Original]) -> list[WantedFact]:
    """The copies that ought to stand of these facts: of those of a retired episode that the merging facility told."""
    retired = {(one.facility, one.episode_id): one for one in merged if one.into is not None}
    found: list[WantedFact] = []
    for fact in originals:
        one = retired.get((fact.value.facility, fact.value.episode_id))
        if one is None or one.into is None or fact.value.TYPE in IDENTITY:
            continue
        value = structs.replace(
            fact.value, episode_id=one.into, patient_id=one.survivor, replaces=None, **_renumbered(fact.value, one)
        )
        key = (COPY, one.into, fact.visit_id or "", *fact.key)
        found.append(WantedFact(key, value, fact.ce_id, fact.visit_id, fact.said_by))
    return found


def _renumbered(value: CareFact, one: MergedEpisode) -> dict[str, PatientNumber]:
    """The record number of the patient who stays, where the fact has one (contract 3.6 rule 11)."""
    number = _number(one.number) if value.patient_id != one.survivor else None
    return {"patient": number} if number and isinstance(value, Admitted | VisitStarted) else {}


def deaths_elsewhere(
    who: WhoIsWhom, episodes: Sequence[EpisodeOf], merged: Iterable[MergedEpisode], originals: Iterable[Original]
) -> list[WantedFact]:
    """Copies of a death that a facility told of one record, for the episodes of all records that are merged with it
    there, and that have no such fact themselves (contract 3.6 rule 13)."""
    retired = {(one.facility, one.episode_id): one.into for one in merged if one.into is not None}
    told = [one for one in originals if one.value.TYPE == PatientDied.TYPE and one.value.facility in who.at]
    has = {(one.value.facility, retired.get(here, here[1])) for one in told for here in [_place(one)]}
    has |= {_place(one) for one in told}
    found: dict[tuple[str, str], WantedFact] = {}
    for fact in sorted(told, key=lambda one: one.ce_id):
        facility = fact.value.facility
        root = who.root(facility, fact.value.patient_id)
        for one in episodes:
            place = facility, one.episode_id
            if place in has or place in retired or place in found or who.root(facility, one.patient_id) != root:
                continue
            value = structs.replace(
                fact.value, episode_id=one.episode_id, patient_id=one.patient_id, labels=(), replaces=None
            )
            key = (COPY, one.episode_id, "", PatientDied.TYPE, facility)
            found[place] = WantedFact(key, value, fact.ce_id, None, fact.said_by)
    return list(found.values())


def _place(fact: Original) -> tuple[str, str]:
    return fact.value.facility, fact.value.episode_id
