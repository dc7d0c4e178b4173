"""Signs that a patient may relapse, and when the risk is over. Pure; a worklist for people, not a prediction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, NamedTuple

from services.aftercare.contacts.contacts import recorded
from services.aftercare.contacts.stays import ZoneOf, ends_later, first_day, leaving_day, order
from services.aftercare.decisions.ids import id_of
from services.aftercare.decisions.own_facts import heading
from services.aftercare.decisions.situation import Decided, Situation
from shared.errors import Rejected
from shared.events.aftercare import RelapseRiskCleared, RelapseRiskRaised
from shared.events.base import CareFact, LabelledHeading
from shared.events.episodes import EpisodeState
from shared.events.levels import ACUTE
from shared.facts.envelope import Fact

READMISSION_DAYS = 30
"""An inpatient stay that begins 1 to 30 days after an inpatient discharge (contract 3.2, readmitted)."""
CLEARED_BY_CONTACT = "patient-reached"


class Sign(NamedTuple):
    """An event that raises or clears a risk: a missed or kept contact, a readmission, or a person's judgement."""

    at: datetime
    ce_id: str
    what: Literal["missed", "kept", "readmitted", "cleared"]
    facility: str
    about: str | None = None
    """Of `cleared`: the risk that a person judged to be over. Facts that come later can make it end another risk."""
    reason: str = CLEARED_BY_CONTACT


@dataclass(frozen=True, slots=True)
class Risk:
    """A time of risk, from its first signal until it is cleared. `because`: the ce_ids of the signals."""

    risk_id: str
    raised_at: datetime
    facility: str
    signals: tuple[str, ...]
    because: tuple[str, ...]
    cleared: Sign | None = None


def signs(document: EpisodeState, standing: Sequence[Fact], zone_of: ZoneOf) -> list[Sign]:
    """Everything in an episode that raises or clears a risk, sorted by time."""
    found = [
        Sign(c.at, c.ce_id, "missed" if c.missed else "kept", c.facility)
        for c in recorded(standing)
        if c.missed or c.kept
    ]
    found += [judged for fact in standing if (judged := _judged(fact)) is not None]
    return sorted([*found, *_readmissions(document, zone_of)], key=lambda sign: (sign.at, sign.ce_id))


def _judged(fact: Fact) -> Sign | None:
    """A person's judgement that a risk is over, as a sign; None for any other fact."""
    told = fact.value
    if not isinstance(told, RelapseRiskCleared) or told.decided_by is None:
        return None
    return Sign(told.occurred_at, fact.id, "cleared", told.facility, told.risk_id, told.reason or CLEARED_BY_CONTACT)


def _readmissions(document: EpisodeState, zone_of: ZoneOf) -> Iterator[Sign]:
    inpatient = sorted((s for s in document.stays if s.level in ACUTE), key=order)
    for stay in inpatient:
        ended = [s for s in inpatient if s is not stay and s.ended_by and s.to and s.to <= stay.begun]
        last = next((s for s in ended if not any(ends_later(other, s) for other in ended if other is not s)), None)
        if last is None or last.to is None or last.ended_by is None or last.ended_by.how != "discharged":
            continue
        days = (first_day(stay, zone_of) - leaving_day(last.to, zone_of(last.facility))).days
        if 1 <= days <= READMISSION_DAYS:
            yield Sign(stay.begun, stay.begun_by, "readmitted", stay.facility)


def risks(episode_id: str, found: Iterable[Sign], most_missed: int) -> tuple[Risk, ...]:
    """The risks that these signs give, in order.

    `most_missed` missed contacts in a row raise a risk, and so does a readmission; a further signal is added to the
    open risk. A kept contact or a person's judgement clears it, and counting starts again.
    """
    told: list[Risk] = []
    missed: list[Sign] = []
    for sign in found:
        if sign.what in {"kept", "cleared"}:
            missed = []
            if told and told[-1].cleared is None:
                told[-1] = replace(told[-1], cleared=sign)
            continue
        missed = [*missed, sign] if sign.what == "missed" else missed
        if sign.what == "readmitted":
            _raise(told, episode_id, "readmitted", (sign,))
        elif len(missed) == most_missed:
            _raise(told, episode_id, "missed-contacts", tuple(missed))
    return tuple(told)


def _raise(told: list[Risk], episode_id: str, signal: str, because: tuple[Sign, ...]) -> None:
    ids = tuple(sign.ce_id for sign in because)
    if told and told[-1].cleared is None:
        before = told[-1]
        signals = tuple(dict.fromkeys((*before.signals, signal)))
        told[-1] = replace(before, signals=signals, because=tuple(dict.fromkeys((*before.because, *ids))))
        return
    last = because[-1]
    told.append(Risk(id_of(episode_id, "risk", last.ce_id), last.at, last.facility, (signal,), ids))


def ought(document: EpisodeState, found: Iterable[Risk], zone_of: ZoneOf, recorded_at: datetime) -> Iterator[CareFact]:
    """The facts about these risks that rules derive; a clearing that a person stated is not among them."""
    for risk in found:
        own = _of_risk(document, risk, risk.raised_at.astimezone(zone_of(risk.facility)), recorded_at)
        yield RelapseRiskRaised(**own, derived_from=risk.because)
        if risk.cleared is not None and risk.cleared.about != risk.risk_id:
            own = _of_risk(document, risk, risk.cleared.at.astimezone(zone_of(risk.facility)), recorded_at)
            yield RelapseRiskCleared(**own, derived_from=(risk.cleared.ce_id,), reason=risk.cleared.reason)


class _RiskHeading(LabelledHeading):
    """The fields that every fact about a risk has."""

    signals: tuple[str, ...]
    risk_id: str


def _of_risk(document: EpisodeState, risk: Risk, at: datetime, recorded_at: datetime) -> _RiskHeading:
    own = heading(document, risk.facility, at, recorded_at)
    return {**own, "signals": risk.signals, "risk_id": risk.risk_id}


def clear(now: Situation, risk_id: str, reason: str) -> Decided:
    """A person judges that a risk is over. Raises Rejected where it is not open."""
    found = signs(now.document, now.everything or now.standing, now.site.zone)
    risk = next(
        (r for r in risks(now.document.episode_id, found, now.site.aftercare.missed_contacts) if r.risk_id == risk_id),
        None,
    )
    if risk is None or risk.cleared is not None:
        state = "cleared" if risk else "taken-back"
        raise Rejected("not-possible-now", "the risk is not open any more", state=state)
    fact = RelapseRiskCleared(
        **now.heading(risk.facility), signals=risk.signals, reason=reason, risk_id=risk_id, decided_by="person"
    )
    return Decided((fact,), subject=risk_id)
