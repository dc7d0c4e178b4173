"""Needs of an episode's searches that a referral answers and no program; aftercare makes it. Pure (contract 3.7.3)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from services.placement.continuum.model import Folded
from services.placement.search.keeping import BY_THE_STAY, lost
from services.placement.search.searches import Search
from services.placement.search.states import SearchState
from shared.events.episodes import NeedNow
from shared.events.open_lists import SearchReason
from shared.site.config import Site

_LOST: Final[frozenset[SearchReason]] = frozenset({"discharge-cancelled", "plan-cancelled", "deceased", "other"})
"""Reasons of searches that are closed since what they came from is not so: their needs have gone with them."""


def needs_referred(searches: Iterable[Search], folded: Folded, site: Site) -> tuple[NeedNow, ...]:
    """Those needs, the oldest search first. A search that found a program, or none, still has them, as long as what it
    came from is so."""
    keys = {each.key for each in site.needs if each.referral is not None}
    if not keys:
        return ()
    found = [
        NeedNow(need=key, search_id=one.search_id, facility=one.facility, since=one.opened_at)
        for one in searches
        if one.opened_at is not None and (one.state is SearchState.OPEN or _still(one, folded))
        for key in sorted(keys & {*(one.needs.also or {})})
    ]
    return tuple(sorted(found, key=lambda one: (one.since, one.search_id, one.need)))


def _still(search: Search, folded: Folded) -> bool:
    """Whether what a closed search came from is so still; of one that began with an assessment or a person while a stay
    was open, that is not asked again."""
    if search.reason in _LOST:
        return False
    by_itself = search.stay is not None and search.begun_by not in BY_THE_STAY
    return by_itself or lost(search, folded) is None
