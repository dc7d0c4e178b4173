"""From the facts of an episode to its state: a pure function of the set of facts, without a clock (contract 3.6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from services.placement.continuum.active import ActiveFacts, own_name, read, speaks_out_of_turn, standing
from services.placement.continuum.closing import closings, state_of_episode
from services.placement.continuum.conflicts import attended_inside, in_order, two_stays
from services.placement.continuum.deaths import alive_after_death, deaths_of
from services.placement.continuum.episode_facts import EpisodeFacts
from services.placement.continuum.leftovers import ended_merges, leftovers
from services.placement.continuum.levels import levels_of, round_the_clock, stretches_of, with_suspensions
from services.placement.continuum.merges import gone, patient_now
from services.placement.continuum.model import FOLD_VERSION, Conflict, Folded, StayKey, StayState
from services.placement.continuum.order import OrderedFact, day_of, place
from services.placement.continuum.states import ABOUT_A_STAY, LEAVES, MAY_WAKE, NoEffectReason
from services.placement.continuum.stay import judged
from services.placement.continuum.stay_facts import (
    Run,
    StayFacts,
    ZoneOf,
    entries,
    facts_by_stay,
    run_all,
    starts_inside,
)
from shared.events.merging import LeftoverSettled, MergeEnded
from shared.events.planning import ConflictSettled
from shared.events.stays import Arrival, Merge, PatientDied, Started
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact
from shared.values import replace

_NEED_THE_PAST = (FactCancelled, ConflictSettled, PatientDied, Arrival, Merge, MergeEnded, LeftoverSettled)
_OF_NO_PLACE = (PatientDied, Arrival)
"""Facts by which an episode is not at the facility that states them, where any other says where it is."""


def fold(facts: Iterable[Fact], zone_of: ZoneOf) -> Folded:
    """The state of the episode of which these are all facts, in any order and with any repeats.

    `zone_of`: from a facility to its time zone. Facts of unknown types and announcements change nothing. The facts must
    have passed `readable.checked`.
    """
    given = list(facts)
    found = standing(given)
    everything = sorted([*found.facts, *(fact for fact, _ in found.corroborating)])
    start = Folded(given[0].subject) if everything else _named_only(given)
    if found.merges:
        start = replace(start, merged=found.merges)
        if start.retiring and all(isinstance(fact.value, PatientDied) for fact in everything):
            return gone(start, found.elsewhere)
    if found.settled or found.disbelieved:
        start = replace(start, settled=found.settled, disbelieved=found.disbelieved)
    runs = run_all(facts_by_stay((fact for fact in found.facts if fact.name in ABOUT_A_STAY), found.names), zone_of)
    stays, reasons = _with_second_starts(found, runs)
    others = [fact for fact in found.facts if fact.name not in ABOUT_A_STAY]
    fields = _heading(start, everything) | {"awaited": found.awaited, "ineffective": found.ineffective | reasons}
    if copies := {fact.id: fact.copy_of for fact in given if fact.copy_of and read(fact)}:
        fields["copies"] = copies
    if found.ended_merges:
        moved = {fact.id for fact in found.elsewhere}
        fields["ended_merges"] = ended_merges(found.ended_merges)
        fields["leftovers"] = leftovers(given, fields["ended_merges"], moved, found.kept)
    if found.merges:
        fields["patient_id"] = patient_now(fields.get("patient_id", start.patient_id), found.merges, start.episode_id)
    return _with_places(_read_together(start, stays, others, zone_of, **fields), given)


def _with_places(folded: Folded, facts: Iterable[Fact]) -> Folded:
    """The episode with the facility of each fact without effect; `facts` are all facts, or those that are new."""
    if not folded.ineffective:
        return folded if not folded.said_at else replace(folded, said_at={})
    told = folded.said_at | {fact.id: fact.value.facility for fact in facts}
    return replace(folded, said_at={ce_id: told.get(ce_id, "") for ce_id in folded.ineffective})


def _named_only(given: Sequence[Fact]) -> Folded:
    """An episode with only the patient and facility of the latest fact, which it keeps when no fact is active.

    Announcements do not count: which ones were stated depends on the order in which facts came.
    """
    if not given:
        return Folded(episode_id="")
    latest = max(
        [fact for fact in given if read(fact)] or given,
        key=lambda fact: (fact.value.occurred_at, fact.writer, fact.sequence, fact.id),
    )
    return Folded(latest.subject, patient_id=latest.value.patient_id, facility=latest.value.facility)


def _with_second_starts(found: ActiveFacts, runs: Mapping[StayKey, Run]) -> tuple[list[StayState], dict[str, str]]:
    """The stays with their second starts and other keys; and by ce_id why a fact has no effect. A second start has an
    effect where the start that it names has one."""
    stays = {key: run.stay for key, run in runs.items() if run.stay}
    reasons = {ce_id: reason for run in runs.values() for ce_id, reason in run.reasons.items()}
    for told, head in found.corroborating:
        stay = stays.get(own_name(told.stay, found.names))
        if head in reasons or stay is None:
            reasons[told.id] = reasons.get(head, NoEffectReason.NOT_OPEN.value)
            continue
        value = told.value
        stays[stay.key] = replace(
            stay,
            corroborated_by=(*stay.corroborated_by, told.id),
            placement_id=stay.placement_id or (value.placement_id if isinstance(value, Started) else None),
            labels=tuple(sorted({*stay.labels, *value.labels})),
        )
    for name in sorted(found.names):
        stay = stays.get(own_name(name, found.names))
        if stay is not None:
            stays[stay.key] = replace(stay, aliases=(*stay.aliases, name))
    return list(stays.values()), reasons


def advance(folded: Folded, new: Sequence[Fact], zone_of: ZoneOf) -> Folded | None:
    """The state of `folded` with new facts added, without folding the earlier ones again; None where that is not
    possible, so that all facts have to be folded.

    It is possible where every new fact is later than all before, takes back, replaces, corroborates, merges and copies
    nothing, and cannot change what earlier facts mean; never after a death, or where a merge stands or stood. The new
    facts must not be in `folded` already.
    """
    reading = [fact for fact in {fact.id: fact for fact in new}.values() if read(fact)]
    if folded.version != FOLD_VERSION or folded.deaths or folded.merged or folded.ended_merges:
        return None
    if not _plain(reading):
        return None
    if folded.awaited and any(fact.id in folded.awaited for fact in new):
        return None
    if not reading and folded.last is not None:
        return folded
    reasons = {fact.id: NoEffectReason.WRONG_WRITER.value for fact in reading if speaks_out_of_turn(fact)}
    told = sorted(place(fact) for fact in reading if fact.id not in reasons)
    if _too_early(folded, told):
        return None
    names = {alias: stay.key for stay in folded.stays for alias in stay.aliases}
    by_stay = facts_by_stay((one for one in told if one.name in ABOUT_A_STAY), names)
    after = _onward(folded, told, by_stay, reasons, zone_of)
    return _with_places(after, reading) if after else None


def _too_early(folded: Folded, told: Sequence[OrderedFact]) -> bool:
    """True when a new fact is not later than all before; also when there is no active fact at all, old or new."""
    if folded.last is None or not told:
        return folded.last is None and not told
    return told[0].at <= folded.last


def _plain(reading: Iterable[Fact]) -> bool:
    """True when none of these facts changes what an earlier one means."""
    return not any(
        isinstance(fact.value, _NEED_THE_PAST) or fact.value.replaces or fact.value.corroborates or fact.copy_of
        for fact in reading
    )


def _onward(
    folded: Folded,
    told: list[OrderedFact],
    by_stay: Mapping[StayKey, StayFacts],
    reasons: dict[str, str],
    zone_of: ZoneOf,
) -> Folded | None:
    before = {stay.key: stay for stay in folded.stays}
    runs = {key: one_stay.onward(before.get(key), zone_of) for key, one_stay in by_stay.items()}
    stays = before | {key: run.stay for key, run in runs.items() if run.stay}
    if any(_reaches_back(folded, one_stay, runs[one_stay.key], stays, zone_of) for one_stay in by_stay.values()):
        return None
    reasons = folded.ineffective | reasons
    for run in runs.values():
        reasons |= run.reasons
    others = [one for one in told if one.name not in ABOUT_A_STAY]
    fields = _heading(folded, told)
    moves = {fact.name for one_stay in by_stay.values() for fact in one_stay.moving}
    if others or not moves <= LEAVES:
        return _read_together(folded, list(stays.values()), others, zone_of, ineffective=reasons, **fields)
    if not told:
        return replace(folded, ineffective=reasons)
    fields["stays"] = tuple(stays[stay.key] for stay in folded.stays)
    if more := _conflicts_of_new_sessions(folded, runs, stays.values(), zone_of):
        fields["conflicts"] = in_order([*folded.conflicts, *more], folded.settled)
    whole = replace(folded, **fields, ineffective=reasons)
    if not moves:
        return whole
    state, since = state_of_episode(whole, zone_of)
    return whole if (state, since) == (whole.state, whole.since) else replace(whole, state=state, since=since)


def _reaches_back(
    folded: Folded, one_stay: StayFacts, run: Run, stays: Mapping[StayKey, StayState], zone_of: ZoneOf
) -> bool:
    """True when these facts about one stay may change the effect of facts that were folded before."""
    refused = folded.ineffective.values()
    if not one_stay.moving:
        return NoEffectReason.INSIDE_24_HOUR_STAY in refused and any(
            told.id in run.reasons for told in one_stay.sessions
        )
    if any(reason in MAY_WAKE for reason in refused):
        return True
    if any(starts_inside(entry, one_stay.key, stays.values(), zone_of) for entry in entries(one_stay, run.reasons)):
        return True
    if run.stay is None or not run.stay.sessions:
        return False
    zone = zone_of(run.stay.facility)
    since = day_of(one_stay.moving[0].at, zone)
    return any(
        session.day >= since and judged(run.stay, session.day, session.attended, zone) for session in run.stay.sessions
    )


def _conflicts_of_new_sessions(
    folded: Folded, runs: Mapping[StayKey, Run], stays: Iterable[StayState], zone_of: ZoneOf
) -> list[Conflict]:
    over = round_the_clock(stretches_of(stays))
    if not over:
        return []
    counted = {stay.key: len(stay.sessions) for stay in folded.stays}
    return [
        conflict
        for key, run in runs.items()
        if run.stay
        for conflict in attended_inside(run.stay, run.stay.sessions[counted[key] :], zone_of(run.stay.facility), over)
    ]


def _heading(folded: Folded, told: Sequence[OrderedFact]) -> dict[str, Any]:
    """Fields of Folded from the latest fact: patient, facility, clinical time, and its labels with those before.

    A death gives no facility, since it is stated in every episode of the patient, nor does an arrival that is expected.
    """
    if not told:
        return {}
    value = next((one.value for one in reversed(told) if not isinstance(one.value, _OF_NO_PLACE)), told[-1].value)
    labels = {label for one in told for label in one.value.labels}
    return {
        "patient_id": value.patient_id,
        "facility": value.facility,
        "labels": folded.labels if labels.issubset(folded.labels) else tuple(sorted(labels.union(folded.labels))),
        "last": told[-1].at,
    }


def _read_together(
    folded: Folded, stays: list[StayState], others: Sequence[OrderedFact], zone_of: ZoneOf, **fields: Any
) -> Folded:
    """The episode with all that follows from its stays together and from `others`, the facts about no stay. `fields`:
    fields of Folded that are known already."""
    episode = EpisodeFacts(folded)
    refused = {told.id: reason.value for told in others if (reason := episode.take(told)) is not None}
    stays = sorted(stays, key=lambda stay: (stay.begun, stay.key))
    stretches = stretches_of(stays)
    stays = with_suspensions(stays, stretches)
    deaths = deaths_of(episode.deaths, stays, folded.disbelieved)
    closed, not_closed = closings(stays, episode.closings, deaths)
    over = round_the_clock(stretches)
    conflicts = [*two_stays(stays, over)] if len(over) > 1 else []
    conflicts += alive_after_death(deaths, stays, zone_of) if deaths else []
    for stay in stays:
        if stay.sessions and over:
            conflicts += attended_inside(stay, stay.sessions, zone_of(stay.facility), over)
    fields["ineffective"] = fields["ineffective"] | refused | not_closed
    last = closed[-1] if closed else None
    now = last if last and last.reopened_at is None else None
    whole = replace(
        folded,
        **fields,
        **episode.fields(),
        stays=tuple(stays),
        levels=levels_of(stretches),
        conflicts=in_order(conflicts, folded.settled),
        deaths=deaths,
        closings=closed,
        aftercare_closed_at=next((one.at for one in reversed(closed) if one.reason == "aftercare-closed"), None),
        ended_at=now.at if now else None,
        ended_reason=now.reason if now else None,
    )
    state, since = state_of_episode(whole, zone_of)
    return replace(whole, state=state, since=since)
