"""The facts that make an episode's searches and placements agree with its fold (contract 3.6 rule 9, 3.7). Pure.

Each open search goes on, is restated, or is closed with a reason; one that should be open and is not is opened; a
placement whose reason went is cancelled. Called again with these facts among the others, it asks for nothing more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from services.placement.continuum.model import Folded
from services.placement.search.ahead import (
    accepted,
    asks,
    open_stay,
    proposed,
    ready_on,
    recommended,
    stay_called,
    waiting_placements,
)
from services.placement.search.levels import LevelQuestion, Recommendation
from services.placement.search.search import (
    DesiredSearch,
    Desk,
    Policy,
    after_the_last,
    closed,
    needs_of,
    opened,
    said_to,
    used,
)
from services.placement.search.searches import Search
from services.placement.search.states import BY_A_PERSON, CloseReason, SearchState
from shared.events.base import CareFact
from shared.events.levels import RANK
from shared.events.placing import PlacementCancelled

BY_THE_STAY: Final = frozenset({None, "discharge", "discharge-planned"})
"""What searches begin with that look for what follows the end of a stay."""
NO_CAUSE: Final[tuple[str, ...]] = ()


def followed(
    desk: Desk,
    folded: Folded,
    wants: Sequence[DesiredSearch],
    policy: Policy,
    *,
    earlier: Sequence[Search] = (),
    cause: tuple[str, ...] = NO_CAUSE,
) -> tuple[CareFact, ...]:
    """The facts to state, in order; none where all agrees. `wants`: the searches that should be open by the fold.

    `earlier`: the searches before the desk's. `cause`: ce_ids of the facts that changed the fold. A placement that has
    not begun is cancelled when the discharge or plan that its search came from is taken back.
    """
    now = desk.search
    if now is None and not wants and not folded.deaths:
        return ()
    if now and len(wants) == 1 and not folded.placements and _as_wanted(now, wants[0], earlier):
        return ()
    every = (*earlier, *([now] if now else ()))
    if folded.deaths:
        desk = desk._replace(told_of_death=frozenset(one.facility for one in folded.deaths))
    facts: list[CareFact] = []
    kept: list[tuple[Search, DesiredSearch]] = []
    for search in every:
        if search.state is not SearchState.OPEN:
            continue
        want = _goes_on_as(search, folded, wants, policy)
        if want is None or search.recommended_level in {one.recommended_level for one, _ in kept}:
            facts += closed(desk._replace(search=search), _why(search, wants, folded), cause)
        else:
            kept.append((search, want))
            facts += _restated(desk._replace(search=search), search, want)
    if folded.placements:
        facts += _placements_gone(desk, every, folded, cause)
    return (*facts, *_begun(desk, folded, wants, policy, every=every, kept=kept)) if wants else tuple(facts)


def _as_wanted(now: Search, want: DesiredSearch, earlier: Sequence[Search]) -> bool:
    """True after the end of a stay, where the latest search is open, is the one that is wanted, and no other is open:
    the usual case."""
    if now.stay or want.stay or now.state is not SearchState.OPEN or now.trigger is None or now.trigger != want.trigger:
        return False
    return now.ready_on is None and not [one for one in earlier if one.state is SearchState.OPEN]


def _begun(
    desk: Desk,
    folded: Folded,
    wants: Sequence[DesiredSearch],
    policy: Policy,
    *,
    every: Sequence[Search],
    kept: Sequence[tuple[Search, DesiredSearch]],
) -> list[CareFact]:
    """The searches to open: one for each level, where nobody closed it, and downwards from an open stay."""
    found, levels = list[CareFact](), {search.recommended_level for search, _ in kept}
    for want in wants:
        if [one for _, one in kept if one.trigger == want.trigger] or (every and _settled(want, every)):
            continue
        told = recommended(want, policy)
        before = want.question.from_level
        upwards = want.stay and want.ahead and before is not None and RANK[told.level] <= RANK[before]
        if told.level not in levels and not upwards:
            levels.add(told.level)
            found.append(opened(desk._replace(search=None), want, told, needs_of(folded)))
    return found


def _settled(want: DesiredSearch, every: Iterable[Search]) -> bool:
    """True where a person closed a search for the same; what a patient declined while a stay was open, its end asks for
    no more."""
    for one in every:
        if one.reason not in BY_A_PERSON:
            continue
        if one.trigger == want.trigger and want.trigger is not None:
            return True
        if one.stay is not None and one.stay == want.of and one.begun_by in BY_THE_STAY:
            return want.ahead or one.reason == "patient-declined"
    return False


def _goes_on_as(search: Search, folded: Folded, wants: Sequence[DesiredSearch], policy: Policy) -> DesiredSearch | None:
    """What an open search is for now; None where it is wanted no more."""
    if folded.deaths or folded.state in {"void", "closed"}:
        return None
    if search.stay is None:
        same = (one for one in wants if one.trigger == search.trigger and search.trigger)
        return next((one for one in same if one.level in {None, search.recommended_level}), None)
    if search.recommended_level == folded.level:
        return None  # the patient is there
    for one in wants:
        if one.begun_by == search.begun_by and one.level is not None and one.level == search.recommended_level:
            return one
        if one.of == search.stay and one.level is None and search.begun_by in BY_THE_STAY:
            return one
    return _by_itself(search, folded, policy)


def _by_itself(search: Search, folded: Folded, policy: Policy) -> DesiredSearch | None:
    """The same for a search of a person's, and after the end of its stay for one that a referral or an assessment asks
    for."""
    stay = stay_called(folded, search.stay) if search.stay else None
    placed = {one.level for one in waiting_placements(folded)}
    if stay is None or search.begun_by in BY_THE_STAY or search.recommended_level in placed:
        return None
    if search.begun_by != "person" and search.recommended_level not in {one.level for one in asks(folded)}:
        return None
    if stay.ended is not None:
        after = after_the_last(folded, policy.begins)
        return after if after and after.of == stay.key and folded.level is None else None
    if stay is not open_stay(folded):
        return None
    if search.begun_by != "person":
        found = next((one for one in proposed(folded) if one.level == search.recommended_level), None)
        return accepted(found, stay, policy, search.ready_on) if found else None
    question = LevelQuestion(stay.level)
    return DesiredSearch(
        None, None, question, search.facility, "person", stay.key, stay.key, ready_on(stay, policy) or search.ready_on
    )


def _restated(desk: Desk, search: Search, want: DesiredSearch) -> tuple[CareFact, ...]:
    """The search stated anew, with its offers, where it came from something else now or looks for another day."""
    stay = want.stay or search.stay
    if (search.trigger, search.ready_on, search.stay) == (want.trigger, want.ready_on, stay):
        return ()
    rule = next(iter(search.reasons), "")
    told = Recommendation(search.recommended_level, (), rule, search.policy or "")
    want = want._replace(begun_by=search.begun_by, stay=stay)
    return (opened(desk, want, told, search.needs, replaces=search.fact, at=search.opened_at),)


def _why(search: Search, wants: Sequence[DesiredSearch], folded: Folded) -> CloseReason:
    """The reason to close an open search that is no longer wanted: `placed` where a stay or placement followed, which a
    later discharge also shows; `no-program` where nothing followed or the episode is closed."""
    if folded.deaths:
        return "deceased"
    if (why := lost(search, folded)) is not None:
        return why
    cared_for = bool(wants) or any(stay.open and stay.level for stay in folded.stays) or bool(folded.placements)
    return "placed" if cared_for and folded.state != "closed" else "no-program"


def lost(search: Search, folded: Folded) -> CloseReason | None:
    """Why what the search came from no longer stands; None: it stands."""
    if search.stay is not None:
        stay = stay_called(folded, search.stay)
        if stay is None:
            return "plan-cancelled"
        if search.begun_by in BY_THE_STAY:
            gone = stay.ended is None and stay.plan is None
            return (
                ("plan-cancelled" if search.begun_by == "discharge-planned" else "discharge-cancelled")
                if gone
                else None
            )
        if search.begun_by == "person":
            return None
    roots = {stay.ended.root or stay.ended.fact for stay in folded.stays if stay.ended}
    roots |= {folded.referral.root} if folded.referral else set()
    if search.stay is not None and folded.assessment:
        roots.add(folded.assessment.root or folded.assessment.fact)
    return "discharge-cancelled" if search.trigger is not None and search.trigger not in roots else None


def _placements_gone(
    desk: Desk, every: Sequence[Search], folded: Folded, cause: tuple[str, ...]
) -> list[PlacementCancelled]:
    """The cancels of placements that have not begun: of a patient who died, and of a search that lost what it came
    from. One whose first day was stated stays, since that may have effect again (contract 3.6 rule 10)."""
    if folded.deaths:
        return _nobody_comes(desk, every, folded, cause)
    stand = {one.placement_id for one in folded.placements}
    unused = {one.placement_id for one in waiting_placements(folded)}
    found = []
    for search in every:
        if search.placement_id not in stand or search.started or search.state is SearchState.OPEN:
            continue
        if search is not desk.search and search.placement_id not in unused:
            continue
        if (why := lost(search, folded)) is not None:
            at = next((one.facility for one in search.offers if one.offer_id == search.placed_offer), "")
            found.append(cancelled(desk, str(search.placement_id), at or desk.about.facility, why, cause))
    return found


def _nobody_comes(
    desk: Desk, every: Sequence[Search], folded: Folded, cause: tuple[str, ...]
) -> list[PlacementCancelled]:
    """The cancels of the placements of a patient who died; one whose first day was stated is for the program to end."""
    begun = {one.placement_id for one in every if one.started}
    places = {offer.program: offer.facility for one in every for offer in one.offers}
    left = [one for one in folded.placements if one.placement_id not in begun and not used(one, folded)]
    found = []
    for one in left:
        facility = places.get(one.program, desk.about.facility)
        found.append(cancelled(desk, one.placement_id, facility, said_to(desk, facility, "deceased"), cause))
    return found


def cancelled(desk: Desk, placement_id: str, facility: str, reason: str, cause: tuple[str, ...]) -> PlacementCancelled:
    """The fact that a placement will not be; `facility`: the program's."""
    about = desk.about._replace(facility=facility)
    return PlacementCancelled(**about.heading(desk.now), placement_id=placement_id, reason=reason, derived_from=cause)
