"""Which search an episode should have, which it has, and what makes the two agree. Pure.

A search is wanted after a discharge or a completion without a next stay, and on a referral. It is derived from the
fold, so a discharge that is taken back takes its search along (contract 3.6 rule 9). Offers move in `offers`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from services.placement.continuum.about import About
from services.placement.continuum.model import Folded, StandingPlacement, StayState
from services.placement.search.levels import LevelQuestion, Recommendation
from services.placement.search.searches import Offer, Search
from services.placement.search.states import (
    BY_A_PERSON,
    MEANING,
    SEARCH_MOVES,
    CloseReason,
    No,
    OfferState,
    SearchState,
)
from shared.errors import Rejected
from shared.events.base import CareFact
from shared.events.episodes import HowEnded
from shared.events.levels import LEAST_INTENSIVE, Level
from shared.events.open_lists import DispositionKind
from shared.events.placing import Needs, OfferWithdrawn, PlacementCancelled, SearchClosed, SearchOpened

FIRST_DAY: Final = timedelta(days=1)
"""What is asked for or assessed until then, or before the end of a shorter stay, is about that stay."""
_REASONS: Final = {"placed": "placed-elsewhere"}
"""Close reason → reason of the offers withdrawn with it, where it isn't the same."""
DECEASED: Final = "deceased"
ASK_FIRST: Final = "ask-before-calling"
"""What a program of a facility that did not tell the death itself is told instead (contract 3.6 rule 13)."""
BY_A_DEATH: Final = frozenset({DECEASED, ASK_FIRST})
"""Why a placement was cancelled, as its program's facility may know it."""


class Desk(NamedTuple):
    """What every decision about a search is made on: the episode, its latest search, the time, new ids; and which
    facilities told that the patient died."""

    about: About
    search: Search | None
    now: datetime
    ids: Callable[[], str]
    told_of_death: frozenset[str] = frozenset()


Recommend = Callable[[LevelQuestion], Recommendation]
"""Which level the site recommends, and why."""
Begins = Callable[..., bool]
"""Whether a search begins after an end: its disposition's code and kind, and its reason, by the site's table."""


class Policy(NamedTuple):
    """What the site says: which level is recommended, and after which ends a search begins."""

    recommend: Recommend
    begins: Begins


class DesiredSearch(NamedTuple):
    """A search that should be open: the fact that asks for it, its root and facility, and what is known for a
    recommendation."""

    trigger: str
    fact: str
    question: LevelQuestion
    facility: str = ""


def wanted(folded: Folded, begins: Begins) -> DesiredSearch | None:
    """The search that should be open now; None where there is a next stay, or none is to be."""
    if folded.deaths or folded.state in {"void", "closed"}:
        return None
    at_a_level = [stay for stay in folded.stays if stay.segments[-1].level]
    if not all(stay.ended for stay in at_a_level) or not all(_used(one, folded) for one in folded.placements):
        return None
    if at_a_level:
        last = at_a_level[0] if len(at_a_level) == 1 else max(at_a_level, key=_left)
        return _after(last, folded, begins)
    referral = folded.referral
    if referral is None:
        return None
    return DesiredSearch(referral.root, referral.fact, _known(folded), referral.facility)


def _left(stay: StayState) -> tuple[datetime, str, str]:
    return (stay.ended.at if stay.ended else stay.begun, *stay.key)


def _after(stay: StayState, folded: Folded, begins: Begins) -> DesiredSearch | None:
    """A stay that was discontinued is followed up by aftercare; after the least intensive level there is none."""
    end, level = stay.ended, stay.segments[-1].level
    if end is None or end.how not in {"discharged", "completed"} or level == LEAST_INTENSIVE:
        return None
    code, kind = (end.disposition.code, end.disposition.kind) if end.disposition else (None, None)
    if not begins("unknown") if DECEASED in {kind, end.reason} else not begins(code, kind, end.reason):
        return None  # a death that stood would have ended all before
    since = min(stay.segments[0].since + FIRST_DAY, end.at)
    question = _known(folded, since, from_level=level, ended=end.how, disposition=kind)
    return DesiredSearch(end.root or end.fact, end.fact, question, stay.facility)


def _known(
    folded: Folded,
    since: datetime | None = None,
    *,
    from_level: Level | None = None,
    ended: HowEnded | None = None,
    disposition: DispositionKind | None = None,
) -> LevelQuestion:
    """What the episode says for a recommendation: a referral or an assessment before `since` was about what is over."""
    asked, assessed = folded.referral, folded.assessment
    return LevelQuestion(
        from_level,
        ended,
        disposition,
        labels=folded.labels,
        age_years=_age(folded),
        assessed=assessed.recommended_level if assessed and (since is None or assessed.at > since) else None,
        asked=asked.requested_level if asked and (since is None or asked.at > since) else None,
    )


def _used(placement: StandingPlacement, folded: Folded) -> bool:
    """Whether the placement's stay has begun, by the desk's word or by ADT's."""
    for stay in folded.stays:
        names = {stay.placement_id, *(one for kind, one in (stay.key, *stay.aliases) if kind == "placement")}
        if placement.placement_id in names:
            return True
        if stay.kind == "visit" and stay.level == placement.level and stay.begun >= placement.at:
            return True
    return False


def needs_of(folded: Folded) -> Needs:
    """What the fold knows of the patient's needs: the first payer of the latest coverage, the age last told."""
    latest = folded.coverage[-1].coverage if folded.coverage else ()
    return Needs(payer=latest[0].payer if latest else None, age_years=_age(folded))


