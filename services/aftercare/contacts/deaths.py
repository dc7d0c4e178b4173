"""May anybody still call this patient: deaths as care.episodes has them, and what people at each place decided. Pure.

Contract 3.6 rule 13: where a facility told a death itself, nobody is called and nothing is asked any more; where only
another one did, calls stop with `ask-before-calling`, without the source, until a person there decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Literal

from services.aftercare.contacts.stays import leaving_day, said_of_end
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
    """The deaths of an episode's patient that stand, and what was decided where another place told one: facility →
    (what, about which deaths)."""

    episode_id: str
    told: tuple[DeathNow, ...] = ()
    decided: Mapping[str, tuple[Decision, str]] = field(default_factory=dict)

    def stops(self, facility: str) -> str | None:
        """Why this facility calls nobody, nor asks anything of anybody; None: it goes on."""
        if not self.told:
            return None
        if self.at(facility):
            return DECEASED
        return None if self.decided.get(facility) == ("go-on", self.about) else ASK_FIRST

    def at(self, facility: str) -> tuple[DeathNow, ...]:
        """Those that count at a facility: its own, and others' once a person there said so."""
        stopped = self.decided.get(facility) == ("stop", self.about)
        return tuple(one for one in self.told if stopped or one.facility == facility)

    def stop_by(self, facility: str, at: datetime) -> bool:
        """Whether what begins at an instant begins too late: somebody had told, or is to be asked about, a death."""
        return self.stops(facility) is not None and min(one.at for one in self.told) <= at

    @property
    def about(self) -> str:
        """Names these deaths and none of their tellers: another death is asked about anew."""
        return id_of(self.episode_id, "deaths", *sorted(one.ce_id for one in self.told))


def deaths_of(document: EpisodeState, standing: Iterable[Fact] = ()) -> Deaths:
    """What is so now. An older document has no deaths: there they are what stays ended with."""
    told = tuple(_ends(document)) if document.deaths is None else document.deaths
    decided = {
        value.facility: (value.decision, value.about)
        for fact in sorted(standing, key=lambda fact: fact.sequence)
        if isinstance(value := fact.value, CallsDecided)
    }
    return Deaths(document.episode_id, told, decided)


def _ends(document: EpisodeState) -> Iterator[DeathNow]:
    for stay in document.stays:
        if stay.ended_by is not None and stay.to is not None and said_of_end(stay) == DECEASED:
            yield DeathNow(ce_id=stay.ended_by.ce_id, facility=stay.facility, at=stay.to)


def words_of_end(stay: StayNow, deaths: Deaths) -> tuple[str | None, ...]:
    """What the site's table is asked of an end: code, kind, reason; of a death that does not stand nothing is known."""
    if said_of_end(stay) == DECEASED and not deaths.told:
        return ("unknown",)
    end = stay.ended_by
    told = end.disposition if end else None
    return (told.code if told else None, told.kind if told else None, end.reason if end else None)


def open_until(deaths: Deaths, facility: str, last: datetime, zone: tzinfo) -> tuple[str, tuple[str, ...]] | None:
    """(reason, ce_ids) that end a window still open at a death; `last` is the first instant after it."""
    reason = deaths.stops(facility)
    before = [one for one in deaths.told if leaving_day(one.at, zone) < last.astimezone(zone).date()]
    if reason is None or not before:
        return None
    return reason, tuple(one.ce_id for one in deaths.at(facility))


def decide(now: Situation, facility: str, decision: Decision) -> Decided:
    """A person at a facility says whether its calls go on. Raises Rejected where nobody is asked."""
    deaths = deaths_of(now.document, now.standing)
    if not deaths.told or any(one.facility == facility for one in deaths.told):
        raise Rejected("nothing-to-decide", "nobody asked whether to call this patient", state=now.document.state)
    if deaths.decided.get(facility) == (decision, deaths.about):
        raise Rejected("decided", "that was said already", state=decision)
    fact = CallsDecided(**now.heading(facility), decision=decision, about=deaths.about)
    return Decided((fact,))
