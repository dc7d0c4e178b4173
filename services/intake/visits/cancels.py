"""Which statements of a visit stand: a cancel takes back what its EVN-6 names, else the last one of its kind that was
said before it.

Sources: contract 3.6 rule 7 and section 6; HL7 v2.5.1 3.4.1.6 (EVN-6 of a cancel); IHE ITI-31.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from services.intake.hl7.model import Adt, Moment, Movement, SiteMap, VisitMessage
from services.intake.hl7.triggers import AMENDING, PLANNING, TRIGGERS, WHOLE_STAY, WHOLE_VISIT, PlanKind
from services.intake.visits import movements
from services.intake.visits.moves import CLINICAL, Walk, statement, walk
from services.intake.visits.stays import Statement, Stay
from services.intake.visits.updates import RENAMES, Update
from services.intake.visits.whole_visits import compared

ASKS = "asks-a-person"
"""The reason noted for a message that waits because only a person may do what it asks for."""
OTHER_TIME = "other-time"
"""Noted of a cancel whose EVN-6 names nothing that stands: it took back the last one said."""
TOOK_EFFECT = frozenset({"", OTHER_TIME})


@dataclass(slots=True)
class EffectiveStatements:
    """The statements of a visit after its cancels. A message is named by its turn: its index in `said`.

    `live` are the statements that stand, `taken_back` the turns of those that a cancel took back; `cancels` has the
    turn of each cancel with the reason why it did nothing, "" or OTHER_TIME where it took effect; `updates` are no
    statements.
    """

    said: list[VisitMessage]
    """All messages of the visit, in the order said."""
    live: list[Statement] = field(default_factory=list)
    taken_back: set[int] = field(default_factory=set)
    cancels: dict[int, str] = field(default_factory=dict)
    updates: list[Update] = field(default_factory=list)
    amended: dict[int, str] = field(default_factory=dict)
    """Turns of the updates of a movement (ZBE): "" where one changed the movement, else why it did not."""
    arrivals: list[tuple[int, VisitMessage]] = field(default_factory=list)
    """Turn and message of what plans an arrival, or calls it off."""


class Back(NamedTuple):
    """The turns that a cancel takes back, and why these or none, as in `EffectiveStatements.cancels`."""

    turns: frozenset[int]
    reason: str = ""


WAITING = Back(frozenset(), "waiting")


def effective_statements(said: list[VisitMessage], site: SiteMap) -> EffectiveStatements:
    """Work off statements and cancels in the order said; a cancel of something that was not said before it waits."""
    found = EffectiveStatements(said)
    for turn, message in enumerate(said):
        if message.adt.movement is not None:
            message = _moved(found, message, message.adt.movement, turn, site)  # noqa: PLW2901 - as it is to be read
        means = TRIGGERS[message.adt.trigger]
        if turn in found.cancels or turn in found.amended:
            continue
        if message.adt.whole is not None:
            _told_whole(found, message, turn, site)
        if means.cancels is not None:
            _take_back(found, message, turn, means.cancels, site)
        elif means.updates or means.records == RENAMES:
            found.updates.append(Update(turn, message))
        elif means.states is not None:
            one = statement(message, means.states, turn, site)
            if one.mapped is not None and one.mapped.expected:
                found.arrivals.append((turn, message))
            else:
                found.live.append(one)
        elif means.plans is not None:
            _plan(found, message, turn, means.plans)
    return found


def _told_whole(found: EffectiveStatements, message: VisitMessage, turn: int, site: SiteMap) -> None:
    """Work off a message that tells the visit whole: what it states, and what that takes back. As an update it comes
    behind."""
    told = compared(message, found.live, turn, site)
    found.taken_back |= told.gone
    found.live = [one for one in found.live if one.turn not in told.gone]
    for one in told.new:
        if one.mapped is not None and one.mapped.expected:
            found.arrivals.append((one.turn, one.said))
        else:
            found.live.append(one)


def _take_back(found: EffectiveStatements, message: VisitMessage, turn: int, cancels: str, site: SiteMap) -> None:
    """Work off a cancel, whatever it is that it takes back."""
    if cancels in PLANNING:
        _plan(found, message, turn, TRIGGERS[cancels].plans)
    elif cancels in AMENDING:
        _unamend(found, message, turn, cancels)
    elif cancels == WHOLE_VISIT:
        _delete(found, message, turn, site)
    else:
        gone = _taken_back(message.adt, cancels, walk(found.live), found.live)
        if gone is WAITING and cancels == WHOLE_STAY and any(each.adt.means.states for _, each in found.arrivals):
            found.arrivals.append((turn, message))  # the start that it cancels only announced an arrival
        else:
            _cancel(found, message, turn, gone, site)


def _moved(
    found: EffectiveStatements, message: VisitMessage, movement: Movement, turn: int, site: SiteMap
) -> VisitMessage:
    """Work off a message with a movement id: its cancel or update here; any other as it comes back, at ZBE-2."""
    row = TRIGGERS[message.adt.trigger]
    if row.plans or row.cancels in PLANNING:
        return message
    target = movements.named(found.live, movement)
    if movement.action == "cancel":
        _cancel(found, message, turn, _current(found, movement, target), site)
    elif target is not None and (movement.action == "update" or target.trigger == message.adt.trigger):
        new = movements.updated(target, message, movement, site)
        found.amended[turn] = "" if new is not target else "already-told"
        found.live = [new if one is target else one for one in found.live]
        found.updates.append(Update(turn, message))
    elif movement.action == "update" and row.kept:
        found.cancels[turn] = "waiting"
    return movements.at_its_time(message, movement)


def _current(found: EffectiveStatements, movement: Movement, target: Statement | None) -> Back:
    """The turn of the movement that is cancelled, where it is the current one; else why it can't be."""
    if target is None:
        gone = (found.said[turn].adt.movement for turn in found.taken_back)
        told = any(each and movements.same(each, movement) for each in gone)
        return Back(frozenset(), "already-told") if told else WAITING
    idle = walk(found.live).reasons
    last = max((one for one in found.live if one is target or one.turn not in idle), key=CLINICAL)
    return Back(frozenset({target.turn})) if last is target else Back(frozenset(), "not-current")


