"""When an episode was closed and reopened, and its state now, from its folded stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import chain
from typing import Final
from zoneinfo import ZoneInfo

from services.placement.continuum.model import Closing, Death, Folded, LevelChange, StayState
from services.placement.continuum.order import day_of, leaving_day
from services.placement.continuum.states import NoEffectReason
from shared.events.continuum import ClosedReason
from shared.events.episodes import EpisodeStateName
from shared.values import replace

TOLD: Final[frozenset[ClosedReason]] = frozenset({"aftercare-closed", "episode-ended"})
"""Reasons of closings that somebody states; a death closes an episode without such a fact."""


def closings(
    stays: Sequence[StayState], told: Sequence[Closing], deaths: Sequence[Death]
) -> tuple[tuple[Closing, ...], dict[str, str]]:
    """Every time that the episode was closed; and by ce_id why a closing in `told` has no effect.

    A closing has no effect while a stay is open. A stay that begins later reopens the episode. After a death the
    episode is closed whenever no stay is open.
    """
    found: list[Closing] = []
    reasons: dict[str, str] = {}
    stated = {one.fact for one in told}
    for one in sorted(chain(_ends_of_life(deaths, stays), told), key=lambda closing: closing.at):
        reason = _refused(one, stays, found)
        if reason is None:
            found.append(_taken_up(one, stays))
        elif one.fact in stated:
            reasons[one.fact] = reason.value
    return tuple(found), reasons


def _refused(one: Closing, stays: Sequence[StayState], found: list[Closing]) -> NoEffectReason | None:
    """Why this closing has no effect after those in `found`; None: it has one."""
    if any(_open_at(stay, one.at) for stay in stays):
        return NoEffectReason.STAY_OPEN
    if found and (found[-1].reopened_at is None or found[-1].reopened_at > one.at):
        return NoEffectReason.CLOSED
    return None


def _open_at(stay: StayState, at: datetime) -> bool:
    return stay.begun <= at and (stay.ended is None or stay.ended.at > at)


def _ends_of_life(deaths: Sequence[Death], stays: Sequence[StayState]) -> list[Closing]:
    """Closings by death: at the death itself, and at each later end of a stay, where no stay is open then; none before
    the first stay began."""
    ends = [stay.ended.at for stay in stays if stay.ended]
    first = min((stay.begun for stay in stays), default=None)
    found = [
        Closing(at, "deceased", death.fact, death.root)
        for death in deaths
        for at in sorted({death.at, *(end for end in ends if end > death.at)})
        if (first is None or first <= at) and not any(_open_at(stay, at) for stay in stays)
    ]
    return sorted(found, key=lambda one: (one.at, one.fact))


def _taken_up(one: Closing, stays: Sequence[StayState]) -> Closing:
    """The closing with the first later stay, if there is one, as what reopens the episode."""
    after = min((stay for stay in stays if stay.begun > one.at), key=lambda stay: (stay.begun, stay.key), default=None)
    if after is None:
        return replace(one, reopened_at=None, reopened_by=None)
    return replace(one, reopened_at=after.begun, reopened_by=after.key)


def state_of_episode(folded: Folded, zone_of: Callable[[str], ZoneInfo]) -> tuple[EpisodeStateName, datetime | None]:
    """The episode's state by contract 3.6, and since when it has this state and level."""
    referred = [at for at in (folded.referred_at, folded.assessed_at, _placed_at(folded)) if at is not None]
    if not folded.stays and not referred:
        return "void", None
    if folded.closings and folded.closings[-1].reopened_at is None:
        return "closed", folded.closings[-1].at
    if any(stay.open for stay in folded.stays):
        return _while_open(folded)
    if folded.stays:
        return _after_the_last(folded, zone_of)
    return ("aftercare", folded.aftercare_at) if folded.aftercare_at else ("referred", min(referred))


def _placed_at(folded: Folded) -> datetime | None:
    return min((one.at for one in folded.placements), default=None)


def _while_open(folded: Folded) -> tuple[EpisodeStateName, datetime]:
    now: LevelChange | None = folded.levels[-1] if folded.levels else None
    holder = next((stay for stay in folded.stays if now and stay.key == now.stay), None)
    if holder is None or now is None:  # only visits without a level are open
        return "active", min(stay.segments[-1].since for stay in folded.stays if stay.open)
    level_since = _level_since(folded)
    if holder.on_leave:
        return "on-leave", max(holder.away[-1].since, level_since)
    back = holder.away[-1].until if holder.away else None
    return "active", max(back, level_since) if back else level_since


def _level_since(folded: Folded) -> datetime:
    """When the present level began, though several stays may have been at it since."""
    since = folded.levels[-1].at
    for change in reversed(folded.levels):
        if change.level != folded.levels[-1].level:
            break
        since = change.at
    return since


def _after_the_last(folded: Folded, zone_of: Callable[[str], ZoneInfo]) -> tuple[EpisodeStateName, datetime]:
    last, facility = max((stay.ended.at, stay.facility) for stay in folded.stays if stay.ended)
    aftercare, local = folded.aftercare_at, zone_of(facility)
    if aftercare is not None and day_of(aftercare, local) >= leaving_day(last, local):
        return "aftercare", aftercare
    return "between", last
