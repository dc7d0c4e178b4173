"""The facts about each stay, sorted by what they do; and which first days lie inside another stay (3.6 rule 10)."""

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
from services.placement.continuum.stay import lived, with_diagnoses, with_plans, with_sessions
from shared.events.levels import ROUND_THE_CLOCK
from shared.events.planning import DischargePlan
from shared.events.stays import Absent, Admitted, Attended, DiagnosisRecorded, Started
from shared.values import replace

ZoneOf = Callable[[str], ZoneInfo]


class Run(NamedTuple):
    """A stay as its facts leave it, and the word for each that had no effect."""

    stay: StayState | None
    words: dict[str, str]


@dataclass(slots=True)
class Life:
    """All facts about one stay, each list in order."""

    key: StayKey
    moving: list[OrderedFact] = field(default_factory=list)
    sessions: list[OrderedFact[Attended | Absent]] = field(default_factory=list)
    diagnoses: list[OrderedFact[DiagnosisRecorded]] = field(default_factory=list)
    plans: list[OrderedFact[DischargePlan]] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)

    def add(self, told: OrderedFact[Any]) -> None:
        """Put a fact where it belongs."""
        self.labels.update(told.value.labels)
        if told.name in MOVING:
            self.moving.append(told)
        elif told.name in SESSIONS:
            self.sessions.append(told)
        elif told.name in PLANS:
            self.plans.append(told)
        else:
            self.diagnoses.append(told)

    def onward(self, stay: StayState | None, zone_of: ZoneOf, without: Iterable[str] = ()) -> Run:
        """The stay after these facts, gone on from `stay`, leaving out some starts."""
        words: dict[str, str] = {}
        if self.moving:
            stay, words = lived(stay, [told for told in self.moving if told.id not in without])
        if self.sessions:
            zone = zone_of(stay.facility) if stay else None
            stay, said = with_sessions(stay, self.sessions, zone)
            words |= said
        if stay is None:
            return Run(None, words | {told.id: NoEffectReason.NOT_OPEN.value for told in self.diagnoses})
        return Run(self._named(stay), words)

    def _named(self, stay: StayState) -> StayState:
        if self.plans:
            stay = with_plans(stay, self.plans)
        if self.diagnoses:
            stay = with_diagnoses(stay, self.diagnoses)
        if not self.labels.issubset(stay.labels):
            stay = replace(stay, labels=tuple(sorted(self.labels.union(stay.labels))))
        if stay.key != self.key:
            stay = replace(stay, key=self.key)
        return stay


def lives_of(told: Iterable[OrderedFact], names: Mapping[StayKey, StayKey]) -> dict[StayKey, Life]:
    """The lives that these facts are about; a stay that goes by several names is one."""
    lives: dict[StayKey, Life] = {}
    for one in told:
        key = own_name(one.stay, names)
        if (life := lives.get(key)) is None:
            life = lives[key] = Life(key)
        life.add(one)
    return lives


def entries(life: Life, words: Mapping[str, str], without: Iterable[str] = ()) -> list[OrderedFact]:
    """The starts that had an effect, at a level that is not a 24-hour one."""
    return [
        told
        for told in life.moving
        if isinstance(told.value, Admitted | Started)
        and told.value.level not in ROUND_THE_CLOCK
        and told.id not in words
        and told.id not in without
    ]


def run_all(lives: Mapping[StayKey, Life], zone_of: ZoneOf) -> dict[StayKey, Run]:
    """Each life from its beginning, without the unattended starts inside another, 24-hour stay.

    One start after the other in order: whether a start is inside depends only on stays that began before it.
    """
    runs = {key: life.onward(None, zone_of) for key, life in lives.items()}
    dropped: dict[StayKey, set[str]] = {key: set() for key in lives}
    cleared: set[str] = set()
    while (following := _next_entry(lives, runs, dropped, cleared)) is not None:
        key, entry = following
        cleared.add(entry.id)
        if _falls_inside(entry, runs, key, zone_of):
            dropped[key].add(entry.id)
            runs[key] = lives[key].onward(None, zone_of, dropped[key])
    for key, ids in dropped.items():
        runs[key].words.update(dict.fromkeys(ids, NoEffectReason.INSIDE_24_HOUR_STAY.value))
    return runs


def _next_entry(
    lives: Mapping[StayKey, Life], runs: Mapping[StayKey, Run], dropped: Mapping[StayKey, set[str]], cleared: set[str]
) -> tuple[StayKey, OrderedFact] | None:
    waiting = [
        (told, key)
        for key, life in lives.items()
        for told in entries(life, runs[key].words, dropped[key])
        if told.id not in cleared
    ]
    told, key = min(waiting, default=(None, None))
    return (key, told) if key is not None and told is not None else None


def _falls_inside(entry: OrderedFact, runs: Mapping[StayKey, Run], key: StayKey, zone_of: ZoneOf) -> bool:
    stay = runs[key].stay
    if stay is not None and any(session.attended for session in stay.sessions):
        return False
    return starts_inside(entry, key, [run.stay for run in runs.values() if run.stay], zone_of)


def starts_inside(entry: OrderedFact, key: StayKey, stays: Iterable[StayState], zone_of: ZoneOf) -> bool:
    """Whether the start's day lies wholly inside another, 24-hour stay."""
    over = round_the_clock(stretches_of(stays))
    zone = zone_of(entry.value.facility)
    return bool(over) and bool(inside(day_of(entry.at, zone), zone, key, over))