def _plan(found: EffectiveStatements, message: VisitMessage, turn: int, what: PlanKind | None) -> None:
    """Note a plan, or a cancel of one: of an arrival, or of the end of a stay, which is looked for as an update's."""
    if what == "arrival":
        found.arrivals.append((turn, message))
    else:
        found.updates.append(Update(turn, message))


def _unamend(found: EffectiveStatements, message: VisitMessage, turn: int, cancels: str) -> None:
    """Take back the last amendment of a trigger, with its repetitions. An attending that the cancel itself names holds
    from then on, unless it is the one that was taken back."""
    mine = [one for one in found.updates if one.said.adt.trigger == cancels]
    if not mine:
        found.cancels[turn] = "already-told" if _is_repetition(found, message.adt, WAITING) else "waiting"
        return
    adt, attending = message.adt, mine[-1].said.adt.attending_npi
    gone = {one.turn for one in mine if one.said.adt.attending_npi == attending}
    found.cancels[turn] = ""
    found.taken_back |= gone
    found.updates = [one for one in found.updates if one.turn not in gone]
    if adt.attending_npi != attending:
        found.updates.append(Update(turn, message))


def _delete(found: EffectiveStatements, message: VisitMessage, turn: int, site: SiteMap) -> None:
    """Take back all that was said of the visit. More than the site's days after its end only a person may, who
    agrees to it (contract 6, Events)."""
    said = {one.turn for one in found.live} | {one.turn for one in found.updates} | {at for at, _ in found.arrivals}
    stays = walk(found.live).stays
    ended = stays[-1].steps[-1].at if stays and stays[-1].state == "ended" else None
    if not said:
        found.cancels[turn] = "already-told" if _is_repetition(found, message.adt, WAITING) else "waiting"
    elif not message.adt.agreed and ended is not None and message.adt.event.start - ended > site.deletion_limit:
        found.cancels[turn] = ASKS
    else:
        found.cancels[turn] = ""
        found.taken_back |= said
        found.live, found.updates, found.arrivals = [], [], []


def _cancel(found: EffectiveStatements, message: VisitMessage, turn: int, gone: Back, site: SiteMap) -> None:
    """Take back what a cancel takes back, and note what it did."""
    adt = message.adt
    settled = gone.reason in {"ended", "not-current"}
    found.cancels[turn] = "already-told" if not settled and _is_repetition(found, adt, gone) else gone.reason
    if found.cancels[turn] not in TOOK_EFFECT:
        return
    found.taken_back |= gone.turns
    found.live = [one for one in found.live if one.turn not in gone.turns]
    if TRIGGERS[adt.trigger].moves_too and adt.location.unit and adt.location.unit != _unit_at(adt.stated_at, found):
        found.live.append(statement(message, "move", turn, site, by_cancel=True))


def _unit_at(at: datetime, found: EffectiveStatements) -> str | None:
    """The unit in which the visit is at that time, by the statements that stand."""
    stays = walk(one for one in found.live if one.at <= at).stays
    return stays[-1].place.unit if stays else None


def _is_repetition(found: EffectiveStatements, adt: Adt, gone: Back) -> bool:
    """Whether a cancel repeats one that took effect, and what that took back was not said again since.

    Where it finds nothing to take back it repeats any of its trigger; else one that says the same of the same time.
    """
    since = max(gone.turns, default=-1)
    effective = (turn for turn, reason in found.cancels.items() if reason in TOOK_EFFECT and turn > since)
    before = [found.said[turn].adt for turn in effective]
    return any(one.trigger == adt.trigger and (not gone.turns or _same_cancel(one, adt)) for one in before)


