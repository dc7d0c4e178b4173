"""Small builders of folded episodes for the tests of service periods; no facts, no fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from services.placement.billing.model import Period
from services.placement.billing.payer_rules import PayerRules
from services.placement.billing.periods import periods
from services.placement.continuum.model import (
    Away,
    CoverageFrom,
    Ending,
    Folded,
    Segment,
    Session,
    Span,
    StayState,
)
from shared.events.base import Disposition
from shared.events.levels import RANK, ROUND_THE_CLOCK, Level
from shared.events.published import as_json
from shared.events.stays import Coverage, Service
from shared.site.billed import BilledAs, BilledCode
from shared.site.payers import NO_EDITS, Edits

NEW_YORK = ZoneInfo("America/New_York")
ZONES = {"GOODHEALTH": NEW_YORK, "WESTSIDE": ZoneInfo("America/Los_Angeles")}
ACME = ({"order": 1, "payer": "ACME", "plan": "gold"},)


def at(text: str, zone: ZoneInfo = NEW_YORK) -> datetime:
    """`03-05 14:00` or `03-05` (00:00), 2026, in the zone."""
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=zone)


def day(text: str) -> date:
    """`03-05`, 2026."""
    return date.fromisoformat(f"2026-{text}")


def zone_of(facility: str) -> ZoneInfo:
    """Zone of the two facilities of the tests."""
    return ZONES[facility]


def billed(facility: str, program: str | None, unit: str | None, level: str) -> BilledAs:
    """A site that bills outpatient on the professional form, all else on the institutional one."""
    form: Literal["institutional", "professional"] = "professional" if level == "outpatient" else "institutional"
    return BilledAs(
        form,
        program=program,
        npi=f"npi-{facility}",
        codes=(BilledCode("revenue", f"code-{level}"),),
        statuses=(("home", "01"),),
    )


def stay(
    name: str,
    *moves: tuple[str, str | None],
    end: str | None = None,
    code: str | None = None,
    sessions: Sequence[Session] = (),
    away: Sequence[Away] = (),
    zone: ZoneInfo = NEW_YORK,
    **more: Any,
) -> StayState:
    """A stay by its moves (time, level); the fact of move n is `name-n`, that of its end `name-end`."""
    segments = tuple(
        Segment(at(when, zone), Level(level) if level else None, None, None, f"{name}-{number}", f"{name}-{number}")
        for number, (when, level) in enumerate(moves)
    )
    ended = Ending(at(end, zone), "discharged", f"{name}-end", Disposition(code=code, kind="home")) if end else None
    facility = "GOODHEALTH" if zone is NEW_YORK else "WESTSIDE"
    found = StayState(("visit", name), facility, segments, tuple(away), tuple(sessions), ended)
    return replace(found, **more)


def attended(text: str, minutes: int = 180, name: str = "") -> Session:
    """One attended session of so many minutes."""
    session = name or f"at-{text}"
    return Session(session, day(text), True, f"fact-{session}", (Service(kind="group", minutes=minutes),))


def missed(text: str) -> Session:
    """One session that the patient missed."""
    return Session(f"not-{text}", day(text), False, f"fact-not-{text}", (), "no-show")


def covered(text: str, *payers: str) -> CoverageFrom:
    """From the day on, these payers in order; the fact is `cover-<day>`."""
    found = tuple(Coverage(order=order, payer=payer) for order, payer in enumerate(payers, 1))
    return CoverageFrom(day(text), found, f"cover-{text}")


def episode(*stays: StayState, coverage: Sequence[CoverageFrom] = ()) -> Folded:
    """An episode of these stays, each suspended while another, more intensive 24-hour stay is open over it."""
    ordered = tuple(sorted(stays, key=lambda one: (one.begun, one.key)))
    known = tuple(replace(one, suspended=_suspended(one, ordered)) for one in ordered)
    return Folded("ep-1", "pat-1", "GOODHEALTH", stays=known, coverage=tuple(coverage))


MEDICARES = Edits.model_validate(
    {
        "apart": [{"level": "iop", "from": "php"}],
        "interrupted_days": 2,
        "hours_week": {"php": 20, "iop": 9},
        "in_person": ["php", "iop"],
    }
)
"""What Medicare looks at."""
ATTENDED = MEDICARES.model_copy(update={"hours_of": "attended"})
"""The same with the hours that were attended."""


def derived(folded: Folded, edits: Edits = NO_EDITS) -> tuple[Period, ...]:
    """The periods with the site of the tests; `edits`: of every payer."""
    return periods(folded, zone_of, billed, PayerRules(edits=lambda _: edits))


def spans(found: Sequence[Period]) -> list[tuple[str, str, str | None]]:
    """[(level, start, end)] with days as `03-05`."""
    return [(one.level, one.start.isoformat()[5:], one.end.isoformat()[5:] if one.end else None) for one in found]


def content_of(one: Period) -> dict[str, Any]:
    """What the period says, as JSON."""
    return as_json(one.content)


def level_at(one: StayState, instant: datetime) -> Level | None:
    """The level of a stay from an instant on; None before it, after it, and without a level."""
    if instant < one.begun or (one.ended and instant >= one.ended.at):
        return None
    return [segment.level for segment in one.segments if segment.since <= instant][-1]


def _suspended(one: StayState, stays: Sequence[StayState]) -> tuple[Span, ...]:
    instants = {segment.since for other in stays for segment in other.segments}
    instants |= {other.ended.at for other in stays if other.ended}
    found: list[Span] = []
    for instant in sorted(instants):
        under = _is_under(one, stays, instant)
        open_span = bool(found) and found[-1].until is None
        if under and not open_span:
            found.append(Span(instant, None))
        elif not under and open_span:
            found[-1] = Span(found[-1].since, instant)
    return tuple(found)


def _is_under(one: StayState, stays: Sequence[StayState], instant: datetime) -> bool:
    own = level_at(one, instant)
    others = [level_at(other, instant) for other in stays if other is not one]
    return own is not None and any(level in ROUND_THE_CLOCK and RANK[level] < RANK[own] for level in others if level)
