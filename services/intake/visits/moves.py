"""Walks a visit's statements in clinical order through the table of moves: the stays that come of them, and for each
statement that did nothing the reason.

Sources: contract 3.6 (rules 2 and 7, table of moves) and 6; IHE ITI-31. The reasons are those of contract 3.6;
`waiting` is for what has no stay yet, `unmapped` for a unit that site config does not name, `already-told` and
`already-there` for what is so already.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from msgspec import structs

from services.intake.hl7.model import Moment, SiteMap, UnitAs, VisitMessage
from services.intake.hl7.triggers import StatementKind
from services.intake.visits.stays import At, State, Statement, Stay, Step, StepFact

_RANK: dict[StatementKind, int] = {"start": 0, "back": 1, "move": 2, "leave": 3, "end": 4}
"""Order of statements of one instant: starts, leave-ended, transferred, leave-started, ends (contract 3.6 rule 7)."""


@dataclass(slots=True)
class Walk:
    """The stays made so far, and of each statement that did nothing the reason."""

    site: SiteMap
    stays: list[Stay] = field(default_factory=list)
    reasons: dict[int, str] = field(default_factory=dict)
    """Turn of the statement (its place in the order said) → why it did nothing."""

    @property
    def stay(self) -> Stay | None:
        """The last one."""
        return self.stays[-1] if self.stays else None

    def mapped(self, statement: Statement) -> UnitAs | None:
        """What the statement's unit is at this site; None where it is neither of a level nor of a visit class."""
        found = self.site.unit(statement.said.adt.facility, statement.unit) if statement.unit else None
        return found if found and (found.level or found.visit_class) else None


def statement(said: VisitMessage, turn: int) -> Statement | None:
    """The statement in a message; None where its trigger has none. `turn`: the message's place in the order said."""
    kind = said.adt.means.states
    if kind is None:
        return None
    if kind == "end":
        return Statement(said, kind, said.adt.occurred.end, turn)
    return Statement(said, kind, (said.adt.occurred if kind == "start" else said.adt.event).start, turn)


def walk(statements: list[Statement], site: SiteMap) -> Walk:
    """The stays that these statements make, whatever order they are given in.

    Those of one instant are tried until none moves any more (contract 3.6 rule 6).
    """
    found = Walk(site)
    ordered = sorted(_with_a_start(statements, found), key=_clinical)
    for _, tied in groupby(ordered, key=attrgetter("at")):
        _try_all(found, list(tied))
    return found


def _clinical(one: Statement) -> tuple[datetime, int, int]:
    """The sort key of statements: time, then kind, then the order said."""
    return one.at, _RANK[one.kind], one.turn


def _with_a_start(statements: list[Statement], found: Walk) -> list[Statement]:
    """A transfer of an unknown visit takes effect at once: as its start, PV1-44 else the event's time (contract 6)."""
    ordered = sorted((one for one in statements if not one.by_cancel), key=_clinical)
    first = next((one for one in ordered if one.kind in {"start", "move"} and found.mapped(one)), None)
    if first is None or first.kind == "start":
        return statements
    after = (one.kind for one in ordered[ordered.index(first) + 1 :] if one.kind in {"start", "end"})
    if next(after, "end") == "start":
        return statements
    told, known = first.said.adt.admitted, any(one.kind == "start" for one in ordered[: ordered.index(first)])
    at = min(told.start, first.at) if isinstance(told, Moment) and not known else first.at
    return [structs.replace(one, kind="start", at=at) if one is first else one for one in statements]


def _try_all(found: Walk, pending: list[Statement]) -> None:
    """Try statements again and again until none of them moves anything any more."""
    while pending:
        left = [one for one in pending if not _try(found, one)]
        if len(left) == len(pending):
            return
        pending = left


def _try(found: Walk, one: Statement) -> bool:
    """Try a statement on the last stay; False, with the reason noted, where it did nothing."""
    stay = found.stay
    move = MOVES[one.kind][stay.state if stay else "none"]
    reason = move if isinstance(move, str) else move(found, one)
    if reason is None:
        found.reasons.pop(one.turn, None)
        return True
    if stay and one.turn not in found.reasons:
        stay.others.append(one)
    found.reasons[one.turn] = reason
    return False


def _step(stay: Stay, fact: StepFact, one: Statement, after: At, state: State) -> None:
    """Add a step to a stay, which puts it into this state."""
    stay.steps.append(Step(fact, one, one.at, stay.steps[-1].after if stay.steps else None, after))
    stay.state = state


def _begin(found: Walk, one: Statement) -> str | None:
    """Begin the visit's next stay."""
    unit = found.mapped(one)
    if unit is None:
        return "unmapped"
    if any(stay.begun == one.at for stay in found.stays):
        return "already-told"
    stay = Stay(len(found.stays) + 1)
    found.stays.append(stay)
    _enter(stay, one, unit)
    return None


def _enter(stay: Stay, one: Statement, unit: UnitAs) -> None:
    """An admission where the unit has a level, else the start of a visit without level."""
    place = At(one.unit, unit.level, unit.program, None if unit.level else unit.visit_class, unit.setting)
    _step(stay, "admitted" if unit.level else "visit-started", one, place, "open" if unit.level else "visit")


def _into_a_level(found: Walk, one: Statement) -> str | None:
    """A start while a visit without level is open: in a unit with a level it is the admission of the same stay."""
    unit, stay = found.mapped(one), found.stays[-1]
    if unit is None or not unit.level:
        return "already-open" if unit else "unmapped"
    _enter(stay, one, unit)
    return None


def _move_visit(found: Walk, one: Statement) -> str | None:
    """A transfer during a visit without level: to a unit with a level it is an admission of the same stay."""
    unit, stay = found.mapped(one), found.stays[-1]
    if unit is None:
        return "unmapped"
    if unit.level:
        _enter(stay, one, unit)
        return None
    if one.unit == stay.place.unit:
        return "already-there"
    _step(stay, "transferred", one, At(one.unit, None, unit.program, unit.visit_class, unit.setting), "visit")
    return None


def _move(found: Walk, one: Statement) -> str | None:
    """A transfer during a stay at a level. In a unit without level the level goes on, but a change to outpatient (A07)
    ends it (contract 6)."""
    unit, stay = found.mapped(one), found.stays[-1]
    if unit is None:
        return "unmapped"
    ends_level = unit.level is None and one.said.adt.means.moves_to == "outpatient"
    level = unit.level or (None if ends_level else stay.place.level)
    if one.unit == stay.place.unit and level == stay.place.level:
        return "already-there"
    place = At(one.unit, level, unit.program, unit.visit_class if ends_level else None, unit.setting)
    _step(stay, "transferred", one, place, "visit" if ends_level else stay.state)
    return None


def _move_after_the_end(found: Walk, one: Statement) -> str | None:
    """A change of class after the end begins a new stay (ITI-31); a transfer does not."""
    return _begin(found, one) if one.said.adt.means.moves_to else "ended"


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
"""Makes a step of a stay and returns None, or returns the reason why there is none."""
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
