"""Which search an episode should have, and the facts that make the search it has agree with that. Pure.

A search is wanted after a discharge or a completion that no stay follows, and on a referral; which are wanted while a
stay is open is in ahead.py, what follows for those that there are in keeping.py. Offers are in offers.py.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from msgspec import structs

from services.placement.continuum.about import About
from services.placement.continuum.model import Folded, StayKey, StayState
from services.placement.continuum.standing import FirstReferral, LatestAssessment, StandingPlacement
from services.placement.search.levels import LevelQuestion, Recommendation
from services.placement.search.needs import told_needs
from services.placement.search.searches import Offer, Search
from services.placement.search.states import MEANING, SEARCH_MOVES, CloseReason, No, SearchState
from shared.errors import Rejected
from shared.events.base import CareFact, Stay
from shared.events.episodes import HowEnded
from shared.events.levels import LEAST_INTENSIVE, Level
from shared.events.open_lists import BegunBy, DispositionKind
from shared.events.placing import Needs, OfferWithdrawn, SearchClosed, SearchOpened

FIRST_DAY: Final = timedelta(days=1)
"""A referral or assessment so soon after a stay began, or before a shorter stay ended, is about that stay and not about
what follows it."""
_REASONS: Final = {"placed": "placed-elsewhere"}
"""Reason of a search's close → reason of the offers withdrawn with it, where that is another."""
DECEASED: Final = "deceased"
ASK_FIRST: Final = "ask-before-calling"
"""The reason given, instead of DECEASED, to a program of a facility that did not itself report the death (contract 3.6
rule 13)."""
BY_A_DEATH: Final = frozenset({DECEASED, ASK_FIRST})
"""Reasons of placements that were cancelled because the patient died."""


class Desk(NamedTuple):
    """What decisions about a search are made on. `search`: the episode's latest, or the one asked about; None: there is
    none. `ids` gives new ids. `told_of_death`: the facilities that reported the patient's death."""

    about: About
    search: Search | None
    now: datetime
    ids: Callable[[], str]
    told_of_death: frozenset[str] = frozenset()


Recommend = Callable[[LevelQuestion], Recommendation]
"""Which level the site recommends, and why."""
Begins = Callable[..., bool]
"""Called with the disposition's code and kind and the reason of an end: whether a search begins, by the site's
table."""


class Policy(NamedTuple):
    """The site's rules: which level is recommended, after which ends of a stay a search begins, a facility's time
    zone, and for how many days longer than agreed a placement is kept (`limits.gap_days`)."""

    recommend: Recommend
    begins: Begins
    zone_of: Callable[[str], ZoneInfo]
    gap_days: int


class DesiredSearch(NamedTuple):
    """A search that should be open. `fact`: what asks for it, a discharge, completion, plan, referral or assessment
    (None: a person); `trigger`: the root of that fact; `question`: what is known for a recommendation.

    `stay`: the stay to name in the search; `of`: the stay whose end, expected or told, it is about. `ready_on`: the
    first day looked for; None: as soon as possible. `level`: the one asked for; None: the site's rules say.
    """

    trigger: str | None
    fact: str | None
    question: LevelQuestion
    facility: str = ""
    begun_by: BegunBy | None = "discharge"
    stay: StayKey | None = None
    of: StayKey | None = None
    ready_on: date | None = None
    level: Level | None = None

    @property
    def ahead(self) -> bool:
        """True of a search while a stay is open, that a person did not begin."""
        return self.stay is not None and self.begun_by not in {"discharge", "person"}


def wanted(folded: Folded, begins: Begins) -> DesiredSearch | None:
    """The search that should be open now; None where the patient has a stay or placement, or none is to begin."""
    if folded.deaths or folded.state in {"void", "closed"}:
        return None
    at_a_level = [stay for stay in folded.stays if stay.segments[-1].level]
    if not all(stay.ended for stay in at_a_level) or not all(used(one, folded) for one in folded.placements):
        return None
    if at_a_level:
        return _after(max(at_a_level, key=_left), folded, begins)
    referral = folded.referral
    if referral is None:
        return None
    return DesiredSearch(referral.root, referral.fact, _known(folded), referral.facility, "referral")


def after_the_last(folded: Folded, begins: Begins) -> DesiredSearch | None:
    """The search after the stay that ended last, whether a placement follows it or not; None where the site's table
    begins none."""
    at_a_level = [stay for stay in folded.stays if stay.segments[-1].level]
    return _after(max(at_a_level, key=_left), folded, begins) if at_a_level else None


def _left(stay: StayState) -> tuple[datetime, str, str]:
    return (stay.ended.at if stay.ended else stay.begun, *stay.key)


def _after(stay: StayState, folded: Folded, begins: Begins) -> DesiredSearch | None:
    """The search after this stay; None after the least intensive level, after a stay that was discontinued (aftercare
    follows that up), or where the site's table says so."""
    end, level = stay.ended, stay.segments[-1].level
    if end is None or end.how not in {"discharged", "completed"} or level == LEAST_INTENSIVE:
        return None
    code, kind = (end.disposition.code, end.disposition.kind) if end.disposition else (None, None)
    if not begins("unknown") if DECEASED in {kind, end.reason} else not begins(code, kind, end.reason):
        return None  # a death that stands gets no search from `wanted`; one that fell counts as `unknown`
    since = min(stay.segments[0].since + FIRST_DAY, end.at)
    question = _known(folded, since, from_level=level, ended=end.how, disposition=kind)
    named = stay.key if stay.plan else None
    return DesiredSearch(end.root or end.fact, end.fact, question, stay.facility, "discharge", named, stay.key)


