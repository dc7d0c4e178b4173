"""Which searches should be open while a stay is: by its plan, by a referral, by an assessment (contract 3.7). Pure.

They look downwards alone; upwards a person looks: what a referral or an assessment asks for there is a proposal. A
search after the end of a stay is in search.py.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final, NamedTuple

from services.placement.continuum.model import Folded, StayKey, StayState
from services.placement.continuum.order import leaving_day
from services.placement.continuum.standing import StandingPlacement
from services.placement.search.levels import LevelQuestion, Recommendation
from services.placement.search.search import DesiredSearch, Policy, age_of, used, wanted
from shared.events.levels import LEAST_INTENSIVE, RANK, Level
from shared.events.open_lists import BegunBy
from shared.values import replace

NOTHING: Final[tuple[DesiredSearch, ...]] = ()


class AskedLevel(NamedTuple):
    """A level that a referral or an assessment asks for, and when; `root`: of the fact that says so."""

    level: Level
    root: str
    fact: str
    facility: str
    by: BegunBy
    at: datetime


def wants(folded: Folded, policy: Policy) -> tuple[DesiredSearch, ...]:
    """Every search that should be open by the fold; of those for one level the first counts."""
    levels = folded.levels
    if not levels or levels[-1].level is None:
        after = wanted(folded, policy.begins)
        return (after,) if after else NOTHING
    referral, assessment = folded.referral, folded.assessment
    asked = assessment is not None or (referral is not None and referral.requested_level is not None)
    if not asked and not [stay for stay in folded.stays if stay.plan]:
        return NOTHING
    stay = open_stay(folded)
    return _ahead(folded, stay, policy) if stay and not folded.deaths and folded.state != "closed" else NOTHING


def open_stay(folded: Folded) -> StayState | None:
    """The open stay that gives the episode its level; None where no stay with a level is open."""
    last = folded.levels[-1] if folded.levels else None
    return stay_called(folded, last.stay) if last and last.stay else None


def stay_called(folded: Folded, key: StayKey) -> StayState | None:
    """The stay with this key, its own or another one that it goes by; None where none has it."""
    return next((one for one in folded.stays if one.key == key or key in one.aliases), None)


def ready_on(stay: StayState, policy: Policy) -> date | None:
    """The day on which the patient is expected to leave an open stay, where one was told."""
    plan = stay.plan
    return leaving_day(plan.at, policy.zone_of(stay.facility)) if plan and plan.at else None


def waiting_placements(folded: Folded) -> list[StandingPlacement]:
    """The placements that stand and whose stay has not begun."""
    return [one for one in folded.placements if not used(one, folded)]


def _ahead(folded: Folded, stay: StayState, policy: Policy) -> tuple[DesiredSearch, ...]:
    """The searches beside this open stay: none for a level that a placement waits at."""
    level, placed = stay.level, waiting_placements(folded)
    if level is None or level == LEAST_INTENSIVE:
        return NOTHING  # nothing follows it
    open_asks = [one for one in asks(folded) if RANK[one.level] > RANK[level]]
    day, found = ready_on(stay, policy), list[DesiredSearch]()
    if stay.plan and not placed and care_goes_on(stay, policy):
        question = _question(folded, stay, open_asks)
        found.append(
            DesiredSearch(
                stay.plan.root, stay.plan.fact, question, stay.facility, "discharge-planned", stay.key, stay.key, day
            )
        )
    taken = {one.level for one in placed}
    for one in open_asks:
        if one.level not in taken:
            question = _question(folded, stay, [one])
            place = one.facility or stay.facility
            found.append(
                DesiredSearch(one.root, one.fact, question, place, one.by, stay.key, stay.key, day, level=one.level)
            )
    return tuple(found)


def care_goes_on(stay: StayState, policy: Policy) -> bool:
    """Whether a search begins after the end that is planned: not after the least intensive level, nor where the site's
    table says so."""
    if stay.level == LEAST_INTENSIVE:
        return False
    told = stay.plan.disposition if stay.plan else None
    return told is None or policy.begins(told.code, told.kind)


def _question(folded: Folded, stay: StayState, asked: list[AskedLevel]) -> LevelQuestion:
    """What is known for a recommendation while the stay is open, as if it had ended."""
    levels = {one.by: one.level for one in asked}
    told = stay.plan.disposition if stay.plan else None
    return LevelQuestion(
        stay.level,
        "discharged" if stay.kind == "visit" else "completed",
        told.kind if told else None,
        labels=folded.labels,
        age_years=age_of(folded),
        assessed=levels.get("assessment"),
        asked=levels.get("referral"),
    )


def asks(folded: Folded) -> list[AskedLevel]:
    """The levels that the referral and the latest assessment ask for, unless the patient was at that level since."""
    found = list[AskedLevel]()
    referral, assessment = folded.referral, folded.assessment
    if referral and referral.requested_level and not _came(folded, referral.requested_level, referral.at):
        found.append(
            AskedLevel(
                referral.requested_level, referral.root, referral.fact, referral.facility, "referral", referral.at
            )
        )
    if assessment and not _came(folded, assessment.recommended_level, assessment.at):
        level, root = assessment.recommended_level, assessment.root or assessment.fact
        found.append(AskedLevel(level, root, assessment.fact, assessment.facility, "assessment", assessment.at))
    return found


def proposed(folded: Folded) -> list[AskedLevel]:
    """The levels above that of the open stay that a referral or an assessment asks for: a person accepts, or not."""
    stay = open_stay(folded)
    if stay is None or stay.level is None or folded.deaths:
        return []
    rank = RANK[stay.level]
    return [one for one in asks(folded) if RANK[one.level] < rank]


def accepted(one: AskedLevel, stay: StayState, policy: Policy, day: date | None = None) -> DesiredSearch:
    """The search for a proposed level beside this open stay; `day`: the first day looked for where none is planned."""
    ready = ready_on(stay, policy) or day
    place = one.facility or stay.facility
    return DesiredSearch(
        one.root, one.fact, LevelQuestion(stay.level), place, one.by, stay.key, stay.key, ready, one.level
    )


def _came(folded: Folded, level: Level, since: datetime) -> bool:
    """True where the patient was at this level at or after an instant."""
    for stay in folded.stays:
        begins = [*(one.since for one in stay.segments[1:]), stay.ended.at if stay.ended else None]
        for one, until in zip(stay.segments, begins, strict=True):
            if one.level == level and (until is None or until > since):
                return True
    return False


def recommended(want: DesiredSearch, policy: Policy) -> Recommendation:
    """The level to look for: the one asked for, where one is, else by the site's rules."""
    found = policy.recommend(want.question)
    return found if want.level in {None, found.level} else replace(found, level=want.level, rule=f"by-{want.begun_by}")
