"""What a change of the fold means for the episode's seats: which to release, and which to claim again (contract 3.6
rules 9 and 10). Pure; whether a program has room is decided with seats.py.
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
    """A stay at a program, or a placement, that needs a seat over [since, until) and has none, since it stands again or
    its end is later than before.

    `until` None: no end is known. `extends`: the claim on a seat that it had until `since`.
    """

    placement_id: str
    program: str
    since: datetime
    until: datetime | None = None
    extends: Claim | None = None
    group: str | None = None


class Consequences(NamedTuple):
    """Facts to state, and seats to claim where there is room; where there is none, a worklist shows it."""

    released: tuple[SeatReleased, ...]
    wanted: tuple[SeatNeeded, ...]


NOTHING_FOLLOWS = Consequences((), ())


def of_change(
    before: Folded, after: Folded, claims: Sequence[Claim], now: datetime, cause: tuple[str, ...]
) -> Consequences:
    """What follows for this episode's `claims` on seats from the change of its fold from `before` to `after`; `cause`:
    ce_ids of the facts that made the change. Seats are released:

    - of a start that now lies inside a 24-hour stay, because a discharge was cancelled, and has no attendance; the
      start itself stands, so that the seat is wanted again if the discharge returns (contract 3.6 rule 10);
    - after a death, at once, where the desk holds them without a placement (rule 13);
    - of a stay that ended, from its end on; of a placement cancelled before its first day, at once.

    Called again with the claims that stand afterwards, it releases nothing twice.
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
    """Ids of the placements that stand since this change and have no seat now; one whose stay is over needs none."""
    seated = {claim.placement_id for claim in claims if claim.until is None or claim.until > now}
    had = seated.union(one.placement_id for one in before.placements)
    back = {one.placement_id for one in after.placements if one.placement_id not in had}
    if not back:
        return back
    return back.difference(*(_names(stay) for stay in after.stays if stay.ended and stay.ended.at <= now))


def of_placements_that_came_back(told: Sequence[SeatHeld], now: datetime) -> tuple[SeatNeeded, ...]:
    """The seats that placements which stand again need: those that they had. `told`: all SeatHeld facts of these
    placements, by sequence."""
    last = {seat.placement_id: seat for seat in told}
    return tuple(
        SeatNeeded(placement, seat.program, max(seat.begins or now, now), seat.until, group=seat.group)
        for placement, seat in sorted(last.items())
        if placement is not None
    )


def _left_after(claims: Sequence[Claim], facts: Sequence[SeatReleased]) -> list[Claim]:
    """The claims that are left once these seats are released."""
    at = {fact.seat_id: fact.occurred_at for fact in facts}
    found = (given_back(claim, at[claim.seat_id]) if claim.seat_id in at else claim for claim in claims)
    return [claim for claim in found if claim is not None]


def _wanted(stay: StayState, before: Folded, claims: Sequence[Claim], now: datetime) -> SeatNeeded | None:
    """The seat that a placement's stay needs beyond its claims because of this change; None where it needs none."""
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
    """The stay's end; FOREVER while it is open."""
    return stay.ended.at if stay.ended else FOREVER


def _given_back(claim: Claim, before: Folded, after: Folded, now: datetime) -> tuple[str, datetime] | None:
    """(reason, from when on) where the claim has to be released; None where it stands."""
    if claim.until is not None and claim.until <= now:
        return None
    if claim.placement_id is None:
        return ("not-needed", now) if after.deaths else None
    return _with_its_stay(claim, claim.placement_id, before, after, now)


def _with_its_stay(
    claim: Claim, placement_id: str, before: Folded, after: Folded, now: datetime
) -> tuple[str, datetime] | None:
    """The same for a claim of a placement, by what became of its stay or of the placement."""
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
    """Ids of the placements that this stay may be of."""
    ids = {stay_id for kind, stay_id in (stay.key, *stay.aliases) if kind == "placement"}
    return {stay.placement_id, *ids} - {None}


def _placed(folded: Folded, placement_id: str) -> bool:
    return any(one.placement_id == placement_id for one in folded.placements)


def _facility(before: Folded, after: Folded, claim: Claim) -> str | None:
    stays = [_stay(folded, claim.placement_id or "") for folded in (after, before)]
    return next((stay.facility for stay in stays if stay), None)
