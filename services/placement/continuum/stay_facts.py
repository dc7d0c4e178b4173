"""The facts about each stay, sorted by what they do, and what they make of it; without unattended starts inside
another, 24-hour stay (contract 3.6 rule 10)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from services.placement.continuum.active import own_name
from services.placement.continuum.levels import inside, round_the_clock, stretches_of
from services.placement.continuum.model import StayKey, StayState
from services.placement.continuum.order import OrderedFact, day_of
from services.placement.continuum.states import MOVING, PLANS, SESSIONS, NoEffectReason
from services.placement.continuum.stay import after_moves, with_diagnoses, with_plans, with_sessions
from shared.events.levels import ROUND_THE_CLOCK
from shared.events.planning import DischargePlan
from shared.events.stays import Absent, Admitted, Attended, DiagnosisRecorded, Started
from shared.values import replace

ZoneOf = Callable[[str], ZoneInfo]
"""From a facility to its time zone."""


class Run(NamedTuple):
    """A stay after its facts, None where none began it; and by ce_id why a fact has no effect."""

    stay: StayState | None
    reasons: dict[str, str]


@dataclass(slots=True)
class StayFacts:
    """All facts about one stay, each list in clinical order, and all their labels."""

    key: StayKey
    moving: list[OrderedFact] = field(default_factory=list)
    sessions: list[OrderedFact[Attended | Absent]] = field(default_factory=list)
    diagnoses: list[OrderedFact[DiagnosisRecorded]] = field(default_factory=list)
    plans: list[OrderedFact[DischargePlan]] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)

    def add(self, fact: OrderedFact[Any]) -> None:
        """Add a fact to the list that it belongs to."""
        self.labels.update(fact.value.labels)
        if fact.name in MOVING:
            self.moving.append(fact)
        elif fact.name in SESSIONS:
            self.sessions.append(fact)
        elif fact.name in PLANS:
            self.plans.append(fact)
        else:
            self.diagnoses.append(fact)

    def onward(self, stay: StayState | None, zone_of: ZoneOf, without: Iterable[str] = ()) -> Run:
        """The stay after these facts, starting from `stay`. `without`: ce_ids of starts to leave out."""
        reasons: dict[str, str] = {}
        if self.moving:
            stay, reasons = after_moves(stay, [fact for fact in self.moving if fact.id not in without])
        if self.sessions:
            zone = zone_of(stay.facility) if stay else None
            stay, said = with_sessions(stay, self.sessions, zone)
            reasons |= said
        if stay is None:
            return Run(None, reasons | {fact.id: NoEffectReason.NOT_OPEN.value for fact in self.diagnoses})
        if self.plans:
            stay, said = with_plans(stay, self.plans)
            reasons |= said
        return Run(self._named(stay), reasons)

    def _named(self, stay: StayState) -> StayState:
        if self.diagnoses:
            stay = with_diagnoses(stay, self.diagnoses)
        if not self.labels.issubset(stay.labels):
            stay = replace(stay, labels=tuple(sorted(self.labels.union(stay.labels))))
        if stay.key != self.key:
            stay = replace(stay, key=self.key)
        return stay


def facts_by_stay(facts: Iterable[OrderedFact], names: Mapping[StayKey, StayKey]) -> dict[StayKey, StayFacts]:
    """Key of a stay → its facts. `names`: from other keys of a stay to its own."""
    grouped: dict[StayKey, StayFacts] = {}
    for one in facts:
        key = own_name(one.stay, names)
        if (one_stay := grouped.get(key)) is None:
            one_stay = grouped[key] = StayFacts(key)
        one_stay.add(one)
    return grouped


def entries(one_stay: StayFacts, reasons: Mapping[str, str], without: Iterable[str] = ()) -> list[OrderedFact]:
    """The starts at a level that is not a 24-hour one, without those in `reasons` (without effect) and `without`."""
    return [
        fact
        for fact in one_stay.moving
        if isinstance(fact.value, Admitted | Started)
        and fact.value.level not in ROUND_THE_CLOCK
        and fact.id not in reasons
        and fact.id not in without
    ]


def run_all(by_stay: Mapping[StayKey, StayFacts], zone_of: ZoneOf) -> dict[StayKey, Run]:
    """Each stay from its beginning, without unattended starts inside another, 24-hour stay (contract 3.6 rule 10).

    Starts are looked at in clinical order, since whether one is inside depends only on stays that began before it.
    """
    runs = {key: one_stay.onward(None, zone_of) for key, one_stay in by_stay.items()}
    dropped: dict[StayKey, set[str]] = {key: set() for key in by_stay}
    cleared: set[str] = set()
    while (following := _next_entry(by_stay, runs, dropped, cleared)) is not None:
        key, entry = following
        cleared.add(entry.id)
        if _falls_inside(entry, runs, key, zone_of):
            dropped[key].add(entry.id)
            runs[key] = by_stay[key].onward(None, zone_of, dropped[key])
    for key, ids in dropped.items():
        runs[key].reasons.update(dict.fromkeys(ids, NoEffectReason.INSIDE_24_HOUR_STAY.value))
    return runs


def _next_entry(
    by_stay: Mapping[StayKey, StayFacts],
    runs: Mapping[StayKey, Run],
    dropped: Mapping[StayKey, set[str]],
    cleared: set[str],
) -> tuple[StayKey, OrderedFact] | None:
    waiting = [
        (fact, key)
        for key, one_stay in by_stay.items()
        for fact in entries(one_stay, runs[key].reasons, dropped[key])
        if fact.id not in cleared
    ]
    fact, key = min(waiting, default=(None, None))
    return (key, fact) if key is not None and fact is not None else None


def _falls_inside(entry: OrderedFact, runs: Mapping[StayKey, Run], key: StayKey, zone_of: ZoneOf) -> bool:
    stay = runs[key].stay
    if stay is not None and any(session.attended for session in stay.sessions):
        return False
    return starts_inside(entry, key, [run.stay for run in runs.values() if run.stay], zone_of)


def starts_inside(entry: OrderedFact, key: StayKey, stays: Iterable[StayState], zone_of: ZoneOf) -> bool:
    """True when the whole day of the start lies inside another, 24-hour stay. `key`: the start's own stay."""
    over = round_the_clock(stretches_of(stays))
    zone = zone_of(entry.value.facility)
    return bool(over) and bool(inside(day_of(entry.at, zone), zone, key, over))
