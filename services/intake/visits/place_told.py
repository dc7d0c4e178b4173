"""Finds messages that tell another place or class than the one that is in force at their time: an update (A08), or an
admission told again (contract 6, What class). They are listed, and are transfers too where the feed says so. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from services.intake.hl7.model import SiteMap
from services.intake.hl7.triggers import TRIGGERS, UPDATED
from services.intake.visits.cancels import EffectiveStatements
from services.intake.visits.moves import Walk, place_of, statement, walk
from services.intake.visits.stays import Statement, Stay

_TOLD_AGAIN = frozenset({"already-open", "already-told"})
"""Why a start does nothing where the visit is open, or was told to have begun then."""


def walked_with_places(effective: EffectiveStatements, walked: Walk, site: SiteMap) -> tuple[Walk, set[int]]:
    """The walk with the transfers that these messages are by their feeds' option; and the turns of the messages that
    tell another place than the one in force."""
    differing = {turn for turn, _ in _differing(effective, walked, site)}
    live, moved = list(effective.live), set[int]()
    while differing and (first := _first_transfer(effective, walked, site, moved)) is not None:
        moved.add(first)
        live.append(statement(effective.said[first], "move", first, site, by_cancel=True))
        walked = walk(live)
        for turn in moved & walked.reasons.keys():
            del walked.reasons[turn]
    return walked, differing


def _first_transfer(effective: EffectiveStatements, walked: Walk, site: SiteMap, moved: set[int]) -> int | None:
    """The turn of the message, first by its time, that is a transfer by its feed's option and was none yet."""
    every: list[tuple[datetime, int]] = []
    for turn, at in _differing(effective, walked, site):
        adt = effective.said[turn].adt
        if turn not in moved and site.transfers_by_place(adt.sending_app, adt.sending_facility):
            every.append((at, turn))
    return min(every)[1] if every else None


def _differing(effective: EffectiveStatements, walked: Walk, site: SiteMap) -> Iterator[tuple[int, datetime]]:
    """The turn and the time of each message that tells another place than the one in force."""
    updates = (one for one in effective.updates if one.said.adt.trigger == UPDATED)
    turns = [one.turn for one in updates if one.said.adt.location.unit and one.turn not in effective.amended]
    turns += [turn for turn, reason in walked.reasons.items() if reason in _TOLD_AGAIN]
    for turn in turns:
        adt = effective.said[turn].adt
        unit = adt.location.unit
        if not unit or (TRIGGERS[adt.trigger].states != "start" and adt.trigger != UPDATED):
            continue
        at = adt.event.start
        here = _in_force(walked.stays, at)
        if here is not None and (here.unit.casefold() != unit.casefold() or place_of(adt, unit, site) != here.mapped):
            yield turn, at


def _in_force(stays: list[Stay], at: datetime) -> Statement | None:
    """The statement that brought the patient to the place where they are at a time; None before the first stay."""
    found: Statement | None = None
    for stay in stays:
        for step in stay.steps:
            if step.at <= at and step.statement.mapped is not None:
                found = step.statement
    return found
