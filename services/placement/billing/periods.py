"""The service periods of an episode, always derived whole from its fold (contract 4); difference.py says what to send.

On purpose, a session on a day that is not counted (the leaving day of a 24-hour stay) is in no period.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import date
from operator import attrgetter
from zoneinfo import ZoneInfo

from msgspec import structs

from services.placement.billing import content
from services.placement.billing.authorizations import authorized
from services.placement.billing.changed_class import without_changed
from services.placement.billing.days import FOREVER, last_day
from services.placement.billing.edits import warnings
from services.placement.billing.model import BillingTable, Period
from services.placement.billing.payer_rules import NO_RULES, PayerRules
from services.placement.billing.stretches import BilledStretch, PayersFrom, covers, stretches
from services.placement.continuum.model import Folded, Segment, StayState
from services.placement.continuum.standing import StandingReview
from shared.events.billing import BilledAuthorization
from shared.site.billed import BilledAs
from shared.values import replace


def periods(
    folded: Folded,
    zone_of: Callable[[str], ZoneInfo],
    billed: BillingTable,
    payers: PayerRules = NO_RULES,
) -> tuple[Period, ...]:
    """All service periods of an episode, by first day and key (contract 4).

    `zone_of`: a facility's time zone; `billed`: how a place is billed; `payers`: what payers ask. Raises ValueError for
    a fold that contradicts itself, and what `zone_of` and `billed` raise.
    """
    covered = covers(folded.coverage)
    found: list[Period] = []
    for stay in folded.stays:
        found += _of_stay(folded, stay, zone_of(stay.facility), billed, covered, payers=payers)
    found.sort(key=attrgetter("start", "key"))
    said = warnings(found, folded, payers, zone_of)
    allowed = authorized(found, folded, payers, zone_of)
    reviewed = _of_reviews(found, folded) if folded.reviews else [NO_WORDS] * len(found)
    return tuple(
        _with(one, told, words | more | late | one.unmapped)
        for one, words, (told, more), late in zip(found, said, allowed, reviewed, strict=True)
    )


NO_WORDS: frozenset[str] = frozenset()
CERTIFYING = frozenset({"certification", "recertification"})


def _of_reviews(found: Sequence[Period], folded: Folded) -> list[frozenset[str]]:
    """The warnings of each period for reviews that were not done in time: a late certification stays one, any other
    review is a warning while it is overdue and the stay goes on (contract 3.8)."""
    late = [one for one in folded.reviews if one.late]
    if not late:
        return [NO_WORDS] * len(found)
    said: list[set[str]] = [set() for _ in found]
    for one in late:
        if one.kind in CERTIFYING:
            mine = [at for at, period in enumerate(found) if _is_of_stay(one, period) and period.start <= one.due]
            if mine:
                said[mine[-1]].add("certification-late")
        elif one.done_on is None:
            for words, period in zip(said, found, strict=True):
                if period.end is None and _is_about(one, period, folded):
                    words.add("review-overdue")
    return [frozenset(words) for words in said]


def _is_of_stay(one: StandingReview, period: Period) -> bool:
    return one.stay is not None and (one.stay.kind, one.stay.id) == period.stay


def _is_about(one: StandingReview, period: Period, folded: Folded) -> bool:
    """Whether a review is about care that a period is of."""
    if one.of.kind != "authorization":
        return _is_of_stay(one, period)
    care = (period.content.payer, period.level)
    return any(told.auth_id == one.of.id and (told.payer, told.level) == care for told in folded.authorizations)


def billed_from(folded: Folded) -> tuple[object, ...]:
    """All of a fold that service periods are derived from: two folds of one episode that have the same of it have the
    same periods."""
    seen_until = folded.last if folded.authorizations else None
    return (
        folded.patient_id, folded.stays, folded.coverage, folded.authorizations, folded.certifications, folded.plans,
        folded.reviews,
        seen_until,
    )  # fmt: skip


def _with(one: Period, allowed: Sequence[BilledAuthorization], words: Collection[str]) -> Period:
    if not (allowed or words):
        return one  # as it was made: without any
    content = structs.replace(one.content, authorizations=tuple(allowed), warnings=tuple(sorted(words)))
    return replace(one, content=content)


def _of_stay(
    folded: Folded,
    stay: StayState,
    zone: ZoneInfo,
    billed: BillingTable,
    covered: Sequence[PayersFrom],
    *,
    payers: PayerRules,
) -> list[Period]:
    """The periods of one stay, by their days; the last one of an ended stay has its end (contract 4)."""

    def as_billed(segment: Segment) -> BilledAs:
        return billed(stay.facility, segment.program, segment.unit, str(segment.level))

    def same_place(one: Segment, other: Segment) -> bool:
        return (one.level, one.program) == (other.level, other.program) and as_billed(one) == as_billed(other)

    found = without_changed(stretches(folded, stay, zone, covered, same_place), stay, payers)
    if not found:
        return []
    whole = content.of_stay(folded, stay, zone)
    recorded = sorted({session.day for session in stay.sessions})
    return [_period(whole, one, as_billed(one.segment), recorded, last=one is found[-1]) for one in found]


def _period(
    whole: content.BilledStay, stretch: BilledStretch, billed: BilledAs, recorded: Sequence[date], *, last: bool
) -> Period:
    stay = whole.stay
    ended = stay.ended if last else None
    status = content.told_status(ended, billed) if ended else None
    return Period(
        key=stretch.key,
        start=stretch.start,
        end=None if stretch.end == FOREVER else stretch.end,
        content=content.of_stretch(whole, stretch, billed, ended=ended, status=status),
        left=last_day(ended.at, whole.zone) if ended else None,
        recorded=tuple(day for day in recorded if stretch.start <= day < stretch.end),
        unmapped=content.unmapped(stay, stretch, no_status=ended is not None and status is None),
    )
