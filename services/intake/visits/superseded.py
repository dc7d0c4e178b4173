"""Which updates of a visit say nothing that later ones do not say again: feeds send an A08 at every touch, each with
another bed, diagnosis or doctor. Pure.

What a stay's updates say together is a few folds in the order said: per field the last one told, diagnoses and payers
by snapshot, the planned end. An update may be left out where each fold comes to the same without it, and to the same
message by which something is said to be told. What comes next adds to the same then; so the next update costs the same
however many came before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import NamedTuple

from services.intake.hl7.model import Adt, Moment, Removed, SiteMap, VisitMessage
from services.intake.hl7.triggers import PERSON_UPDATED, UPDATED
from services.intake.visits import codes
from services.intake.visits.cancels import EffectiveStatements
from services.intake.visits.desired import DesiredFact
from services.intake.visits.plans import plans
from services.intake.visits.repetition import says_the_same
from services.intake.visits.stays import Stay
from services.intake.visits.updates import OF_A_START, RENAMES

ENOUGH = 12
"""Updates of a visit; of fewer, none is left out."""
_MARGIN = timedelta(days=2)
"""A plan that begins so long before the stay is told of no day within it, whatever the zone."""


class DerivedSoFar(NamedTuple):
    """The messages of a visit with what was derived of them: `again` are the turns of updates that repeat the one
    before, `differing` of those that tell another place than the one in force."""

    effective: EffectiveStatements
    stays: Sequence[Stay]
    facts: Sequence[DesiredFact]
    again: Collection[int]
    differing: Collection[int]


def superseded(so_far: DerivedSoFar, site: SiteMap) -> frozenset[str]:
    """The ids of the updates that can be left out when the next update is derived; none where the visit is not one stay
    that goes on, with one beginning."""
    effective = so_far.effective
    if len(effective.updates) - len(so_far.again) < ENOUGH or not _is_plain(so_far, site):
        return frozenset()
    said = [(turn, one) for turn, one in enumerate(effective.said) if turn not in so_far.again]
    candidates = _candidates(so_far)
    keep = {turn for turn, _ in said if turn not in candidates}
    keep |= {turn for turn, one in said if one.message_id in {fact.said_by for fact in so_far.facts}}
    keep.add(said[-1][0])
    keep |= set(_last_changes(so_far, said))
    keep |= set(_before_those_that_told(so_far, said))
    keep |= set(_with_codes(said, candidates, keep, site))
    _part_the_same(dict(said), keep)
    return frozenset(effective.said[turn].message_id for turn in candidates - keep)


def _is_plain(so_far: DerivedSoFar, site: SiteMap) -> bool:
    effective = so_far.effective
    first = effective.said[0].adt
    if len(so_far.stays) != 1 or so_far.stays[0].state == "ended" or effective.arrivals or effective.amended:
        return False
    if not first.visit_number or first.by_account:
        return False
    if so_far.differing and site.transfers_by_place(first.sending_app, first.sending_facility):
        return False
    told = [one.adt for one in effective.said]
    begins = {adt.admitted for adt in told if adt.admitted is not None}
    return (
        len(begins) <= 1
        and all(isinstance(each, Moment) for each in begins)
        and not any(adt.discharged is not None or adt.means.records == RENAMES for adt in told)
    )


def _candidates(so_far: DerivedSoFar) -> set[int]:
    """The turns of the updates that tell only what a later one can tell again."""
    known = [one.adt for one in so_far.effective.said]
    timeless = all(_timeless(adt, so_far.stays[0]) for adt in known)
    planned = any(plans(adt) for adt in known)
    return {
        update.turn
        for update in so_far.effective.updates
        if update.turn not in so_far.again
        and _may_go(update.said.adt)
        and (timeless or update.said.adt.coverage is None)
        and not (planned and update.said.adt.expected_discharge)
    }


def _may_go(adt: Adt) -> bool:
    plain = adt.trigger in {UPDATED, PERSON_UPDATED} and adt.movement is None and not plans(adt)
    return plain and not adt.diagnosis_changes and not isinstance(adt.expected_discharge, Removed)


def _timeless(adt: Adt, stay: Stay) -> bool:
    """Whether the payers that a message tells hold on every day of the stay."""
    if not isinstance(adt.coverage, tuple):
        return True
    since = stay.begun.date() - _MARGIN
    return all(one.until is None and (one.since is None or one.since < since) for one in adt.coverage)


Said = Sequence[tuple[int, VisitMessage]]
"""Messages with their turns, in the order said."""


def _last_changes(so_far: DerivedSoFar, said: Said) -> Iterator[int]:
    """The turns of the updates that changed a field of a step's message last, and of those that told the field before
    them."""
    updates = {one.turn for one in so_far.effective.updates}
    for step in so_far.stays[0].steps:
        later = [(turn, one.adt) for turn, one in said if turn in updates and turn > step.statement.turn]
        for name in OF_A_START:
            yield from _last_change(step.statement.said.adt, later, name)


def _last_change(base: Adt, later: Iterable[tuple[int, Adt]], name: str) -> list[int]:
    value, before = getattr(base, name), list[int]()
    found: list[int] = []
    for turn, adt in later:
        told = getattr(adt, name)
        if told is not None:
            found = [*before, turn] if told != value else found
            value, before = told, [turn]
    return found


def _before_those_that_told(so_far: DerivedSoFar, said: Said) -> Iterator[int]:
    """For each group that a message tells whole, the turns of its last teller, and of the one before each that is said
    to have told something."""
    by = {fact.said_by for fact in so_far.facts}
    own = {one.turn for one in so_far.effective.updates} | {step.statement.turn for step in so_far.stays[0].steps}
    for group in ("diagnoses", "coverage", "expected_discharge", "admitted"):
        tellers = [(turn, one) for turn, one in said if turn in own and getattr(one.adt, group) is not None]
        yield from (turn for turn, _ in tellers[-1:])
        for (before, _), (_, one) in pairwise(tellers):
            if one.message_id in by:
                yield before


def _with_codes(said: Said, candidates: Collection[int], keep: Collection[int], site: SiteMap) -> Iterator[int]:
    """The turns of updates with codes that are in no table of the site and that no message kept so far has."""
    known = set(codes.unmapped((one.adt for turn, one in said if turn in keep), site))
    for turn, one in reversed(said):
        if turn in candidates and turn not in keep and (odd := set(codes.unmapped([one.adt], site)) - known):
            known |= odd
            yield turn


def _part_the_same(said: Mapping[int, VisitMessage], keep: set[int]) -> None:
    """Keep what parts two updates that say the same: without it the second would seem to repeat the first."""
    turns = sorted(said)
    place = {turn: nth for nth, turn in enumerate(turns)}
    pending = sorted(keep)
    while pending:
        turn = pending.pop()
        before = max((each for each in keep if each < turn), default=None)
        if before is None or place[turn] - place[before] < 2:
            continue
        if says_the_same(said[turn].adt, said[before].adt):
            between = turns[place[turn] - 1]
            keep.add(between)
            pending.append(between)
