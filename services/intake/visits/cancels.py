"""Which statements of a visit stand: a cancel takes back the last matching thing said before it.

Sources: contract 3.6 rule 7 and section 6; IHE ITI-31.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from services.intake.hl7.model import SiteMap, VisitMessage
from services.intake.hl7.triggers import TRIGGERS, WHOLE_STAY
from services.intake.visits.moves import Walk, statement, walk
from services.intake.visits.stays import Statement, Stay
from services.intake.visits.updates import Update


@dataclass(slots=True)
class EffectiveStatements:
    """The statements that stand, those taken back, what each cancel did (turn → word, "" where it took effect), and the
    updates, which are no statements."""

    said: list[VisitMessage]

    live: list[Statement] = field(default_factory=list)
    taken_back: set[int] = field(default_factory=set)
    cancels: dict[int, str] = field(default_factory=dict)
    updates: list[Update] = field(default_factory=list)


def standing(said: list[VisitMessage], site: SiteMap) -> EffectiveStatements:
    """Statements and cancels in the order said; a cancel whose partner was not said before it waits."""
    found = EffectiveStatements(said)
    for turn, message in enumerate(said):
        means = TRIGGERS[message.adt.trigger]
        if means.cancels is not None:
            gone = _taken_back(means.cancels, walk(found.live), found.live)
            _cancel(found, message, turn, gone, site)
        elif means.updates:
            found.updates.append(Update(turn, message))
        elif means.states is not None:
            found.live.append(statement(message, means.states, turn, site))
    return found


def _cancel(found: EffectiveStatements, message: VisitMessage, turn: int, gone: set[int] | str, site: SiteMap) -> None:
    if isinstance(gone, str):
        found.cancels[turn] = "already-told" if gone == "waiting" and _told(found, message) else gone
        return
    found.cancels[turn] = ""
    found.taken_back |= gone
    found.live = [one for one in found.live if one.turn not in gone]
    if TRIGGERS[message.adt.trigger].moves_too and message.adt.location.unit:
        found.live.append(statement(message, "move", turn, site, aside=True))


def _told(found: EffectiveStatements, message: VisitMessage) -> bool:
    """The same cancel took effect before, and nothing was said since that it could take back."""
    return any(not word and found.said[turn].adt.trigger == message.adt.trigger for turn, word in found.cancels.items())


@dataclass(frozen=True, slots=True)
class _Match:
    """A thing said that a cancel matches, and the stay that it moved; none where it had no effect yet."""

    said: Statement
    stay: Stay | None = None


_PENDING = frozenset({"waiting", "unmapped"})


def _last_said(known: Walk, live: list[Statement], matches: Callable[[Statement], bool]) -> _Match | None:
    """The one said last: what took effect, or would if its visit or unit were known; not what only told it again."""
    found = [_Match(one) for one in live if known.words.get(one.turn) in _PENDING and not one.aside and matches(one)]
    found += [
        _Match(step.statement, stay)
        for stay in known.stays
        for step in stay.steps
        if not step.statement.aside and matches(step.statement)
    ]
    return max(found, key=lambda match: match.said.turn, default=None)


def _again(match: _Match, known: Walk, live: list[Statement]) -> set[int]:
    """The thing said, and everything that told it again and so did nothing."""
    said = match.said
    idle = [one for one in (match.stay.others if match.stay else live) if one.turn in known.words and not one.aside]
    return {said.turn} | {one.turn for one in idle if one.trigger == said.trigger and _same(one, match)}


def _same(one: Statement, match: _Match) -> bool:
    if match.stay is None:
        return one.at == match.said.at
    return one.kind != "move" or one.unit == match.said.unit


def _taken_back(cancels: str, known: Walk, live: list[Statement]) -> set[int] | str:
    """The whole stay; or one step, the last that this trigger said, and what told the same again."""
    if cancels == WHOLE_STAY:
        return _start_back(known, live)
    last = _last_said(known, live, lambda one: one.trigger == cancels)
    return _again(last, known, live) if last else "waiting"


def _start_back(known: Walk, live: list[Statement]) -> set[int] | str:
    """A11 takes back the admission, or the visit's start, and every fact of that stay; after the end, nothing.

    Of a visit without level that became an admission the visit goes too. Contract 6 and ITI-31 would have the visit
    stand again; that is not built yet.
    """
    begun = {step.statement.turn for stay in known.stays for step in stay.steps if step.fact in _STARTS}
    last = _last_said(known, live, lambda one: one.kind == "start" or one.turn in begun)
    if last is None:
        return "waiting"
    if last.stay is None:
        return _again(last, known, live)
    if last.stay.state == "ended":
        return "ended"
    every = {step.statement.turn for step in last.stay.steps}
    return every | {one.turn for one in last.stay.others if one.turn in known.words}


_STARTS = frozenset({"admitted", "visit-started"})