def _same_cancel(one: Adt, other: Adt) -> bool:
    """Whether two cancels say the same: when they were said, or what they name, and where."""
    named = _named(other)
    told_then = one.stated_at == other.stated_at or (named is not None and named == _named(one))
    return told_then and one.location.unit == other.location.unit


@dataclass(frozen=True, slots=True)
class _Match:
    """A statement that a cancel matches, and the stay that it moved; None where it had no effect yet."""

    said: Statement
    stay: Stay | None = None


_PENDING = frozenset({"waiting", "unmapped"})
"""Reasons of statements that have no effect yet: they may have one when their visit or unit is known."""


def _named(adt: Adt) -> Moment | None:
    """The time of what a cancel takes back, EVN-6; None where it names none."""
    return adt.event if adt.occurred_from == "EVN-6" else None


def _to_take_back(
    adt: Adt, known: Walk, live: list[Statement], matches: Callable[[Statement], bool]
) -> tuple[_Match | None, str]:
    """The matching statement that took effect, or would if its visit or unit were known: of those at the minute that
    the cancel names, else of all, the one said last; with OTHER_TIME where the cancel names another minute."""
    found = [
        _Match(one) for one in live if known.reasons.get(one.turn) in _PENDING and not one.by_cancel and matches(one)
    ]
    found += [
        _Match(step.statement, stay)
        for stay in known.stays
        for step in stay.steps
        if not step.statement.by_cancel and matches(step.statement)
    ]
    named = _named(adt)
    there = [match for match in found if _is_at(match.said, named)] if named else found
    return max(there or found, key=lambda match: match.said.turn, default=None), "" if there else OTHER_TIME


def _is_at(one: Statement, named: Moment) -> bool:
    """Whether a statement is of the minute named; of the day, where no time of day is."""
    adt = one.said.adt
    times = (one.at, adt.occurred.start, adt.event.start)
    if named.day_only:
        return any(named.start <= at < named.end for at in times)
    return any(at.timestamp() // 60 == named.start.timestamp() // 60 for at in times)


def _with_repetitions(match: _Match, known: Walk, live: list[Statement]) -> frozenset[int]:
    """The turns of a matched statement and of those that repeated it, and so did nothing."""
    said = match.said
    idle = [
        one for one in (match.stay.others if match.stay else live) if one.turn in known.reasons and not one.by_cancel
    ]
    same = (one.turn for one in idle if one.trigger == said.trigger and _same(one, match))
    return frozenset({said.turn, *same})


def _same(one: Statement, match: _Match) -> bool:
    """Whether a statement of the same trigger says the same: without a stay by its time, a transfer by its unit."""
    if match.stay is None:
        return one.at == match.said.at
    return one.kind != "move" or one.unit == match.said.unit


def _taken_back(adt: Adt, cancels: str, known: Walk, live: list[Statement]) -> Back:
    """What a cancel takes back. `cancels`: the trigger of the statement that it takes back, with those that repeated
    it, or WHOLE_STAY."""
    if cancels == WHOLE_STAY:
        return _start_back(adt, known, live)
    last, reason = _to_take_back(adt, known, live, lambda one: cancels in (one.trigger, TRIGGERS[one.trigger].like))
    return Back(_with_repetitions(last, known, live), reason) if last else WAITING


def _start_back(adt: Adt, known: Walk, live: list[Statement]) -> Back:
    """What A11 takes back: the admission, or the visit's start, and every statement of that stay after it (contract 6).
    Nothing, with the reason `ended`, after the end."""
    begun = {step.statement.turn for stay in known.stays for step in stay.steps if step.fact in _STARTS}
    last, reason = _to_take_back(adt, known, live, lambda one: one.kind == "start" or one.turn in begun)
    if last is None:
        return WAITING
    if last.stay is None:
        return Back(_with_repetitions(last, known, live), reason)
    if last.stay.state == "ended":
        return Back(frozenset(), "ended")
    return Back(_from_the_start(last.said, last.stay, known), reason)


def _from_the_start(start: Statement, stay: Stay, known: Walk) -> frozenset[int]:
    """The turns of a start, of the stay's steps after it, and of statements that did nothing since it was there. What
    stood before it, a visit without level, is left to stand."""
    first = next(place for place, step in enumerate(stay.steps) if step.statement.turn == start.turn)
    gone = {step.statement.turn for step in stay.steps[first:]}
    idle = (one for one in stay.others if one.turn in known.reasons)
    return frozenset(gone | {one.turn for one in idle if first == 0 or _would_start_again(one, start)})


def _would_start_again(one: Statement, start: Statement) -> bool:
    """Whether a statement that did nothing tells the start again, or something after it."""
    return one.at >= start.at or (one.kind == "start" and one.mapped is not None and one.mapped.level is not None)


_STARTS = frozenset({"admitted", "visit-started"})
