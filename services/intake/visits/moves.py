"""Walks a visit's statements in clinical order through the table of moves: the stays that come of them, and for each
statement that did nothing the reason.

Sources: contract 3.6 (rules 2 and 7, table of moves) and 6; IHE ITI-31. The reasons are those of contract 3.6;
`waiting` is for what has no stay yet, `unmapped` for a unit that site config does not name, `already-told` and
`already-there` for what is so already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

from msgspec import structs

from services.intake.hl7.model import Adt, Moment, SiteMap, VisitMessage
from services.intake.hl7.triggers import TRIGGERS, StatementKind
from services.intake.visits.stays import At, State, Statement, Stay, Step, StepFact
from shared.site.units import UnitOfVisit, VisitCodes

_RANK: dict[StatementKind, int] = {"start": 0, "back": 1, "move": 2, "leave": 3, "end": 4}
"""Order of statements of one instant: starts, leave-ended, transferred, leave-started, ends (contract 3.6 rule 7)."""
CLINICAL = attrgetter("at", "rank", "turn")


BEGINNING = "waiting"
"""The reason noted for a message that waits for the beginning of its visit."""


@dataclass(slots=True)
class Walk:
    """The stays made so far, and of each statement that did nothing the reason."""

    stays: list[Stay] = field(default_factory=list)
    reasons: dict[int, str] = field(default_factory=dict)
    """Turn of the statement (its place in the order said) → why it did nothing."""


def statement(
    said: VisitMessage, kind: StatementKind, turn: int, site: SiteMap, *, by_cancel: bool = False
) -> Statement:
    """What a message states: when that was, and where it goes to a unit what this is at the site (a level, or a class
    of visit). `turn`: the message's place in the order said. A cancel's own time is when it was said: its EVN-6 is the
    time of what it cancels."""
    adt, unit = said.adt, said.adt.location.unit or ""
    at = adt.occurred.end if kind == "end" else adt.occurred.start if kind == "start" else adt.event.start
    if by_cancel:
        at = adt.stated_at
    mapped = place_of(adt, unit, site) if unit and kind in {"start", "move"} else None
    return Statement(said, kind, at, _RANK[kind], turn, unit, mapped, by_cancel)


def place_of(adt: Adt, unit: str, site: SiteMap) -> UnitOfVisit | None:
    """What a unit is for the visit, by PV1-2, PV1-10 and PV1-18. A06 and A07 say by themselves what PV1-2 changes to
    where it is empty, and after an A06 it is inpatient whatever PV1-2 says; who is transferred has arrived."""
    told, to = adt.patient_class, TRIGGERS[adt.trigger].moves_to
    if told is None and to:
        told = "I" if to == "inpatient" else "O"
    found = site.place(adt.facility, unit, VisitCodes(told, adt.service, adt.patient_type))
    inpatient_now = to == "inpatient" and found is not None and found.level is None and not found.one_stay
    if found is not None and (inpatient_now or (found.expected and TRIGGERS[adt.trigger].states == "move")):
        return site.place(adt.facility, unit, VisitCodes("I", adt.service, adt.patient_type)) or found
    return found


def walk(statements: Iterable[Statement]) -> Walk:
    """The stays that these statements make, whatever order they are given in.

    Those of one instant are tried until none moves any more (contract 3.6 rule 6).
    """
    found = Walk()
    for _, tied in groupby(_with_a_start(sorted(statements, key=CLINICAL)), key=attrgetter("at")):
        pending = list(tied)
        while pending:
            left = [one for one in pending if not _try(found, one)]
            pending = left if len(left) < len(pending) else []
    return found


def _with_a_start(ordered: list[Statement]) -> list[Statement]:
    """A transfer of an unknown visit takes effect at once: as its start, PV1-44 else the event's time (contract 6)."""
    begun = False
    for place, one in enumerate(ordered):
        if one.kind == "start" and not one.by_cancel:
            if one.mapped:
                return ordered
            begun = True  # in a unit that is not mapped
        elif one.kind == "move" and one.mapped and not one.by_cancel:
            return ordered if _starts_anew(ordered[place + 1 :]) else _as_start(ordered, place, begun=begun)
    return ordered


