"""One visit number's stays, walked in clinical order through the table of moves; what each statement did, or why not.

Sources: contract 3.6 (rules 2 and 7, table of moves) and 6; IHE ITI-31. The words are those of contract 3.6; `waiting`
is for what has no stay yet, `unmapped` for a unit that site config does not name, `already-told` and `already-there`
for what is so already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

from msgspec import structs

from services.intake.hl7.model import Moment, SiteMap, VisitMessage
from services.intake.hl7.triggers import TRIGGERS, StatementKind
from services.intake.visits.stays import At, State, Statement, Stay, Step, StepFact
from shared.site.values import Unit

_RANK: dict[StatementKind, int] = {"start": 0, "back": 1, "move": 2, "leave": 3, "end": 4}
"""Of one instant: starts, leave-ended, transferred, leave-started, ends (contract 3.6 rule 7)."""
_CLINICAL = attrgetter("at", "rank", "turn")


@dataclass(slots=True)
class Walk:
    """The stays, and for each statement that did nothing the word that says why."""

    stays: list[Stay] = field(default_factory=list)
    words: dict[int, str] = field(default_factory=dict)
    """Turn → word."""


def statement(said: VisitMessage, kind: StatementKind, turn: int, site: SiteMap, *, aside: bool = False) -> Statement:
    """What a message states: when that was, and what its unit is at this site where it goes to one (a level, or a class
    of visit)."""
    adt, unit = said.adt, said.adt.location.unit or ""
    at = adt.occurred.end if kind == "end" else adt.occurred.start if kind == "start" else adt.event.start
    found = site.unit(adt.facility, unit) if unit and kind in {"start", "move"} else None
    mapped = found if found and (found.level or found.visit_class) else None
    return Statement(said, kind, at, _RANK[kind], turn, unit, mapped, aside)


def walk(statements: Iterable[Statement]) -> Walk:
    """The stays that these statements make, whatever order they are given in.

    Those of one instant are tried until none moves any more (contract 3.6 rule 6).
    """
    found = Walk()
    for _, tied in groupby(_with_a_start(sorted(statements, key=_CLINICAL)), key=attrgetter("at")):
        pending = list(tied)
        while pending:
            left = [one for one in pending if not _try(found, one)]
            pending = left if len(left) < len(pending) else []
    return found


def _with_a_start(ordered: list[Statement]) -> list[Statement]:
    """A transfer of an unknown visit takes effect at once: as its start, PV1-44 else the event's time (contract 6)."""
    begun = False
    for place, one in enumerate(ordered):
        if one.kind == "start" and not one.aside:
            if one.mapped:
                return ordered
            begun = True  # in a unit that is not mapped
        elif one.kind == "move" and one.mapped and not one.aside:
            return ordered if _starts_anew(ordered[place + 1 :]) else _as_start(ordered, place, begun=begun)
    return ordered


def _starts_anew(later: list[Statement]) -> bool:
    """Whether a start comes before any end."""
    kinds = (one.kind for one in later if one.kind in {"start", "end"} and not one.aside)
    return next(kinds, "end") == "start"


def _as_start(ordered: list[Statement], place: int, *, begun: bool) -> list[Statement]:
    """The same, in order, with the one at this place as a start; `begun`: one was said before it."""
    one = ordered[place]
    told = one.said.adt.admitted
    at = min(told.start, one.at) if isinstance(told, Moment) and not begun else one.at
    start = structs.replace(one, kind="start", at=at, rank=_RANK["start"])
    return sorted([*ordered[:place], start, *ordered[place + 1 :]], key=_CLINICAL)


def _try(found: Walk, one: Statement) -> bool:
    stay = found.stays[-1] if found.stays else None
    move = MOVES[one.kind][stay.state if stay else "none"]
    word = move if isinstance(move, str) else move(found, one)
    if word is None:
        found.words.pop(one.turn, None)
        return True
    if stay and one.turn not in found.words:
        stay.others.append(one)
    found.words[one.turn] = word
    return False


