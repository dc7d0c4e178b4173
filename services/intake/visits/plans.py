"""What a hospital expects of a visit: that the patient comes (A05, A14), and that a stay ends (A16, PV2-9). Pure.

No stay begins or ends by a plan. A cancel (A38, A27, A25) takes back the last matching plan said before it; what is
planned by then has been called off, until it is planned again (contract 6, Events; contract 3.7 rule 2).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from msgspec import structs

from services.intake.hl7.model import Adt, Moment, Removed, SiteMap, VisitMessage
from services.intake.hl7.triggers import PLANNING, WHOLE_STAY
from services.intake.visits.desired import DesiredFact, stay_heading
from services.intake.visits.stays import Stay
from shared.events import Stay as StayOf
from shared.events.stays import Arrival, ArrivalCancelled, ArrivalExpected


def plans(adt: Adt) -> bool:
    """Whether a message plans something, or calls a plan off."""
    means = adt.means
    return means.plans is not None or means.cancels in PLANNING


# ── that a stay ends ──────────────────────────────────────────────────────────────────────────────────────────────────


class Plan(NamedTuple):
    """When the hospital expects to discharge (None: on no day that was told), and the message that says so.

    `pending`: the A16 that stands; `off`: the message that called the plan off, if any.
    """

    expected: Moment | None
    by: VisitMessage
    pending: VisitMessage | None = None
    off: VisitMessage | None = None


def plan(said: Iterable[VisitMessage]) -> Plan | None:
    """The plan of a stay's end after all of its messages, which come in the order said; None where there never was one.

    PV2-9 tells it in any message; `""` there calls it off where no A16 stands, and takes its day away where one does.
    """
    found: Plan | None = None
    for message in said:
        adt = message.adt
        told = adt.expected_discharge
        if plans(adt):
            found = _pending(found, message) if adt.means.plans else _called_off(found, message)
        elif isinstance(told, Removed):
            found = _without_day(found, message) if found and found.pending else _called_off(found, message)
        elif told is not None and (found is None or found.off or found.expected != told):
            found = Plan(told, message, found.pending if found else None)
    return found


def _pending(found: Plan | None, message: VisitMessage) -> Plan:
    """The plan after an A16: PV2-9, else EVN-3, else without a day."""
    adt, was = message.adt, found.pending if found else None
    told = next((one for one in (adt.expected_discharge, adt.planned) if isinstance(one, Moment)), None)
    if found and was and (found.expected, _goes_to(was.adt)) == (told, _goes_to(adt)):
        return found
    return Plan(told, message, message)


def _goes_to(adt: Adt) -> tuple[object, object]:
    return adt.disposition, adt.discharged_to


def _without_day(found: Plan, message: VisitMessage) -> Plan:
    return found if found.expected is None else Plan(None, message, found.pending)


def _called_off(found: Plan | None, message: VisitMessage) -> Plan | None:
    return found._replace(off=found.off or message, pending=None) if found else None


# ── that the patient comes ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Expected:
    """What was said of one stay that is to come: the plans that stand, in the order said, and who called the last off.

    `told` is the last plan, also one that was called off, under the message that said it first.
    """

    live: list[VisitMessage] = field(default_factory=list)
    told: VisitMessage | None = None
    off: VisitMessage | None = None


class Arrivals(NamedTuple):
    """The facts of expected arrivals, and by turn why a message did nothing; "" for one that took effect."""

    facts: list[DesiredFact]
    reasons: dict[int, str]


def arrivals(visit: str, said: Iterable[tuple[int, VisitMessage]], stays: list[Stay], site: SiteMap) -> Arrivals:
    """What A05, A14, A38 and A27 of a visit say together, with what updates changed in it.

    `said` has each message with its turn, in the order said.

    A plan is of the stay that comes next when it is said; during a stay it has no effect.
    """
    found: dict[int, _Expected] = defaultdict(_Expected)
    reasons: dict[int, str] = {}
    for turn, message in said:
        number = _next_stay(stays, turn)
        if message.adt.means.updates:
            if number is not None:
                _amend(found[number], message, site)
        elif number is None:
            reasons[turn] = "already-open"
        elif message.adt.means.cancels:
            reasons[turn] = _cancel(found[number], message)
        else:
            reasons[turn] = _expect(found[number], message, site)
    facts: list[DesiredFact] = []
    for number, expected in sorted(found.items()):
        facts += _facts(expected, visit if number == 1 else f"{visit}#{number}", site)
    return Arrivals(facts, reasons)


def _next_stay(stays: list[Stay], turn: int) -> int | None:
    """The number of the stay that comes next, by what was said before this turn; None while one is open."""
    begun = [stay for stay in stays if stay.steps[0].statement.turn < turn]
    if begun and (begun[-1].state != "ended" or begun[-1].steps[-1].statement.turn > turn):
        return None
    return len(begun) + 1


def _expect(found: _Expected, message: VisitMessage, site: SiteMap) -> str:
    adt = message.adt
    if adt.location.unit and site.unit(adt.facility, adt.location.unit) is None:
        return "unmapped"
    again = found.told is not None and found.off is None and _content(found.told.adt, site) == _content(adt, site)
    found.live.append(message)
    found.off = None
    if again:
        return "already-told"
    found.told = message
    return ""


def _cancel(found: _Expected, message: VisitMessage) -> str:
    """Take back the plans of the trigger that is cancelled, else all; a start that plans is cancelled by A11."""
    if not found.live:
        return "already-told" if found.off else "waiting"
    kind = message.adt.means.cancels
    others = [
        one for one in found.live if one.adt.trigger != kind and not (kind == WHOLE_STAY and one.adt.means.states)
    ]
    found.live = others if len(others) < len(found.live) else []
    if found.live:
        found.told = found.live[-1]
    else:
        found.off = message
    return ""


def _amend(found: _Expected, update: VisitMessage, site: SiteMap) -> None:
    """Put what an update says of unit and time into the plan that stands."""
    if not found.live or found.told is None:
        return
    was, new = found.live[-1].adt, update.adt
    told = {name: each for name in ("expected_admission", "planned", "admitted") if (each := getattr(new, name))}
    code = new.location.unit
    if code and site.unit(new.facility, code):
        told["location"] = new.location
    amended = structs.replace(was, **told, stated_at=new.stated_at)
    if _content(amended, site) != _content(was, site):
        found.told = found.live[-1] = update._replace(adt=amended)


def _at(adt: Adt) -> datetime:
    """When the patient is expected: PV2-8, else EVN-3, else PV1-44, else the event's time."""
    for told in (adt.expected_admission, adt.planned, adt.admitted):
        if isinstance(told, Moment):
            return told.start
    return adt.event.start


def _content(adt: Adt, site: SiteMap) -> tuple[datetime, str | None, object, str | None]:
    """When, and the unit with its level and program."""
    code = adt.location.unit
    unit = site.unit(adt.facility, code) if code else None
    return _at(adt), code, unit.level if unit else None, unit.program if unit else None


def _facts(found: _Expected, stay_id: str, site: SiteMap) -> Iterator[DesiredFact]:
    """The arrival as it was told last, and its cancellation where it was called off later."""
    if found.told is None:
        return
    yield _fact(ArrivalExpected, found.told, found.told, stay_id, site)
    if found.off is not None:
        yield _fact(ArrivalCancelled, found.told, found.off, stay_id, site)


def _fact(kind: type[Arrival], told: VisitMessage, by: VisitMessage, stay_id: str, site: SiteMap) -> DesiredFact:
    at, code, _, _ = _content(told.adt, site)
    unit = site.unit(told.adt.facility, code) if code else None
    value = kind(
        **stay_heading(by.adt.stated_at, StayOf(kind="visit", id=stay_id)),
        at=at,
        unit=code,
        level=unit.level if unit else None,
        program=unit.program if unit else None,
    )
    return DesiredFact((kind.TYPE, stay_id), value, by.adt.stated_at, by.message_id)
