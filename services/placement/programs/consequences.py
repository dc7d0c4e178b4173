"""What a change of the fold asks of a program's seats: give back, or claim again; placement's own facts, with their
cause (contract 3.6 rules 9 and 10). Pure; whether there is room is for `seats` to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from services.placement.continuum.about import about
from services.placement.continuum.levels import FOREVER
from services.placement.continuum.model import Folded, StayState
from services.placement.continuum.states import NoEffectReason
from services.placement.programs.seats import Claim, given_back, released
from shared.events.placing import SeatHeld, SeatReleased


class SeatNeeded(NamedTuple):
    """A stay that is in a program over [since, until) without a seat: it came back, or its end is later than was told;
    or a placement that came back.

    `extends` is the claim that it had up to then; no `until`: it goes on.
    """

    placement_id: str
    program: str
    since: datetime
    until: datetime | None = None
    extends: Claim | None = None
    group: str | None = None


class Consequences(NamedTuple):
    """Facts to state, and seats to claim if there is room; where there is none, a person has to look."""

    released: tuple[SeatReleased, ...]
    wanted: tuple[SeatNeeded, ...]


NOTHING_FOLLOWS = Consequences((), ())


def of_change(
    before: Folded, after: Folded, claims: Sequence[Claim], now: datetime, cause: tuple[str, ...]
) -> Consequences:
    """What follows for this episode's own claims from the facts (ce_ids) that made `after` of `before`.

    - a start that fell inside a 24-hour stay (its discharge was cancelled) and had no attendance: its seat is given
      back; the start stays stated, so if the discharge returns the seat is wanted again (rule 10);
    - a death: seats that are kept by the desk alone, at once (rule 13);
    - a stay that ended: from its end on; a placement cancelled before its start: at once.

    Asked again with the claims that stand afterwards, it gives nothing back twice.
    """
    if not claims and not any(stay.segments[-1].program for stay in after.stays):
        return NOTHING_FOLLOWS
    gone = [(claim, *due) for claim in claims if (due := _given_back(claim, before, after, now)) is not None]
    facts = tuple(
        released(about(after, _facility(before, after, claim)), claim, now, reason, at=at, cause=cause)
        for claim, reason, at in gone
    )
    left = _left_after(claims, facts)
    wanted = [one for stay in after.stays if (one := _wanted(stay, before, left, now)) is not None]
    return Consequences(facts, tuple(wanted))


def came_back(before: Folded, after: Folded, claims: Sequence[Claim], now: datetime) -> set[str]:
    """The placements that stand by this change and have no seat now."""
    seated = {claim.placement_id for claim in claims if claim.until is None or claim.until > now}
    had = seated.union(one.placement_id for one in before.placements)
    return {one.placement_id for one in after.placements if one.placement_id not in had}


def of_placements_that_came_back(told: Sequence[SeatHeld], now: datetime) -> tuple[SeatNeeded, ...]:
    """The seats that such placements had: `told` are all that were ever held for them, in their order."""
    last = {seat.placement_id: seat for seat in told}
    return tuple(
        SeatNeeded(placement, seat.program, max(seat.begins or now, now), seat.until, group=seat.group)
        for placement, seat in sorted(last.items())
        if placement is not None
    )


def _left_after(claims: Sequence[Claim], facts: Sequence[SeatReleased]) -> list[Claim]:
    """The claims that are left when these seats are given back."""
    at = {fact.seat_id: fact.occurred_at for fact in facts}
    found = (given_back(claim, at[claim.seat_id]) if claim.seat_id in at else claim for claim in claims)
    return [claim for claim in found if claim is not None]


def _wanted(stay: StayState, before: Folded, claims: Sequence[Claim], now: datetime) -> SeatNeeded | None:
    """The time that a placement's stay goes on for beyond its claims, where the change made it so."""
    if not stay.program or not (names := _names(stay)):
        return None
    was = next((one for one in before.stays if _names(one) & names), None)
    until = stay.ended.at if stay.ended else None
    if was is not None and _lasts(was) >= _lasts(stay):
        return None
    own = [claim for claim in claims if claim.placement_id in names]
    if any(claim.until is None or (until is not None and claim.until >= until) for claim in own):
        return None
    name = stay.placement_id or stay.id
    if was is None:  # it came back: nobody had the seat meanwhile
        return SeatNeeded(name, stay.program, now) if stay.open else None
    last = max(own, key=lambda claim: claim.until or now, default=None)
    if last is None:
        return SeatNeeded(name, stay.program, now) if stay.open else None
    return SeatNeeded(name, stay.program, last.until or now, until, last)


def _lasts(stay: StayState) -> datetime:
    return stay.ended.at if stay.ended else FOREVER


def _given_back(claim: Claim, before: Folded, after: Folded, now: datetime) -> tuple[str, datetime] | None:
    """(reason, from when on), where the claim should stand no longer."""
    if claim.until is not None and claim.until <= now:
        return None
    if claim.placement_id is None:
        return ("not-needed", now) if after.deaths else None
    return _with_its_stay(claim, claim.placement_id, before, after, now)


def _with_its_stay(
    claim: Claim, placement_id: str, before: Folded, after: Folded, now: datetime
) -> tuple[str, datetime] | None:
    stay = _stay(after, placement_id)
    if stay is not None:
        if stay.ended is None or (claim.until is not None and claim.until <= stay.ended.at):
            return None
        return stay.ended.how, stay.ended.at
    was = _stay(before, placement_id)
    if was is not None and any(
        after.ineffective.get(segment.fact) == NoEffectReason.INSIDE_24_HOUR_STAY.value for segment in was.segments[:1]
    ):
        return "discharge-cancelled", now
    if _placed(before, placement_id) and not _placed(after, placement_id):
        return "placement-cancelled", now
    return None


def _stay(folded: Folded, placement_id: str) -> StayState | None:
    return next((one for one in folded.stays if placement_id in _names(one)), None)


def _names(stay: StayState) -> set[str | None]:
    """Every id by which a placement may know the stay."""
    ids = {stay_id for kind, stay_id in (stay.key, *stay.aliases) if kind == "placement"}
    return {stay.placement_id, *ids} - {None}


def _placed(folded: Folded, placement_id: str) -> bool:
    return any(one.placement_id == placement_id for one in folded.placements)


def _facility(before: Folded, after: Folded, claim: Claim) -> str | None:
    stays = [_stay(folded, claim.placement_id or "") for folded in (after, before)]
    return next((stay.facility for stay in stays if stay), None)
