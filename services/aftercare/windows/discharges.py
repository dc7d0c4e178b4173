"""Which discharges a measure counts, by the measure's row in site config: what opens a window, what excludes it. Pure.

The sample config follows the public fact sheets on HEDIS FUH (docs/decisions/0103-follow-up-windows.md,
0155-follow-up-windows-are-a-table.md); value sets are licensed, so none comes with Stepdown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta, tzinfo
from typing import NamedTuple

from services.aftercare.contacts.deaths import Deaths
from services.aftercare.contacts.stays import ZoneOf, ends_later, first_day, leaving_day, order
from services.aftercare.decisions.windows import Excluded
from shared.events.episodes import DeathNow, EndedBy, StayNow
from shared.site.measures import Exclusion, FollowUpClock, among, is_icd_10


def opens(clock: FollowUpClock, stay: StayNow) -> bool:
    """True when the end of this stay opens the measure's window. A condition on something that nobody reported is
    met."""
    return (
        stay.level in clock.levels
        and (not clock.settings or stay.setting in clock.settings)
        and stay.setting not in clock.not_settings
        and (not clock.labels or not stay.labels or bool({*clock.labels} & {*stay.labels}))
        and (clock.ages is None or stay.age_years is None or clock.ages.hold(stay.age_years))
        and _is_about(clock, stay)
    )


def _is_about(clock: FollowUpClock, stay: StayNow) -> bool:
    """True when the principal diagnosis is among the row's; a diagnosis of another code system, or none, excludes
    nothing."""
    told = stay.diagnosis
    return not clock.diagnoses or told is None or not is_icd_10(told.system) or among(told.code, clock.diagnoses)


class Around(NamedTuple):
    """What a discharge is judged with: all stays of the episode, the deaths, and the zones of facilities."""

    stays: Sequence[StayNow]
    deaths: Deaths
    zone_of: ZoneOf


def excluded(clock: FollowUpClock, stay: StayNow, ended_by: EndedBy, left: date, *, seen: Around) -> Excluded | None:
    """Why the discharge is not counted, by the first of the row's reasons that applies; None when it counts."""
    for reason in clock.excluded:
        because = next(_because(reason, stay, ended_by, left, seen=seen), None)
        if because is not None:
            return Excluded(reason.reason, (because,))
    return None


def _because(reason: Exclusion, stay: StayNow, ended_by: EndedBy, left: date, *, seen: Around) -> Iterator[str]:
    """ce_ids of the facts that show the reason, the strongest first; none where it does not apply."""
    if reason.death:
        yield from _deaths(reason, left, seen.deaths.at(stay.facility), seen.zone_of(stay.facility))
    elif reason.dispositions:
        if ended_by.disposition is not None and ended_by.disposition.kind in reason.dispositions:
            yield ended_by.ce_id
    else:
        for other in _after(stay, seen.stays):
            day = max(0, (first_day(other, seen.zone_of) - left).days)
            if (
                other.level in reason.next_levels
                and _labelled(reason, other)
                and reason.from_day <= day <= reason.to_day
            ):
                yield other.begun_by


def _labelled(reason: Exclusion, stay: StayNow) -> bool:
    return not reason.labels or bool({*reason.labels} & {*(stay.labels or ())})


def _deaths(reason: Exclusion, left: date, deaths: Iterable[DeathNow], zone: tzinfo) -> Iterator[str]:
    """ce_ids of deaths within the reason's days; a death during the stay counts as on its last day."""
    first, last = left + timedelta(days=reason.from_day), left + timedelta(days=reason.to_day)
    yield from (one.ce_id for one in deaths if first <= max(left, leaving_day(one.at, zone)) <= last)


def _after(stay: StayNow, stays: Sequence[StayNow]) -> list[StayNow]:
    """The stays that go on after this one ended, in the order in which they began."""
    return sorted((s for s in stays if s is not stay and s.level is not None and ends_later(s, stay)), key=order)
