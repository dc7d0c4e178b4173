"""All facts of aftercare that follow from an episode and from what people told of it, and when the clock is to look
again. Pure: the same document and facts give the same, whatever the way to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from services.aftercare import domain, plans, risk
from services.aftercare.contacts import recorded
from services.aftercare.deaths import deaths_of
from services.aftercare.domain import Outcome, Window
from services.aftercare.ends import Start, ends, starts
from services.aftercare.measures import windows
from services.aftercare.standing import Standing
from shared.events.base import CareFact
from shared.events.episodes import EpisodeState
from shared.site_config import Site


class Derived(NamedTuple):
    """The windows and starts of an episode, and the facts that ought to stand."""

    windows: tuple[Window, ...]
    starts: tuple[Start, ...]
    facts: tuple[CareFact, ...]


def derive(
    document: EpisodeState,
    standing: Sequence[Standing],
    marks: Mapping[str, Outcome],
    *,
    site: Site,
    now: datetime,
    over_by: datetime | None = None,
) -> Derived:
    """What ought to stand. `over_by`, which only a timer gives, is how far the clock may state what is over."""
    zone_of, dead = site.zone, deaths_of(document, standing)
    found = windows(document, site.follow_ups, zone_of, recorded(standing), marks, deaths=dead)
    started = tuple(s for s in starts(ends(document, site, dead)) if not dead.stop_by(s.facility, s.at))
    signs = risk.signs(document, standing, zone_of)
    told = risk.risks(document.episode_id, signs, site.aftercare.missed_contacts)
    begun = plans.begun(started, document, standing, over_by)
    facts: list[CareFact] = [*domain.wanted(document, found, standing, now, over_by)]
    facts += plans.ought(begun, document, standing, now, dead)
    facts += risk.ought(document, (r for r in told if r.cleared or not dead.stops(r.facility)), zone_of, now)
    return Derived(found, started, tuple(facts))


def next_deadline(derived: Derived, document: EpisodeState, standing: Sequence[Standing]) -> datetime | None:
    """When the timer has something to state: the first window that is due then over, or wait for a further level."""
    state = domain.rows(standing)
    told = {s.value.get("trigger") for s in standing if s.name == "aftercare-started"}
    over = [w.over_at for w in derived.windows if w.follow_up_id in state and state[w.follow_up_id].state == "due"]
    if not plans.awaited(document):
        over += [s.at for s in derived.starts if s.waits and s.trigger not in told and plans.may_start(s, standing)]
    return min(over, default=None)