def _starts_anew(later: list[Statement]) -> bool:
    """Whether a start comes before any end."""
    kinds = (one.kind for one in later if one.kind in {"start", "end"} and not one.by_cancel)
    return next(kinds, "end") == "start"


def _as_start(ordered: list[Statement], place: int, *, begun: bool) -> list[Statement]:
    """The statements in clinical order, with the one at this index as a start. `begun`: a start was said before it."""
    one = ordered[place]
    told = one.said.adt.admitted
    at = min(told.start, one.at) if isinstance(told, Moment) and not begun else one.at
    start = structs.replace(one, kind="start", at=at, rank=_RANK["start"])
    return sorted([*ordered[:place], start, *ordered[place + 1 :]], key=CLINICAL)


def _try(found: Walk, one: Statement) -> bool:
    """Try a statement on the last stay; False, with the reason noted, where it did nothing."""
    stay = found.stays[-1] if found.stays else None
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
    stay.steps.append(Step(fact, one, one.at, stay.place if stay.steps else None, after))
    stay.place, stay.state = after, state


def _begin(found: Walk, one: Statement) -> str | None:
    """Begin the visit's next stay."""
    if one.mapped is None:
        return "unmapped"
    for stay in found.stays:
        if stay.begun == one.at:
            return "already-told"
    place = _entered(one.unit, one.mapped)
    after = found.stays[-1].steps[-1].at if found.stays else None
    stay = Stay(len(found.stays) + 1, one.at, place, after=after)
    found.stays.append(stay)
    _enter(stay, one, place)
    return None


def _entered(code: str, unit: UnitOfVisit) -> At:
    """Where a stay is that begins in this unit: at its level, or in its class of visits without level."""
    return At(code, unit.level, unit.program, None if unit.level else unit.visit_class, unit.setting)


def _enter(stay: Stay, one: Statement, place: At) -> None:
    """An admission where the unit has a level, else the start of a visit without level."""
    if place.level:
        _step(stay, "admitted", one, place, "open")
    else:
        _step(stay, "visit-started", one, place, "visit")


def _into_a_level(found: Walk, one: Statement) -> str | None:
    """A start while a visit without level is open: in a unit with a level it is the admission of the same stay."""
    unit, stay = one.mapped, found.stays[-1]
    if unit is None or not unit.level:
        return "already-open" if unit else "unmapped"
    _enter(stay, one, _entered(one.unit, unit))
    return None


def _move_visit(found: Walk, one: Statement) -> str | None:
    """A transfer during a visit without level: to a unit with a level it is an admission of the same stay."""
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
    """A transfer during a stay at a level. In a unit without level the level goes on, but a change to outpatient (A07)
    ends it (contract 6)."""
    unit, stay = one.mapped, found.stays[-1]
    if unit is None:
        return "unmapped"
    to_outpatient = TRIGGERS[one.said.adt.trigger].moves_to == "outpatient"
    ends_level = unit.level is None and (to_outpatient or unit.one_stay)
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
"""Makes a step of a stay and returns None, or returns the reason why there is none."""
MOVES: dict[StatementKind, dict[State, str | Move]] = {
    "start": {
        "none": _begin,
        "visit": _into_a_level,
        "open": "already-open",
        "on-leave": "already-open",
        "ended": _begin,
    },
    "move": {"none": BEGINNING, "visit": _move_visit, "open": _move, "on-leave": _move, "ended": _move_after_the_end},
    "leave": {"none": BEGINNING, "visit": "no-level", "open": _leave, "on-leave": "on-leave", "ended": "ended"},
    "back": {"none": BEGINNING, "visit": "no-level", "open": "not-on-leave", "on-leave": _back, "ended": "ended"},
    "end": {"none": BEGINNING, "visit": _end, "open": _end, "on-leave": _end, "ended": "ended"},
}