def _known(
    folded: Folded,
    since: datetime | None = None,
    *,
    from_level: Level | None = None,
    ended: HowEnded | None = None,
    disposition: DispositionKind | None = None,
) -> LevelQuestion:
    """What is known for a recommendation: how the stay before ended, where one did, and what the episode says, without
    a referral or an assessment up to `since`."""
    asked, assessed = folded.referral, folded.assessment
    return LevelQuestion(
        from_level,
        ended,
        disposition,
        labels=folded.labels,
        age_years=age_of(folded),
        assessed=assessed.recommended_level if assessed and (since is None or assessed.at > since) else None,
        asked=asked.requested_level if asked and (since is None or asked.at > since) else None,
    )


def used(placement: StandingPlacement, folded: Folded) -> bool:
    """True when the placement's stay has begun, whether the desk or ADT reported it."""
    return any(became(placement, stay) for stay in folded.stays)


def became(placement: StandingPlacement, stay: StayState) -> bool:
    """True of the stay that a placement became: it names it, or a hospital told it at that level since."""
    names = {stay.placement_id, *(one for kind, one in (stay.key, *stay.aliases) if kind == "placement")}
    if placement.placement_id in names:
        return True
    return stay.kind == "visit" and stay.level == placement.level and stay.begun >= placement.at


def needs_of(folded: Folded) -> Needs:
    """The patient's needs as far as the fold knows them: what the referral and the latest assessment say, the first
    payer of the latest coverage, and the latest age."""
    latest = folded.coverage[-1].coverage if folded.coverage else ()
    told = told_needs((*_needs_told(folded.referral), *_needs_told(folded.assessment)))
    payer, age = latest[0].payer if latest else told.payer, age_of(folded)
    return structs.replace(told, payer=payer, age_years=told.age_years if age is None else age)


def _needs_told(by: FirstReferral | LatestAssessment | None) -> tuple[str, ...]:
    return by.needs if by else ()


def age_of(folded: Folded) -> int | None:
    """The patient's age as the latest stay tells it; None where none does."""
    told = [stay.age_years for stay in folded.stays if stay.age_years is not None]
    return told[-1] if told else None


def opened(
    desk: Desk,
    trigger: DesiredSearch,
    recommended: Recommendation,
    needs: Needs,
    *,
    replaces: str | None = None,
    at: datetime | None = None,
) -> SearchOpened:
    """The fact that a search is open since `at`, else since now. `replaces`: the ce_id of the open search's fact, which
    is restated with another level or other needs.

    Raises Rejected `search-open` where one is open and `replaces` is None.
    """
    if replaces is None:
        _move("search-opened", desk.search)
    search_id = desk.search.search_id if replaces and desk.search else desk.ids()
    about = desk.about._replace(facility=trigger.facility or desk.about.facility)
    return SearchOpened(
        **about.heading(desk.now, at),
        search_id=search_id,
        from_level=trigger.question.from_level or "none",
        recommended_level=recommended.level,
        needs=needs,
        trigger=trigger.trigger,
        reasons=(recommended.rule,) if recommended.rule else (),
        policy=recommended.policy or None,
        begun_by=trigger.begun_by,
        ready_on=trigger.ready_on,
        stay=Stay(kind=trigger.stay[0], id=trigger.stay[1]) if trigger.stay else None,
        derived_from=(trigger.fact,) if trigger.fact else (),
        replaces=replaces,
    )


def closed(desk: Desk, reason: CloseReason, cause: tuple[str, ...] = ()) -> tuple[CareFact, ...]:
    """Withdraw every unanswered offer of the search and close it. `cause`: ce_ids of the facts that ask for it.

    Raises Rejected: `no-search`, `search-closed`.
    """
    _move("search-closed", desk.search)
    if desk.search is None:
        raise Rejected(No.NO_SEARCH.value, MEANING[No.NO_SEARCH])
    about = desk.about._replace(facility=desk.search.facility or desk.about.facility)
    rest = [withdrawn(desk, one, said_to(desk, one.facility, reason), cause) for one in desk.search.waiting]
    knows = reason != DECEASED or about.facility in desk.told_of_death
    over = SearchClosed(
        **about.heading(desk.now),
        search_id=desk.search.search_id,
        reason=reason if knows else "other",
        derived_from=cause,
    )
    return (*rest, over)


def said_to(desk: Desk, facility: str, reason: CloseReason) -> str:
    """The reason to state to this facility: one that did not report the death itself is not told of it."""
    if reason == "deceased" and facility not in desk.told_of_death:
        return ASK_FIRST
    return _REASONS.get(reason, reason)


def withdrawn(desk: Desk, offer: Offer, reason: str, cause: tuple[str, ...] = ()) -> OfferWithdrawn:
    """The fact that the desk withdraws this offer."""
    about = desk.about._replace(facility=offer.facility or desk.about.facility)
    return OfferWithdrawn(
        **about.heading(desk.now),
        offer_id=offer.offer_id,
        program=offer.program,
        search_id=desk.search.search_id if desk.search else None,
        reason=reason,
        derived_from=cause,
    )


def _move(name: str, search: Search | None) -> None:
    """Raises Rejected where the table has no such move of the search."""
    state = search.state if search else SearchState.NONE
    outcome = SEARCH_MOVES[name, state]
    if isinstance(outcome, No):
        may = tuple(fact for (fact, at), after in SEARCH_MOVES.items() if at is state and not isinstance(after, No))
        raise Rejected(outcome.value, MEANING[outcome], possible=may)
