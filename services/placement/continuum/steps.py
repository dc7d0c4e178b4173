"""Steps: each change of the episode's level, down or up, from one stay to another or within one (contract 3.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.placement.continuum.levels import LevelStretch, stretches
from services.placement.continuum.model import Folded, LevelChange, Segment, StayState
from services.placement.continuum.order import day_of, leaving_day
from services.placement.continuum.standing import StandingPlacement
from shared.events.continuum import SteppedDown, SteppedUp


class Step(NamedTuple):
    """A change of level at `at`, from that of `before` to that of `after`.

    `days_between`: days from the leaving day to the first day. `placement`: the one that it carries out.
    `derived_from`: ce_ids of the facts that caused it.
    """

    at: datetime
    before: LevelStretch
    after: LevelStretch
    from_stay: StayState
    to_stay: StayState
    days_between: int
    placement: StandingPlacement | None
    derived_from: tuple[str, ...]

    @property
    def kind(self) -> type[SteppedDown | SteppedUp]:
        """SteppedDown to a less intensive level, else SteppedUp."""
        return SteppedDown if self.after.rank > self.before.rank else SteppedUp

    @property
    def planned(self) -> bool:
        """True when the placement was made before the step; where the step has only a day, before that day was over."""
        if self.placement is None:
            return False
        first_day = timedelta(days=1) if self.to_stay.kind == "placement" else timedelta()
        return self.placement.at <= self.at + first_day

    @property
    def reason(self) -> str | None:
        """The desk's reason for the placement where the step skips a level; else None."""
        skipped = abs(self.after.rank - self.before.rank) > 1
        return self.placement.variance_reason if skipped and self.placement else None


def steps_of(folded: Folded, zone_of: Callable[[str], ZoneInfo]) -> Iterator[Step]:
    """The episode's steps by time, whether ADT or the desk caused them; two levels with a gap between make one step."""
    stays = {stay.key: stay for stay in folded.stays}
    held: LevelChange | None = None
    left: datetime | None = None
    for change in folded.levels:
        if change.level is None or change.stay is None:
            left = change.at
            continue
        if held is not None and held.stay is not None and held.level != change.level:
            span = (left or change.at, change.at)
            yield _step(folded, stays[held.stay], stays[change.stay], span, zone_of)
        held, left = change, None


def _step(
    folded: Folded,
    from_stay: StayState,
    to_stay: StayState,
    span: tuple[datetime, datetime],
    zone_of: Callable[[str], ZoneInfo],
) -> Step:
    """`span`: when the level before ended, and when the next began."""
    left, at = span
    after = _at(to_stay, at)
    return Step(
        at,
        _before(from_stay, left),
        after,
        from_stay,
        to_stay,
        _days_between(left, at, zone_of(from_stay.facility), zone_of(to_stay.facility)),
        _placement_for(folded, to_stay, after.segment),
        _causes(from_stay, to_stay, left, at),
    )


def _at(stay: StayState, at: datetime) -> LevelStretch:
    return next(one for one in stretches(stay) if one.since <= at < one.until)


def _before(stay: StayState, at: datetime) -> LevelStretch:
    return next(one for one in stretches(stay) if one.since < at <= one.until)


def _days_between(left: datetime, at: datetime, zone_left: ZoneInfo, zone_at: ZoneInfo) -> int:
    """Days from the leaving day to the first day, each in its facility's zone; 0 where one level follows at once."""
    return 0 if left == at else max(0, (day_of(at, zone_at) - leaving_day(left, zone_left)).days)


def _placement_for(folded: Folded, stay: StayState, segment: Segment) -> StandingPlacement | None:
    """The placement that this step carries out: the stay's own, else an earlier one for its level and program."""
    own = (one for one in folded.placements if stay.placement_id and one.placement_id == stay.placement_id)
    if (found := next(own, None)) is not None:
        return found
    for one in folded.placements:
        same = one.level == segment.level and one.program == segment.program
        if same and one.at <= segment.since:
            return one
    return None


def _causes(from_stay: StayState, to_stay: StayState, left: datetime, at: datetime) -> tuple[str, ...]:
    """ce_ids of the facts that caused the change: those that ended the level before and those that began the next."""
    causes = [segment.fact for segment in from_stay.segments if segment.since == left]
    if from_stay.ended and from_stay.ended.at == left:
        causes.append(from_stay.ended.fact)
    causes += [segment.fact for segment in to_stay.segments if segment.since == at]
    return tuple(dict.fromkeys(causes))
