"""Searches over HTTP: the list, and what a coordinator does to a search; the rules are in search/."""

from __future__ import annotations

from msgspec import structs

from services.placement.desk.commands import CloseSearch, OpenSearch, Wishes, values_of
from services.placement.desk.frame import Listing, Rule, Subject, of_entries, write
from services.placement.engine.act import Decided, Situation
from services.placement.search import search as searching
from services.placement.search.levels import Recommendation
from services.placement.search.searches import Search
from services.placement.search.states import MEANING, No, SearchState
from shared.errors import Rejected
from shared.events.placing import Needs, SearchOpened
from shared.site.config import Site
from shared.values import replace


def reopen(now: Situation, _: str, asked: OpenSearch) -> Decided:
    """Search again after a person closed the search. Raises Rejected: `search-open`, `nothing-to-look-for`."""
    desk, wanted = now.desk(), _wanted(now)
    needs = wished(searching.needs_of(now.folded), asked.needs, now.rules.site)
    question = replace(wanted.question, age_years=needs.age_years)
    opened = searching.opened(desk, wanted, now.rules.policy.recommend(question), needs)
    return Decided((opened,), (str(opened.search_id),))


def _wanted(now: Situation) -> searching.DesiredSearch:
    found = searching.wanted(now.folded, now.rules.policy.begins)
    if found is None or not now.scope.has(found.facility or now.folded.facility):
        text = "no discharge, completion or referral asks for a program"
        raise Rejected("nothing-to-look-for", text)
    return found


def look_for(now: Situation, search_id: str, asked: Wishes) -> Decided:
    """Change what is looked for; the search and its offers stay. With another age, another level may be recommended.

    Raises Rejected `search-closed`.
    """
    desk, wanted = now.desk(search_id), _wanted(now)
    search = desk.search
    if search is None or search.state is not SearchState.OPEN:
        raise Rejected(No.SEARCH_CLOSED.value, MEANING[No.SEARCH_CLOSED], possible=("search-opened",))
    needs = wished(search.needs, asked, now.rules.site)
    recommended = _kept(now, search)
    if "age_years" in asked.model_fields_set:
        recommended = now.rules.policy.recommend(replace(wanted.question, age_years=needs.age_years))
    since = _statement(now, search).occurred_at
    told = searching.opened(desk, wanted, recommended, needs, replaces=search.fact, at=since)
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
            summary="Look for a program again, after a person had closed the search",
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
