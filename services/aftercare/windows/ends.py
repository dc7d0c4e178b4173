"""The ends of stays with which a plan, and then aftercare, begins. Pure.

Computed from care.episodes by the site's rules (docs/decisions/0117-aftercare.md,
0156-a-call-after-every-discharge.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from services.aftercare.contacts.deaths import DECEASED, Deaths, words_of_end
from services.aftercare.contacts.stays import ZoneOf, ends_later, first_day, kind_of_end, leaving_day
from services.aftercare.decisions.ids import end_of, id_of
from shared.events.episodes import EndedBy, EpisodeState, StayNow
from shared.site.config import Site
from shared.site.values import Aftercare, AftercareStart, PlanTemplate


@dataclass(frozen=True, slots=True)
class Start:
    """The end of a stay with which a plan begins, at `left_at`, on the day `left` in the facility's zone.

    Aftercare itself starts at `at`, unless a further stay is open or begins by then (`goes_on`). `waits`: the site
    waits for a further level, so only a timer can start aftercare, after `at` (contract 3.6 rule 8), and does not where
    a stay followed later (`followed`).
    """

    plan_id: str
    trigger: str
    facility: str
    left: date
    left_at: datetime
    at: datetime
    waits: bool
    template: PlanTemplate | None
    goes_on: bool = False
    followed: bool = False


def ends(document: EpisodeState, site: Site, deaths: Deaths) -> tuple[Start, ...]:
    """The ends of stays that the site's rules name by kind and level and that leave the patient at home, in the order
    of the stays."""
    found = []
    for end in _ends(document, site, deaths):
        rule = next((r for r in site.aftercare.starts if r.after == end.by.how and end.stay.level in r.levels), None)
        if rule is not None:
            found.append(_start(end, rule, document, site.aftercare, site.zone))
    return tuple(found)


def leaves_plans(stay: StayNow, site: Site, deaths: Deaths) -> bool:
    """True when a plan may begin after this end: the patient has not died and is not in other hands, by the site's
    table."""
    if kind_of_end(stay) == DECEASED and deaths.reported:
        return False
    return site.begins("plan", *words_of_end(stay, deaths))


def starts(found: tuple[Start, ...]) -> tuple[Start, ...]:
    """Those of the ends with which aftercare starts: no further stay was open or began while the site waited."""
    return tuple(end for end in found if not end.goes_on)


class _End(NamedTuple):
    """A stay that has ended, the fact that ended it, and when."""

    stay: StayNow
    by: EndedBy
    at: datetime


def _ends(document: EpisodeState, site: Site, deaths: Deaths) -> Iterator[_End]:
    for stay in document.stays:
        if stay.ended_by is not None and stay.to is not None and leaves_plans(stay, site, deaths):
            yield _End(stay, stay.ended_by, stay.to)


def _goes_on(document: EpisodeState, end: _End, rule: AftercareStart, zone_of: ZoneOf) -> bool:
    last = leaving_day(end.at, zone_of(end.stay.facility)) + timedelta(days=rule.wait_days)
    return any(first_day(other, zone_of) <= last for other in _later(document, end.stay))


def _later(document: EpisodeState, stay: StayNow) -> list[StayNow]:
    """Stays with a level of care that go on after this one."""
    return [s for s in document.stays if s is not stay and s.level is not None and ends_later(s, stay)]


def _start(end: _End, rule: AftercareStart, document: EpisodeState, rules: Aftercare, zone_of: ZoneOf) -> Start:
    zone: tzinfo = zone_of(end.stay.facility)
    left, waits = leaving_day(end.at, zone), rule.wait_days > 0
    over = datetime.combine(left + timedelta(days=rule.wait_days + 1), time.min, zone)
    return Start(
        plan_id=id_of(document.episode_id, "plan", end_of(end.by)),
        trigger=end.by.ce_id,
        facility=end.stay.facility,
        left=left,
        left_at=end.at.astimezone(zone),
        at=over if waits else end.at.astimezone(zone),
        waits=waits,
        template=_template(document, end, rules),
        goes_on=_goes_on(document, end, rule, zone_of),
        followed=bool(_later(document, end.stay)),
    )


def _template(document: EpisodeState, end: _End, rules: Aftercare) -> PlanTemplate | None:
    for each in rules.templates:
        level_fits = not each.levels or end.stay.level in each.levels
        if end.by.how in each.after and level_fits and (not each.labels or {*each.labels} & {*document.labels}):
            return each
    return None
