"""Which statements of a visit stand: a cancel takes back the last matching statement that was said before it.

Sources: contract 3.6 rule 7 and section 6; IHE ITI-31.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from services.intake.hl7.model import SiteMap, VisitMessage
from services.intake.hl7.triggers import TRIGGERS, WHOLE_STAY
from services.intake.visits.moves import Walk, statement, walk
from services.intake.visits.stays import Statement, Stay
from services.intake.visits.updates import RENAMES, Update


@dataclass(slots=True)
class EffectiveStatements:
    """The statements of a visit after its cancels. A message is named by its turn: its index in `said`.

    `live` are the statements that stand, `taken_back` the turns of those that a cancel took back; `cancels` has the
    turn of each cancel with the reason why it did nothing, "" where it took effect; `updates` are no statements.
    """

    said: list[VisitMessage]
    """All messages of the visit, in the order said."""
    live: list[Statement] = field(default_factory=list)
    taken_back: set[int] = field(default_factory=set)
    cancels: dict[int, str] = field(default_factory=dict)
    updates: list[Update] = field(default_factory=list)


def effective_statements(said: list[VisitMessage], site: SiteMap) -> EffectiveStatements:
    """Work off statements and cancels in the order said; a cancel of something that was not said before it waits."""
    found = EffectiveStatements(said)
    for turn, message in enumerate(said):
        means = TRIGGERS[message.adt.trigger]
        if means.cancels is not None:
            gone = _taken_back(means.cancels, walk(found.live), found.live)
            _cancel(found, message, turn, gone, site)
        elif means.updates or means.records == RENAMES:
            found.updates.append(Update(turn, message))
        elif means.states is not None:
            found.live.append(statement(message, means.states, turn, site))
    return found


def _cancel(found: EffectiveStatements, message: VisitMessage, turn: int, gone: set[int] | str, site: SiteMap) -> None:
    """Note what a cancel does: `gone` are the turns that it takes back, or the reason why it takes back none."""
    if isinstance(gone, str):
        found.cancels[turn] = "already-told" if gone == "waiting" and _is_repetition(found, message) else gone
        return
    found.cancels[turn] = ""
    found.taken_back |= gone
    found.live = [one for one in found.live if one.turn not in gone]
    if TRIGGERS[message.adt.trigger].moves_too and message.adt.location.unit:
        found.live.append(statement(message, "move", turn, site, by_cancel=True))


def _is_repetition(found: EffectiveStatements, message: VisitMessage) -> bool:
    """Whether a cancel that finds nothing to take back repeats one that took effect."""
    trigger = message.adt.trigger
    return any(not reason and found.said[turn].adt.trigger == trigger for turn, reason in found.cancels.items())


@dataclass(frozen=True, slots=True)
class _Match:
    """A statement that a cancel matches, and the stay that it moved; None where it had no effect yet."""

    said: Statement
    stay: Stay | None = None


_PENDING = frozenset({"waiting", "unmapped"})
"""Reasons of statements that have no effect yet: they may have one when their visit or unit is known."""


def _last_said(known: Walk, live: list[Statement], matches: Callable[[Statement], bool]) -> _Match | None:
    """The matching statement said last that took effect, or would if its visit or unit were known."""
    found = [
        _Match(one) for one in live if known.reasons.get(one.turn) in _PENDING and not one.by_cancel and matches(one)
    ]
    found += [
        _Match(step.statement, stay)
        for stay in known.stays
        for step in stay.steps
        if not step.statement.by_cancel and matches(step.statement)
    ]
    return max(found, key=lambda match: match.said.turn, default=None)


def _with_repetitions(match: _Match, known: Walk, live: list[Statement]) -> set[int]:
    """The turns of a matched statement and of those that repeated it, and so did nothing."""
    said = match.said
    idle = [
        one for one in (match.stay.others if match.stay else live) if one.turn in known.reasons and not one.by_cancel
    ]
    return {said.turn} | {one.turn for one in idle if one.trigger == said.trigger and _same(one, match)}


def _same(one: Statement, match: _Match) -> bool:
    """Whether a statement of the same trigger says the same: without a stay by its time, a transfer by its unit."""
    if match.stay is None:
        return one.at == match.said.at
    return one.kind != "move" or one.unit == match.said.unit


def _taken_back(cancels: str, known: Walk, live: list[Statement]) -> set[int] | str:
    """The turns that a cancel takes back, or the reason why none. `cancels`: the trigger whose last statement it takes
    back, with those that repeated it, or WHOLE_STAY."""
    if cancels == WHOLE_STAY:
        return _start_back(known, live)
    last = _last_said(known, live, lambda one: one.trigger == cancels)
    return _with_repetitions(last, known, live) if last else "waiting"


def _start_back(known: Walk, live: list[Statement]) -> set[int] | str:
    """The turns that A11 takes back: the admission, or the visit's start, and every statement of that stay. Else the
    reason why none: `ended` after the end, `waiting` where no start was said.

    Where a visit without level became an admission, the visit goes too. By contract 6 and ITI-31 it would stand again;
    that is not built yet.
    """
    begun = {step.statement.turn for stay in known.stays for step in stay.steps if step.fact in _STARTS}
    last = _last_said(known, live, lambda one: one.kind == "start" or one.turn in begun)
    if last is None:
        return "waiting"
    if last.stay is None:
        return _with_repetitions(last, known, live)
    if last.stay.state == "ended":
        return "ended"
    every = {step.statement.turn for step in last.stay.steps}
    return every | {one.turn for one in last.stay.others if one.turn in known.reasons}


_STARTS = frozenset({"admitted", "visit-started"})