def _age(folded: Folded) -> int | None:
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
    """The fact that a search is open since `at`, else now; with `replaces` an open one looks for something else.

    Raises Rejected `search-open`.
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
        reasons=(recommended.rule,),
        policy=recommended.policy,
        derived_from=(trigger.fact,),
        replaces=replaces,
    )


def closed(desk: Desk, reason: CloseReason, cause: tuple[str, ...] = ()) -> tuple[CareFact, ...]:
    """Withdraw every offer that waits, and close. Raises Rejected: `no-search`, `search-closed`."""
    _move("search-closed", desk.search)
    if desk.search is None:
        raise Rejected(No.NO_SEARCH.value, MEANING[No.NO_SEARCH])
    about = desk.about._replace(facility=desk.search.facility or desk.about.facility)
    rest = [withdrawn(desk, one, _said_to(desk, one.facility, reason), cause) for one in desk.search.waiting]
    knows = reason != DECEASED or about.facility in desk.told_of_death
    over = SearchClosed(
        **about.heading(desk.now),
        search_id=desk.search.search_id,
        reason=reason if knows else "other",
        derived_from=cause,
    )
    return (*rest, over)


def _said_to(desk: Desk, facility: str, reason: CloseReason) -> str:
    """The reason as a program's facility may know it."""
    if reason == "deceased" and facility not in desk.told_of_death:
        return ASK_FIRST
    return _REASONS.get(reason, reason)


def withdrawn(desk: Desk, offer: Offer, reason: str, cause: tuple[str, ...] = ()) -> OfferWithdrawn:
    """The fact that the desk asks this program no longer."""
    about = desk.about._replace(facility=offer.facility or desk.about.facility)
    return OfferWithdrawn(
        **about.heading(desk.now),
        offer_id=offer.offer_id,
        program=offer.program,
        search_id=desk.search.search_id if desk.search else None,
        reason=reason,
        derived_from=cause,
    )


def followed(
    desk: Desk,
    folded: Folded,
    want: DesiredSearch | None,
    recommend: Recommend,
    *,
    earlier: Sequence[Search] = (),
    cause: tuple[str, ...] = (),
) -> tuple[CareFact, ...]:
    """What makes the searches agree with the fold: nothing where they do. `want`: the search that should be open by
    it; `cause`: ce_ids of what changed it.

    `earlier` are the closed searches before the desk's. A placement that has not started goes with its discharge.
    """
    now = desk.search
    if want and now and now.state is SearchState.OPEN and want.trigger == now.trigger:
        return ()
    if folded.deaths:
        desk = desk._replace(told_of_death=frozenset(one.facility for one in folded.deaths))
    facts: list[CareFact] = []
    if now and now.state is SearchState.OPEN:
        facts += closed(desk, _why(now, want, folded), cause)
    elif now and _lost_its_discharge(now, folded):
        facts += _placement_gone(desk, now, folded, cause)
    elif folded.deaths:
        facts += _nobody_comes(desk, (*earlier, *([now] if now else ())), folded, cause)
    settled = {one.trigger for one in (*earlier, *([now] if now else ())) if one.reason in BY_A_PERSON}
    if want and want.trigger not in settled:
        facts.append(opened(desk._replace(search=None), want, recommend(want.question), needs_of(folded)))
    return tuple(facts)


def _why(search: Search, want: DesiredSearch | None, folded: Folded) -> CloseReason:
    """Why an open search is wanted no more. An end of the episode leaves no program to look for; a later discharge
    shows that there was a next stay."""
    if folded.deaths:
        return "deceased"
    if _lost_its_discharge(search, folded):
        return "discharge-cancelled"
    cared_for = want is not None or any(stay.open and stay.level for stay in folded.stays) or bool(folded.placements)
    return "placed" if cared_for and folded.state != "closed" else "no-program"


def _lost_its_discharge(search: Search, folded: Folded) -> bool:
    roots = {stay.ended.root or stay.ended.fact for stay in folded.stays if stay.ended}
    roots |= {folded.referral.root} if folded.referral else set()
    return search.trigger is not None and search.trigger not in roots


def _placement_gone(desk: Desk, search: Search, folded: Folded, cause: tuple[str, ...]) -> list[CareFact]:
    """A first day that stands keeps its placement: it may count again (contract 3.6 rule 10)."""
    stands = any(one.placement_id == search.placement_id for one in folded.placements)
    if search.placement_id is None or search.started or not stands:
        return []
    at = next((one.facility for one in search.offers if one.state is OfferState.ACCEPTED), "")
    return [_cancelled(desk, search.placement_id, at or desk.about.facility, "discharge-cancelled", cause)]


def _nobody_comes(
    desk: Desk, searches: Iterable[Search], folded: Folded, cause: tuple[str, ...]
) -> list[PlacementCancelled]:
    """Who died takes up no placement any more; one whose first day was told is the program's to end."""
    every = list(searches)
    begun = {one.placement_id for one in every if one.started}
    places = {offer.program: offer.facility for one in every for offer in one.offers}
    left = [one for one in folded.placements if one.placement_id not in begun and not _used(one, folded)]
    found = []
    for one in left:
        facility = places.get(one.program, desk.about.facility)
        found.append(_cancelled(desk, one.placement_id, facility, _said_to(desk, facility, "deceased"), cause))
    return found


def _cancelled(desk: Desk, placement_id: str, facility: str, reason: str, cause: tuple[str, ...]) -> PlacementCancelled:
    about = desk.about._replace(facility=facility)
    return PlacementCancelled(**about.heading(desk.now), placement_id=placement_id, reason=reason, derived_from=cause)


def _move(name: str, search: Search | None) -> None:
    state = search.state if search else SearchState.NONE
    outcome = SEARCH_MOVES[name, state]
    if isinstance(outcome, No):
        may = tuple(fact for (fact, at), after in SEARCH_MOVES.items() if at is state and not isinstance(after, No))
        raise Rejected(outcome.value, MEANING[outcome], possible=may)
