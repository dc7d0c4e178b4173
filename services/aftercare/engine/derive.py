"""All facts that aftercare derives from an episode's document and from what people stated, and when a timer has to look
again. Pure: the same input gives the same facts, in whatever order it came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from services.aftercare.contacts.contacts import recorded
from services.aftercare.contacts.deaths import Deaths, deaths_of
from services.aftercare.decisions import windows as model
from services.aftercare.decisions.windows import Outcome, Window
from services.aftercare.plans import plans
from services.aftercare.referrals import needed
from services.aftercare.risk import risk
from services.aftercare.windows.ends import Start, ends, starts
from services.aftercare.windows.measures import windows
from shared.events.base import CareFact
from shared.events.episodes import EpisodeState
from shared.events.follow_ups import FollowUpDue
from shared.facts.envelope import Fact
from shared.site.config import Site


class Derived(NamedTuple):
    """The follow-up windows and starts of aftercare in an episode, and the derived facts that ought to stand."""

    windows: tuple[Window, ...]
    starts: tuple[Start, ...]
    facts: tuple[CareFact, ...]


def derive(
    document: EpisodeState,
    standing: Sequence[Fact],
    marks: Mapping[str, Outcome],
    *,
    site: Site,
    now: datetime,
    over_by: datetime | None = None,
) -> Derived:
    """Apply all rules. `over_by`, given only by a timer, is the instant up to which windows and waits count as over."""
    zone_of, dead = site.zone, deaths_of(document, standing)
    found = windows(document, site.follow_ups, zone_of, recorded(standing), marks, deaths=dead)
    before = plans.stated_starts(standing)
    started = tuple(s for s in starts(ends(document, site, dead)) if _may_stand(s, dead, plans.is_stated(s, before)))
    signs = risk.signs(document, standing, zone_of)
    told = risk.risks(document.episode_id, signs, site.aftercare.missed_contacts)
    begun = plans.begun(started, document, standing, over_by)
    facts: list[CareFact] = [*model.wanted(document, found, standing, now, over_by)]
    facts += plans.ought(begun, document, standing, now, dead)
    facts += needed.ought(document, standing, site, now, dead)
    facts += risk.ought(document, (r for r in told if r.cleared or not dead.stops(r.facility)), zone_of, now)
    return Derived(found, started, tuple(facts))


def _may_stand(start: Start, dead: Deaths, stated: bool) -> bool:
    """True for aftercare that started before a reported death; once a death is reported, a timer starts none that was
    not `stated` before."""
    if dead.stop_by(start.facility, start.at):
        return False
    return stated or not start.waits or dead.stops(start.facility) is None


def next_deadline(derived: Derived, document: EpisodeState, standing: Sequence[Fact]) -> datetime | None:
    """When the timer has to look at this episode again: the earliest end of an open window, or of a wait for a further
    level; None: never."""
    rows = model.rows(standing)
    due = {key for key, window in rows.items() if isinstance(window, FollowUpDue)}
    told = plans.stated_starts(standing)
    over = [window.over_at for window in derived.windows if window.follow_up_id in due]
    if not plans.awaited(document):
        over += [
            s.at for s in derived.starts if s.waits and not plans.is_stated(s, told) and plans.may_start(s, standing)
        ]
    return min(over, default=None)
