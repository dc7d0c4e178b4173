"""What a change of the fold asks of a program's seats: give back, or claim again; placement's own facts, with their
cause (contract 3.6 rules 9 and 10). Pure; whether there is room is for `seats` to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from services.placement.continuum.about import about
from services.placement.continuum.model import Folded, StayState
from services.placement.continuum.states import Word
from services.placement.programs.seats import Claim, released
from shared.events.placing import SeatReleased


class Wanted(NamedTuple):
    """A stay that is in a program and has no seat: it came back, or its end was taken back."""

    placement_id: str
    program: str
    since: datetime


class Consequences(NamedTuple):
    """Facts to state, and seats to claim if there is room; where there is none, a person has to look."""

    released: tuple[SeatReleased, ...]
    wanted: tuple[Wanted, ...]


def of_change(
    before: Folded, after: Folded, claims: Sequence[Claim], now: datetime, cause: tuple[str, ...]
) -> Consequences:
    """What follows for this episode's own claims from the facts (ce_ids) that made `after` of `before`.

    - a start that fell inside a 24-hour stay (its discharge was cancelled) and had no attendance: its seat is given
      back; the start stays stated, so if the discharge returns the seat is wanted again (rule 10);
    - a stay that ended: from its end on; a placement cancelled before its start: at once.

    Asked again with the claims that stand afterwards, it gives nothing back twice.
    """
    gone = [(claim, *due) for claim in claims if (due := _given_back(claim, before, after, now)) is not None]
    facts = tuple(
        released(about(after, _facility(before, after, claim)), claim, now, reason, at=at, cause=cause)
        for claim, reason, at in gone
    )
    left = {claim.placement_id for claim in claims if claim.until is None} - {c.placement_id for c, _, _ in gone}
    wanted = [
        Wanted(stay.placement_id or stay.id, stay.program, now)
        for stay in after.stays
        if stay.open and stay.program and _is_a_placement(stay) and not _names(stay) & left
        if not _was_open(before, stay)
    ]
    return Consequences(facts, tuple(wanted))


def _given_back(claim: Claim, before: Folded, after: Folded, now: datetime) -> tuple[str, datetime] | None:
    """(reason, from when on), where the claim should stand no longer."""
    if claim.placement_id is None or (claim.until is not None and claim.until <= now):
        return None
    stay = _stay(after, claim.placement_id)
    if stay is not None:
        if stay.ended is None or (claim.until is not None and claim.until <= stay.ended.at):
            return None
        return stay.ended.how, stay.ended.at
    was = _stay(before, claim.placement_id)
    if was is not None and any(
        after.ineffective.get(segment.fact) == Word.INSIDE_24_HOUR_STAY.value for segment in was.segments[:1]
    ):
        return "discharge-cancelled", now
    if _placed(before, claim.placement_id) and not _placed(after, claim.placement_id):
        return "placement-cancelled", now
    return None


def _stay(folded: Folded, placement_id: str) -> StayState | None:
    return next((one for one in folded.stays if placement_id in _names(one)), None)


def _names(stay: StayState) -> set[str | None]:
    """Every id by which a placement may know the stay."""
    ids = {stay_id for kind, stay_id in (stay.key, *stay.aliases) if kind == "placement"}
    return {stay.placement_id, *ids} - {None}


def _is_a_placement(stay: StayState) -> bool:
    return bool(_names(stay))


def _was_open(folded: Folded, stay: StayState) -> bool:
    return any(one.open and _names(one) & _names(stay) for one in folded.stays)


def _placed(folded: Folded, placement_id: str) -> bool:
    return any(one["placement_id"] == placement_id for one in folded.placements)


def _facility(before: Folded, after: Folded, claim: Claim) -> str | None:
    stays = [_stay(folded, claim.placement_id or "") for folded in (after, before)]
    return next((stay.facility for stay in stays if stay), None)
