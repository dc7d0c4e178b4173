"""From facts to what is so of an episode: a pure function of the set of facts (contract 3.6); no clock, no store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from services.placement.continuum.active import ActiveFacts, own_name, read, speaks_out_of_turn, standing
from services.placement.continuum.closing import closings, state_of_episode
from services.placement.continuum.conflicts import attended_inside, in_order, two_stays
from services.placement.continuum.deaths import alive_after_death, deaths_of
from services.placement.continuum.episode_facts import Around
from services.placement.continuum.levels import levels_of, round_the_clock, stretches_of, with_suspensions
from services.placement.continuum.model import FOLD_VERSION, Conflict, Folded, StayKey, StayState
from services.placement.continuum.order import OrderedFact, day_of, place
from services.placement.continuum.states import ABOUT_A_STAY, MAY_WAKE, NoEffectReason
from services.placement.continuum.stay import judged
from services.placement.continuum.stay_facts import Life, Run, ZoneOf, entries, lives_of, run_all, starts_inside
from shared.events.planning import ConflictSettled
from shared.events.stays import PatientDied, Started
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact
from shared.values import replace

_NEED_THE_PAST = (FactCancelled, ConflictSettled, PatientDied)


def fold(facts: Iterable[Fact], zone_of: ZoneOf) -> Folded:
    """What is so by all these facts of one episode, in whatever order and however often they are given.

    `zone_of` leads from a facility to its zone. Facts of types that it does not know, and announcements, change
    nothing. Values are taken to be valid by their models (shared.events).
    """
    given = list(facts)
    found = standing(given)
    start = replace(_named_only(given), settled=found.settled, disbelieved=found.disbelieved)
    everything = sorted([*found.told, *(told for told, _ in found.corroborating)])
    runs = run_all(lives_of((told for told in found.told if told.name in ABOUT_A_STAY), found.names), zone_of)
    stays, words = _told_twice(found, runs)
    others = [told for told in found.told if told.name not in ABOUT_A_STAY]
    fields = _heading(start, everything) | {"awaited": found.awaited, "ineffective": found.ineffective | words}
    return _with_places(_read_together(start, stays, others, zone_of, **fields), given)


def _with_places(folded: Folded, facts: Iterable[Fact]) -> Folded:
    """The fold with the facility of each fact that has no effect; `facts` are all of them, or those that came now."""
    if not folded.ineffective:
        return folded if not folded.said_at else replace(folded, said_at={})
    told = folded.said_at | {fact.id: fact.value.facility for fact in facts}
    return replace(folded, said_at={ce_id: told.get(ce_id, "") for ce_id in folded.ineffective})


def _named_only(given: Sequence[Fact]) -> Folded:
    """An episode of which nothing stands still is somebody's: the latest fact that is read says whose, for what was
    announced on the way depends on the order in which facts came."""
    if not given:
        return Folded(episode_id="")
    latest = max(
        [fact for fact in given if read(fact)] or given,
        key=lambda fact: (fact.value.occurred_at, fact.writer, fact.sequence, fact.id),
    )
    return Folded(latest.subject, patient_id=latest.value.patient_id, facility=latest.value.facility)


def _told_twice(found: ActiveFacts, runs: Mapping[StayKey, Run]) -> tuple[list[StayState], dict[str, str]]:
    """The stays with their other names; a corroborating start shares the fate of the one that it names."""
    stays = {key: run.stay for key, run in runs.items() if run.stay}
    words = {ce_id: word for run in runs.values() for ce_id, word in run.words.items()}
    for told, head in found.corroborating:
        stay = stays.get(own_name(told.stay, found.names))
        if head in words or stay is None:
            words[told.id] = words.get(head, NoEffectReason.NOT_OPEN.value)
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
    return list(stays.values()), words


def advance(folded: Folded, new: Sequence[Fact], zone_of: ZoneOf) -> Folded | None:
    """The fold of all facts behind `folded` and the new ones, gone on from `folded`; None: load all facts and fold.

    It goes on only where every new fact is plain, later than all before, and nothing that lies behind can change by
    it: a stay that begins after a death changes what the death had closed. The new facts must not have been folded
    before.
    """
    reading = [fact for fact in {fact.id: fact for fact in new}.values() if read(fact)]
    if folded.version != FOLD_VERSION or folded.deaths or not _plain(reading):
        return None
    if folded.awaited and any(fact.id in folded.awaited for fact in new):
        return None
    if not reading and folded.last is not None:
        return folded
    words = {fact.id: NoEffectReason.WRONG_WRITER.value for fact in reading if speaks_out_of_turn(fact)}
    told = sorted(place(fact) for fact in reading if fact.id not in words)
    if _too_early(folded, told):
        return None
    names = {alias: stay.key for stay in folded.stays for alias in stay.aliases}
    lives = lives_of((one for one in told if one.name in ABOUT_A_STAY), names)
    after = _onward(folded, told, lives, words, zone_of)
    return _with_places(after, reading) if after else None


def _too_early(folded: Folded, told: Sequence[OrderedFact]) -> bool:
    """Whether a fact belongs before others; and nothing can be said where nothing stands at all."""
    if folded.last is None or not told:
        return folded.last is None and not told
    return told[0].at <= folded.last


def _plain(reading: Iterable[Fact]) -> bool:
    return not any(
        isinstance(fact.value, _NEED_THE_PAST) or fact.value.replaces or fact.value.corroborates for fact in reading
    )


def _onward(
    folded: Folded, told: list[OrderedFact], lives: Mapping[StayKey, Life], words: dict[str, str], zone_of: ZoneOf
) -> Folded | None:
    before = {stay.key: stay for stay in folded.stays}
    runs = {key: life.onward(before.get(key), zone_of) for key, life in lives.items()}
    stays = before | {key: run.stay for key, run in runs.items() if run.stay}
    if any(_reaches_back(folded, life, runs[life.key], stays, zone_of) for life in lives.values()):
        return None
    words = folded.ineffective | words
    for run in runs.values():
        words |= run.words
    others = [one for one in told if one.name not in ABOUT_A_STAY]
    fields = _heading(folded, told)
    if others or any(life.moving for life in lives.values()):
        return _read_together(folded, list(stays.values()), others, zone_of, ineffective=words, **fields)
    if not told:
        return replace(folded, ineffective=words)
    fields["stays"] = tuple(stays[stay.key] for stay in folded.stays)
    if more := _conflicts_of_new_sessions(folded, runs, stays.values(), zone_of):
        fields["conflicts"] = in_order([*folded.conflicts, *more], folded.settled)
    return replace(folded, **fields, ineffective=words)


def _reaches_back(folded: Folded, life: Life, run: Run, stays: Mapping[StayKey, StayState], zone_of: ZoneOf) -> bool:
    """Whether something that was folded before may change by these facts."""
    refused = folded.ineffective.values()
    if not life.moving:
        return NoEffectReason.INSIDE_24_HOUR_STAY in refused and any(told.id in run.words for told in life.sessions)
    if any(word in MAY_WAKE for word in refused):
        return True
    if any(starts_inside(entry, life.key, stays.values(), zone_of) for entry in entries(life, run.words)):
        return True
    if run.stay is None or not run.stay.sessions:
        return False
    zone = zone_of(run.stay.facility)
    since = day_of(life.moving[0].at, zone)
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
    """Patient, facility, labels and place in time, as the latest fact has them; a death says not where it is."""
    if not told:
        return {}
    value = next((one.value for one in reversed(told) if not isinstance(one.value, PatientDied)), told[-1].value)
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
    """All that is read from the stays together, and from the facts that are about none; `fields` are known already."""
    around = Around(folded)
    refused = {told.id: word.value for told in others if (word := around.take(told)) is not None}
    if len(stays) > 1:
        stays = sorted(stays, key=lambda stay: (stay.begun, stay.key))
    stretches = stretches_of(stays)
    stays = with_suspensions(stays, stretches)
    deaths = deaths_of(around.deaths, stays, folded.disbelieved)
    closed, not_closed = closings(stays, around.closings, deaths)
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
        **around.fields(),
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
