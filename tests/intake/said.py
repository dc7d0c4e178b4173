"""What a hospital might say, for tests: the sample site's rules, messages as bytes, and what intake makes of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from services.intake.hl7.adt import read_adt
from services.intake.hl7.header import header
from services.intake.hl7.model import Adt, FeedRules, Payer, Sender, VisitMessage
from services.intake.hl7.parser import Message, messages
from services.intake.visits.desired import DesiredFact, own_fields
from shared.events.base import Disposition
from shared.events.levels import Level
from shared.events.open_lists import DispositionKind
from shared.events.published import encode
from shared.events.stays import Coverage
from shared.site.values import Unit

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
UNITS = {
    "3W": Unit(code="3W", level=Level.INPATIENT),
    "4E": Unit(code="4E", level=Level.INPATIENT),
    "DTX": Unit(code="DTX", level=Level.INPATIENT, setting="withdrawal-management"),
    "RES": Unit(code="RES", level=Level.RESIDENTIAL, program="res-house"),
    "PHP1": Unit(code="PHP1", level=Level.PHP, program="php-day"),
    "IOP1": Unit(code="IOP1", level=Level.IOP, program="iop-eve"),
    "OPC": Unit(code="OPC", level=Level.OUTPATIENT),
    "ED": Unit(code="ED", visit_class="emergency"),
    "OBS": Unit(code="OBS", visit_class="observation"),
}
DISPOSITIONS: dict[str | None, DispositionKind] = {"01": "home", "07": "against-advice", "65": "transfer"}


class SampleSite:
    """The sample site of contract 7, as far as intake's pure half asks."""

    future_limit = timedelta(days=1)

    def __init__(self, units: dict[str, Unit] | None = None) -> None:
        self.units = UNITS if units is None else units

    def sender(self, application: str, facility: str, location: str) -> Sender:
        return Sender(facility or location, "goodhealth", NEW_YORK, ("P", "T"))

    def zone(self, facility: str) -> tzinfo:
        return NEW_YORK

    def unit(self, facility: str, unit: str) -> Unit | None:
        return self.units.get(unit) if facility == "GOODHEALTH" else None

    def disposition(self, facility: str, code: str | None) -> Disposition:
        kind = DISPOSITIONS.get(code, "unknown")
        return Disposition(code=code and ("unknown" if kind == "unknown" else code), kind=kind)

    def status_of(self, kind: DispositionKind) -> str | None:
        return None

    def admission_type(self, code: str) -> str:
        return {"E": "1"}.get(code, "unknown")

    def admission_source(self, code: str) -> str:
        return {"1": "1"}.get(code, "unknown")

    def payer(self, one: Payer) -> Coverage:
        known = one.payer if one.payer in {"ACME", "MEDICARE", "MEDICAID"} else "unknown"
        return Coverage(order=one.order, payer=known, plan=one.plan and (one.plan if one.plan == "PPO" else "unknown"))


SITE = SampleSite()


def segment(name: str, fields: dict[int, str]) -> str:
    """A segment with these fields (counted from 1), empty between."""
    return "|".join([name, *(fields.get(place, "") for place in range(1, max(fields, default=0) + 1))])


def er7(
    trigger: str,
    said: str = "20260105100000",
    *,
    control_id: str = "C1",
    unit: str = "3W",
    visit: str = "V1",
    msh: dict[int, str] | None = None,
    evn: dict[int, str] | None = None,
    pid: dict[int, str] | None = None,
    pv1: dict[int, str] | None = None,
    more: tuple[str, ...] = (),
) -> bytes:
    """An ADT message said at `said`, segments ended by CR; the dicts overwrite fields, counted as in the standard."""
    head = {
        3: "ADT1",
        4: "GOODHEALTH",
        7: said,
        9: f"ADT^{trigger}",
        10: control_id,
        11: "P",
        12: "2.5.1",
        **(msh or {}),
    }
    head = {place - 1: text for place, text in {2: "^~\\&", **head}.items()}
    lines = [
        segment("MSH", head),
        segment("EVN", {1: trigger, 2: said, **(evn or {})}),
        segment("PID", {3: "123456^^^GH^MR", 5: "Doe^Jane", 7: "19800214", **(pid or {})}),
        segment("PV1", {2: "I", 3: unit, 19: visit, **(pv1 or {})}),
        *more,
    ]
    return "".join(line + "\r" for line in lines).encode()


def only(raw: bytes) -> Message:
    """The one message in these bytes."""
    (message,) = messages(raw)
    return message


def read(raw: bytes, now: datetime = NOW, rules: FeedRules = SITE) -> Adt:
    """What intake reads in the one message of these bytes."""
    message = only(raw)
    return read_adt(message, header(message), rules, now)


def told(
    number: int, trigger: str, said: str, unit: str = "3W", arrived: datetime = NOW, **fields: str
) -> VisitMessage:
    """Message `number` of a visit: `pv1_44="…"`, `evn_4="…"` and so on set fields; `mrg`, `dg1`, `in1`, `pv2` add
    segments."""
    parts: dict[str, dict[int, str]] = {"pv1": {}, "evn": {}, "pid": {}, "msh": {}}
    more = tuple(fields.pop(name) for name in ("mrg", "dg1", "in1", "pv2") if name in fields)
    for place, text in fields.items():
        name, _, field = place.partition("_")
        parts[name][int(field)] = text
    raw = er7(trigger, said, control_id=f"C{number}", unit=unit, more=more, **parts)  # type: ignore[arg-type]
    return VisitMessage(read(raw), f"m{number}", arrived)


def clock(text: str) -> datetime:
    """`2026-01-05 10:00` in New York."""
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).astimezone(UTC)


def own(fact: DesiredFact) -> dict[str, Any]:
    """The fields of a fact's own type, as JSON."""
    found: dict[str, Any] = orjson.loads(own_fields(encode(fact.value)))
    return found


def stay_id(fact: DesiredFact) -> str:
    """Of which stay it is."""
    assert fact.value.stay is not None
    return fact.value.stay.id
