"""Referrals that answer what a patient needs of no program, by the site's vocabulary (contract 3.7.3). Pure.

A need has one referral of a facility at a time: a later search with the same need gets its own only once the one
before has come to an end. It goes with its search and need, unless somebody has moved it on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from services.aftercare.contacts.deaths import Deaths
from services.aftercare.decisions.ids import for_need
from services.aftercare.decisions.own_facts import heading, moved
from services.aftercare.referrals.referrals import ENDS, Referral, fold
from shared.events.aftercare import AftercareReferred
from shared.events.episodes import EpisodeState, NeedNow
from shared.facts.envelope import Fact
from shared.site.config import Site
from shared.site.needs import REFERRAL_DAYS, Need


def ought(
    document: EpisodeState, standing: Sequence[Fact], site: Site, recorded_at: datetime, deaths: Deaths
) -> Iterator[AftercareReferred]:
    """The referrals that ought to stand, but those that somebody has moved on, and none where a death stops them."""
    people_s = moved(standing)
    for one, need in _wanted(document, fold(standing), site):
        if for_need(document.episode_id, one) not in people_s and deaths.stops(one.facility) is None:
            yield _referral(document, one, need, site, recorded_at)


def _wanted(document: EpisodeState, referrals: dict[str, Referral], site: Site) -> Iterator[tuple[NeedNow, Need]]:
    """Each need that has a referral of its own: the first, and one that came after the referral before had ended."""
    going: dict[tuple[str, str], str] = {}
    for one in document.needs_referred or ():
        need, place = site.need(one.need), (one.facility, one.need)
        if need is None or need.referral is None:
            continue
        before = going.get(place)
        if before is None or _over_by(referrals.get(before), one.since):
            going[place] = for_need(document.episode_id, one)
            yield one, need


def _over_by(referral: Referral | None, at: datetime) -> bool:
    ended = referral is not None and referral.state in ENDS
    return ended and referral is not None and referral.history[-1].occurred_at <= at


def _referral(document: EpisodeState, one: NeedNow, need: Need, site: Site, recorded_at: datetime) -> AftercareReferred:
    days = REFERRAL_DAYS if need.referral_days is None else need.referral_days
    since = one.since.astimezone(site.zone(one.facility)).date()
    return AftercareReferred(
        **heading(document, one.facility, one.since, recorded_at),
        referral_id=for_need(document.episode_id, one),
        kind=need.referral or "other",
        provider=need.referral_to,
        due_by=since + timedelta(days=days),
        need=one.need,
        search_id=one.search_id,
    )
