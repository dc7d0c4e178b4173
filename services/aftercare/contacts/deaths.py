"""Whether anybody may still call this patient, by the deaths in care.episodes and by what people decided. Pure.

Contract 3.6 rule 13: at a facility that reported the death itself, nobody calls and nothing more is asked. Where only
another facility reported it, calls stop as `ask-before-calling`, without naming who reported it, until a person there
decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Literal

from services.aftercare.contacts.stays import kind_of_end, leaving_day
from services.aftercare.decisions.ids import id_of
from services.aftercare.decisions.situation import Decided, Situation
from shared.errors import Rejected
from shared.events.aftercare import CallsDecided
from shared.events.episodes import DeathNow, EpisodeState, StayNow
from shared.facts.envelope import Fact

DECEASED = "deceased"
ASK_FIRST = "ask-before-calling"
Decision = Literal["go-on", "stop"]


@dataclass(frozen=True, slots=True)
class Deaths:
    """The reported deaths of an episode's patient that were not taken back. `decided`: for facilities that only heard
    of a death from elsewhere, what a person there decided and the id (`about`) of the set of deaths that this was
    about."""

    episode_id: str
    reported: tuple[DeathNow, ...] = ()
    decided: Mapping[str, tuple[Decision, str]] = field(default_factory=dict)

    def stops(self, facility: str) -> str | None:
        """Why this facility makes no calls: `deceased` or `ask-before-calling`; None when it goes on calling."""
        if not self.reported:
            return None
        if self.at(facility):
            return DECEASED
        return None if self.decided.get(facility) == ("go-on", self.about) else ASK_FIRST

    def at(self, facility: str) -> tuple[DeathNow, ...]:
        """The deaths that count at this facility: those that it reported, and all of them once a person there said
        `stop`."""
        stopped = self.decided.get(facility) == ("stop", self.about)
        return tuple(one for one in self.reported if stopped or one.facility == facility)

    def stop_by(self, facility: str, at: datetime) -> bool:
        """True when this facility's calls have stopped and the earliest reported death is at or before `at`."""
        return self.stops(facility) is not None and min(one.at for one in self.reported) <= at

    @property
    def about(self) -> str:
        """An id of this set of deaths that does not show who reported them; one more death changes it, so people are
        asked again."""
        return id_of(self.episode_id, "deaths", *sorted(one.ce_id for one in self.reported))


def deaths_of(document: EpisodeState, standing: Iterable[Fact] = ()) -> Deaths:
    """The deaths and decisions of an episode. A document from before `deaths` was published has none; there the stays
    that ended with the disposition `deceased` are taken."""
    told = tuple(_ends(document)) if document.deaths is None else document.deaths
    decided = {
        value.facility: (value.decision, value.about)
        for fact in sorted(standing, key=lambda fact: fact.sequence)
        if isinstance(value := fact.value, CallsDecided)
    }
    return Deaths(document.episode_id, told, decided)


def _ends(document: EpisodeState) -> Iterator[DeathNow]:
    for stay in document.stays:
        if stay.ended_by is not None and stay.to is not None and kind_of_end(stay) == DECEASED:
            yield DeathNow(ce_id=stay.ended_by.ce_id, facility=stay.facility, at=stay.to)


def words_of_end(stay: StayNow, deaths: Deaths) -> tuple[str | None, ...]:
    """How a stay ended, in the words that the site's table of ends is keyed by: disposition code, kind and reason, each
    None where absent. For a death that was taken back: `unknown`."""
    if kind_of_end(stay) == DECEASED and not deaths.reported:
        return ("unknown",)
    end = stay.ended_by
    told = end.disposition if end else None
    return (told.code if told else None, told.kind if told else None, end.reason if end else None)


def open_until(deaths: Deaths, facility: str, last: datetime, zone: tzinfo) -> tuple[str, tuple[str, ...]] | None:
    """(reason, ce_ids) by which a death closes a window that is still open, or None. `last` is the first instant after
    the window's last day."""
    reason = deaths.stops(facility)
    before = [one for one in deaths.reported if leaving_day(one.at, zone) < last.astimezone(zone).date()]
    if reason is None or not before:
        return None
    return reason, tuple(one.ce_id for one in deaths.at(facility))


def decide(now: Situation, facility: str, decision: Decision) -> Decided:
    """A person at a facility decides whether its calls go on. Raises Rejected where there is nothing to decide, or the
    same was decided before."""
    deaths = deaths_of(now.document, now.standing)
    if not deaths.reported or any(one.facility == facility for one in deaths.reported):
        raise Rejected("nothing-to-decide", "nobody asked whether to call this patient", state=now.document.state)
    if deaths.decided.get(facility) == (decision, deaths.about):
        raise Rejected("decided", "that was said already", state=decision)
    fact = CallsDecided(**now.heading(facility), decision=decision, about=deaths.about)
    return Decided((fact,))
