"""The service periods of an episode as its facts have them now; derived anew, never changed, never sent from here.

Gap, on purpose: a session on a day that isn't counted (the leaving day of a 24-hour stay) is in no period.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from services.placement.billing import content
from services.placement.billing.authorizations import NeedsAuthorization, authorized
from services.placement.billing.days import FOREVER, last_day
from services.placement.billing.edits import warnings
from services.placement.billing.model import BillingTable, Period
from services.placement.billing.stretches import BilledStretch, PayersFrom, covers, stretches
from services.placement.continuum.model import Folded, Segment, StayState
from shared.site.config import BilledAs
from shared.values import replace


def periods(
    folded: Folded,
    zone_of: Callable[[str], ZoneInfo],
    billed: BillingTable,
    needs_authorization: NeedsAuthorization = lambda _payer, _level: False,
) -> tuple[Period, ...]:
    """All service periods of an episode, by start and key (contract 4); two equal Folded give equal periods.

    `needs_authorization` says which payer pays for which level only what it has authorized; else nothing is missing.
    Raises ValueError for a fold that breaks its own rules; what `zone_of` and `billed` raise goes through.
    """
    covered = covers(folded.coverage)
    found = [one for stay in folded.stays for one in _of_stay(folded, stay, zone_of(stay.facility), billed, covered)]
    found.sort(key=lambda one: (one.start, one.key))
    said = warnings(found)
    allowed = authorized(found, folded, needs_authorization)
    return tuple(
        replace(one, content={**one.content, "authorizations": told, "warnings": sorted(words | more | one.unmapped)})
        for one, words, (told, more) in zip(found, said, allowed, strict=True)
    )


def _of_stay(
    folded: Folded, stay: StayState, zone: ZoneInfo, billed: BillingTable, covered: Sequence[PayersFrom]
) -> list[Period]:
    """The periods of one stay in order of days; the last one of an ended stay carries the end (contract 4)."""

    def as_billed(segment: Segment) -> BilledAs:
        return billed(stay.facility, segment.program, segment.unit, str(segment.level))

    def same_place(one: Segment, other: Segment) -> bool:
        return (one.level, one.program) == (other.level, other.program) and as_billed(one) == as_billed(other)

    found = list(stretches(folded, stay, zone, covered, same_place))
    if not found:
        return []
    common = content.of_stay(folded, stay, zone)
    services = content.services_by_day(stay)
    recorded = sorted({session.day for session in stay.sessions})
    said = [
        common
        | content.of_stretch(stay, one, zone, as_billed(one.segment), services)
        | {"certifications": content.certifications(folded, stay, one.start, one.end)}
        for one in found
    ]
    said[-1] |= content.of_end(stay, zone, as_billed(found[-1].segment))
    made = [
        replace(
            _period(stay, one, told, recorded),
            unmapped=content.unmapped(stay, one, as_billed(one.segment), last=one is found[-1]),
        )
        for one, told in zip(found, said, strict=True)
    ]
    if stay.ended:
        made[-1] = replace(made[-1], left=last_day(stay.ended.at, zone))
    return made


def _period(stay: StayState, stretch: BilledStretch, told: dict[str, Any], recorded: Sequence[Any]) -> Period:
    return Period(
        key=stretch.key,
        level=str(stretch.segment.level),
        facility=stay.facility,
        start=stretch.start,
        end=None if stretch.end == FOREVER else stretch.end,
        content=told,
        recorded=tuple(day for day in recorded if stretch.start <= day < stretch.end),
    )
