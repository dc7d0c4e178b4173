"""Searches over HTTP: the list, and what a coordinator does to a search; the rules are in search/."""

from __future__ import annotations

from msgspec import structs

from services.placement.desk.commands import CloseSearch, OpenSearch, Wishes, values_of
from services.placement.desk.frame import Listing, Rule, Subject, of_entries, write
from services.placement.engine.act import Decided, Situation
from services.placement.search import search as searching
from services.placement.search.ahead import accepted, open_stay, proposed, ready_on, recommended, wants
from services.placement.search.levels import LevelQuestion, Recommendation
from services.placement.search.searches import Search
from services.placement.search.states import MEANING, No, SearchState
from shared.errors import Rejected
from shared.events.levels import Level
from shared.events.placing import Needs, SearchOpened
from shared.site.config import Site
from shared.values import replace


def reopen(now: Situation, _: str, asked: OpenSearch) -> Decided:
    """Search again after a person closed the search, or look ahead while a stay is open. Raises Rejected:
    `search-open` (for this level), `nothing-to-look-for`, `already-there` (the level is the patient's)."""
    wanted = _asked_for(now, asked)
    needs = wished(searching.needs_of(now.folded), asked.needs, now.rules.site)
    question = replace(wanted.question, age_years=needs.age_years)
    told = recommended(wanted._replace(question=question), now.rules.policy)
    same = {wanted.trigger} - {None}
    found = [one for one in now.own.open if one.recommended_level == told.level or one.trigger in same]
    if any(now.scope.has(one.facility or now.folded.facility) for one in found):
        raise Rejected(No.SEARCH_OPEN.value, MEANING[No.SEARCH_OPEN], possible=("search-closed",), state="open")
    if told.level == now.folded.level:
        raise Rejected("already-there", "the patient is at this level", possible=("another-level",))
    opened = searching.opened(now.desk()._replace(search=None), wanted, told, needs)
    return Decided((opened,), (str(opened.search_id),))


def _asked_for(now: Situation, asked: OpenSearch) -> searching.DesiredSearch:
    """What asks for a search: the fold, of the level that is named where one is, else a person while a stay is open.
    Raises Rejected `nothing-to-look-for`."""
    found = [one for one in _wants(now) if asked.level in {None, recommended(one, now.rules.policy).level}]
    taken = {one.trigger for one in now.own.open}
    left = [one for one in found if one.trigger not in taken] or found
    stay = open_stay(now.folded)
    proposal = next((one for one in proposed(now.folded) if one.level == asked.level), None)
    if stay is not None and proposal is not None and now.scope.has_all((stay.facility, proposal.facility)):
        return accepted(proposal, stay, now.rules.policy, asked.ready_on)
    if left and (asked.level is not None or stay is None or left[0].trigger not in taken):
        return left[0]
    if stay is not None and now.scope.has(stay.facility) and not now.folded.deaths:
        day = ready_on(stay, now.rules.policy) or asked.ready_on
        question = LevelQuestion(stay.level, "discharged" if stay.kind == "visit" else "completed")
        return searching.DesiredSearch(
            None, None, question, stay.facility, "person", stay.key, stay.key, day, asked.level
        )
    if left:
        return left[0]
    raise Rejected("nothing-to-look-for", "no discharge, completion or referral asks for a program")


def _wants(now: Situation) -> list[searching.DesiredSearch]:
    """The searches that the fold asks for, in scope."""
    found = wants(now.folded, now.rules.policy)
    return [one for one in found if now.scope.has(one.facility or now.folded.facility)]


def _wanted(now: Situation, search: Search) -> searching.DesiredSearch:
    """What an open search is for, as it was told."""
    level = None if search.from_level == "none" else Level(search.from_level)
    told = next((one for one in _wants(now) if one.trigger == search.trigger and search.trigger), None)
    question = told.question if told else LevelQuestion(level)
    fact = _statement(now, search).derived_from[:1]
    return searching.DesiredSearch(
        search.trigger, fact[0] if fact else None, question, search.facility, search.begun_by, search.stay, search.stay,
        search.ready_on,
    )  # fmt: skip


def look_for(now: Situation, search_id: str, asked: Wishes) -> Decided:
    """Change what is looked for; the search and its offers stay. With another age, another level may be recommended.

    Raises Rejected `search-closed`.
    """
    desk = now.desk(search_id)
    search = desk.search
    if search is None or search.state is not SearchState.OPEN:
        raise Rejected(No.SEARCH_CLOSED.value, MEANING[No.SEARCH_CLOSED], possible=("search-opened",))
    wanted = _wanted(now, search)
    needs = wished(search.needs, asked, now.rules.site)
    level = _kept(now, search)
    if "age_years" in asked.model_fields_set:
        level = now.rules.policy.recommend(replace(wanted.question, age_years=needs.age_years))
    since = _statement(now, search).occurred_at
    told = searching.opened(desk, wanted, level, needs, replaces=search.fact, at=since)
    return Decided((told,), (search_id,))


def _kept(now: Situation, search: Search) -> Recommendation:
    """The level that was recommended when the search opened."""
    told = _statement(now, search)
    rule = next(iter(told.reasons), "")
    return Recommendation(search.recommended_level, (), rule, told.policy or now.rules.site.version)


def _statement(now: Situation, search: Search) -> SearchOpened:
    opened = (fact for fact in now.own if fact.id == search.fact)
    return next(fact.value for fact in opened if isinstance(fact.value, SearchOpened))


def wished(before: Needs, asked: Wishes, site: Site) -> Needs:
    """The needs with the command's changes; names as the site writes them."""
    payer = site.payer(asked.payer) if asked.payer else None
    told = Needs(
        payer=payer.id if payer else None,
        age_years=asked.age_years,
        language=asked.language,
        start_by=asked.start_by,
        track=asked.track,
        days=asked.days or (),
        mode=asked.mode,
        accreditation=asked.accreditation,
    )
    found = structs.replace(before, **{name: getattr(told, name) for name in asked.model_fields_set - {"also"}})
    also = {**(before.also or {}), **{key: values_of(value) for key, value in asked.also.items()}}
    return structs.replace(found, also={key: values for key, values in also.items() if values} or None)


def close(now: Situation, search_id: str, asked: CloseSearch) -> Decided:
    """Close the search and withdraw the offers that wait. Raises Rejected: `no-search`, `search-closed`."""
    return Decided(searching.closed(now.desk(search_id), asked.reason), (search_id,))


LISTING = Listing("searches", "Searches for a program, with the recommended level and why", states=of_entries("search"))
SUBJECT = Subject(
    LISTING,
    (
        write(
            "/api/searches", OpenSearch, Rule(reopen), action="search-opened", operation="openSearch",
            summary="Look for a program again, or while a stay is open",
        ),
        write(
            "/api/searches/{id}/needs", Wishes, Rule(look_for), action="search-needs-changed",
            operation="changeSearchNeeds", summary="Say what the patient needs of a program",
        ),
        write(
            "/api/searches/{id}/closed", CloseSearch, Rule(close), action="search-closed", operation="closeSearch",
            summary="Look no longer; offers that wait are withdrawn",
        ),
    ),
)  # fmt: skip