def _step(stay: Stay, fact: StepFact, one: Statement, after: At, state: State) -> None:
    stay.steps.append(Step(fact, one, one.at, stay.place if stay.steps else None, after))
    stay.place, stay.state = after, state


def _begin(found: Walk, one: Statement) -> str | None:
    if one.mapped is None:
        return "unmapped"
    for stay in found.stays:
        if stay.begun == one.at:
            return "already-told"
    place = _entered(one.unit, one.mapped)
    stay = Stay(len(found.stays) + 1, one.at, place)
    found.stays.append(stay)
    _enter(stay, one, place)
    return None


def _entered(code: str, unit: Unit) -> At:
    return At(code, unit.level, unit.program, None if unit.level else unit.visit_class, unit.setting)


def _enter(stay: Stay, one: Statement, place: At) -> None:
    if place.level:
        _step(stay, "admitted", one, place, "open")
    else:
        _step(stay, "visit-started", one, place, "visit")


def _into_a_level(found: Walk, one: Statement) -> str | None:
    """A start told while a visit without level goes on: into a level it is an admission of the same stay."""
    unit, stay = one.mapped, found.stays[-1]
    if unit is None or not unit.level:
        return "already-open" if unit else "unmapped"
    _enter(stay, one, _entered(one.unit, unit))
    return None


def _move_visit(found: Walk, one: Statement) -> str | None:
    unit, stay = one.mapped, found.stays[-1]
    if unit is None:
        return "unmapped"
    if unit.level:
        _enter(stay, one, _entered(one.unit, unit))
        return None
    if one.unit == stay.place.unit:
        return "already-there"
    _step(stay, "transferred", one, At(one.unit, None, unit.program, unit.visit_class, unit.setting), "visit")
    return None


def _move(found: Walk, one: Statement) -> str | None:
    """To a unit without level the level stays as it is, but for a change to outpatient, which ends it (contract 6)."""
    unit, stay = one.mapped, found.stays[-1]
    if unit is None:
        return "unmapped"
    ends_level = unit.level is None and TRIGGERS[one.said.adt.trigger].moves_to == "outpatient"
    level = unit.level or (None if ends_level else stay.place.level)
    if one.unit == stay.place.unit and level == stay.place.level:
        return "already-there"
    place = At(one.unit, level, unit.program, unit.visit_class if ends_level else None, unit.setting)
    _step(stay, "transferred", one, place, "visit" if ends_level else stay.state)
    return None


def _move_after_the_end(found: Walk, one: Statement) -> str | None:
    """A change of class after the end begins a new stay (ITI-31); a transfer does not."""
    return _begin(found, one) if TRIGGERS[one.said.adt.trigger].moves_to else "ended"


def _leave(found: Walk, one: Statement) -> str | None:
    _step(found.stays[-1], "leave-started", one, found.stays[-1].place, "on-leave")
    return None


def _back(found: Walk, one: Statement) -> str | None:
    _step(found.stays[-1], "leave-ended", one, found.stays[-1].place, "open")
    return None


def _end(found: Walk, one: Statement) -> str | None:
    stay = found.stays[-1]
    _step(stay, "visit-ended" if stay.state == "visit" else "discharged", one, stay.place, "ended")
    return None


Move = Callable[[Walk, Statement], "str | None"]
MOVES: dict[StatementKind, dict[State, str | Move]] = {
    "start": {
        "none": _begin,
        "visit": _into_a_level,
        "open": "already-open",
        "on-leave": "already-open",
        "ended": _begin,
    },
    "move": {"none": "waiting", "visit": _move_visit, "open": _move, "on-leave": _move, "ended": _move_after_the_end},
    "leave": {"none": "waiting", "visit": "no-level", "open": _leave, "on-leave": "on-leave", "ended": "ended"},
    "back": {"none": "waiting", "visit": "no-level", "open": "not-on-leave", "on-leave": _back, "ended": "ended"},
    "end": {"none": "waiting", "visit": _end, "open": _end, "on-leave": _end, "ended": "ended"},
}
