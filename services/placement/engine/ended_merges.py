"""That a merge into an episode was taken back, stated there, so that what it left can be listed (contract 3.6 rule 11).
Pure; a function of all that intake said of the retired episode, in whatever order it came."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec import structs

from services.placement.continuum.merges import merges_of
from services.placement.engine.copies import WRITER, Ledger, State
from shared.events.merging import MergeEnded
from shared.events.stays import PatientsMerged, PatientsUnmerged
from shared.events.taking_back import FactCancelled, taken_back
from shared.facts.copying import COPY_GONE
from shared.facts.envelope import Fact
from shared.facts.restating import difference, same

_Key = tuple[str, datetime]
"""(Facility that said the merge, when that was recorded)."""


def tell_ended(retired: Ledger, surviving: Ledger, now: datetime, state: State) -> list[Fact]:
    """State in the surviving episode which merges of the retired one were taken back; returns the new facts. While one
    of the same facility stands, none of that facility's is told."""
    told = {
        (fact.value.facility, fact.value.since): fact
        for fact in surviving.standing
        if isinstance(fact.value, MergeEnded) and fact.value.retired_episode_id == retired.episode_id
    }
    if not told and not any(fact.copy_of in retired.roots for fact in surviving.facts):
        return []
    due = difference(told, _ended(retired, surviving, now), lambda was, value: same(was.value, value))
    back = (taken_back(was.value, was.id, reason=COPY_GONE, now=now) for was in due.cancel.values())
    said = (structs.replace(value, replaces=was.id if was else None) for was, value in due.state)
    return [state(value) for value in (*back, *said)]


def _ended(retired: Ledger, surviving: Ledger, now: datetime) -> dict[_Key, MergeEnded]:
    standing = merges_of(retired.standing, retired.roots)
    again = {one.facility for one in standing if one.into == surviving.episode_id}
    return {
        (merge.facility, merge.recorded_at): MergeEnded(
            episode_id=surviving.episode_id,
            patient_id=merge.surviving_patient_id,
            facility=merge.facility,
            occurred_at=until,
            recorded_at=now,
            retired_episode_id=retired.episode_id,
            since=merge.recorded_at,
            until=until,
        )
        for merge, until in _over(retired, surviving.episode_id)
        if merge.facility not in again
    }


def _over(retired: Ledger, into: str) -> Iterator[tuple[PatientsMerged, datetime]]:
    """Each merge into that episode that stands no longer, and when intake recorded its end."""
    ends: dict[str, datetime] = {}
    for fact in retired.facts:
        told = fact.value
        if fact.writer == WRITER:
            continue
        for name in (told.cancels if isinstance(told, FactCancelled) else None, told.replaces):
            if name is not None:
                ends[name] = min(told.recorded_at, ends.get(name, told.recorded_at))
    for fact in retired.facts:
        told = fact.value
        if not isinstance(told, PatientsMerged) or told.surviving_episode_id != into:
            continue
        until = ends.get(fact.id) or _unmerged(retired, fact)
        if until is not None:
            yield told, until


def _unmerged(retired: Ledger, merge: Fact) -> datetime | None:
    """When intake said that the two are two, where it did after it had said the merge."""
    value = merge.value
    return next(
        (
            told.recorded_at
            for fact in retired.facts
            if isinstance(told := fact.value, PatientsUnmerged)
            and fact.sequence > merge.sequence
            and isinstance(value, PatientsMerged)
            and (told.facility, told.retired_patient_id) == (value.facility, value.retired_patient_id)
        ),
        None,
    )
