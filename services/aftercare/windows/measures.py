"""Which follow-up windows an episode has, and the outcome of each, by its stays and the site's rows of measures. Pure.

Which discharges count is in windows/discharges.py, what keeps a window in windows/visits.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import NamedTuple

from services.aftercare.contacts.contacts import Contact
from services.aftercare.contacts.deaths import Deaths, deaths_of, open_until
from services.aftercare.contacts.stays import ZoneOf, leaving_day
from services.aftercare.decisions.ids import end_of, follow_up_id
from services.aftercare.decisions.windows import Excluded, Outcome, Window
from services.aftercare.windows.discharges import Around, excluded, opens
from services.aftercare.windows.visits import kept
from shared.events.episodes import EndedBy, EpisodeState, StayNow
from shared.site.measures import FollowUpClock


def windows(
    episode: EpisodeState,
    clocks: Sequence[FollowUpClock],
    zone_of: ZoneOf,
    contacts: Sequence[Contact] = (),
    marks: Mapping[str, Outcome] | None = None,
    *,
    deaths: Deaths | None = None,
) -> tuple[Window, ...]:
    """The windows of every discharge, in the order of the stays and then of `clocks`, the site's rows of measures.

    Only stays that ended by `discharged` have windows. `contacts` are those recorded; `marks` is what people decided,
    by follow_up_id; `deaths` is taken from the episode where not given. Raises what `zone_of` raises.
    """
    seen = _Seen(episode, zone_of, contacts, marks or {}, deaths or deaths_of(episode))
    return tuple(
        _window(stay, stay.ended_by, stay.to, clock=clock, seen=seen)
        for stay in episode.stays
        if stay.to is not None and stay.ended_by is not None and stay.ended_by.how == "discharged"
        for clock in clocks
        if opens(clock, stay)
    )


class _Seen(NamedTuple):
    """What the windows of one episode are judged by."""

    episode: EpisodeState
    zone_of: ZoneOf
    contacts: Sequence[Contact]
    marks: Mapping[str, Outcome]
    deaths: Deaths


def _window(stay: StayNow, ended_by: EndedBy, left_at: datetime, *, clock: FollowUpClock, seen: _Seen) -> Window:
    zone, stays = seen.zone_of(stay.facility), seen.episode.stays
    left = leaving_day(left_at, zone)
    window = Window(
        follow_up_id=follow_up_id(seen.episode.episode_id, end_of(ended_by), clock.measure),
        measure=clock.measure,
        discharge=ended_by.ce_id,
        facility=stay.facility,
        left_at=left_at.astimezone(zone),
        due_from=left + timedelta(days=clock.first_day),
        due_to=left + timedelta(days=clock.last_day),
        over_at=datetime.combine(left + timedelta(days=clock.last_day + 1), time.min, zone),
    )
    outcome = (
        excluded(clock, stay, ended_by, left, seen=Around(stays, seen.deaths, seen.zone_of))
        or seen.marks.get(window.follow_up_id)
        or kept(window, clock, (other for other in stays if other is not stay), seen.contacts, seen.zone_of)
    )
    if outcome is None and (dead := open_until(seen.deaths, window.facility, window.over_at, zone)):
        outcome = Excluded(*dead)
    return replace(window, outcome=outcome)
