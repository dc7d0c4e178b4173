"""What the messages of a file would be answered, for `stepdown hl7 check`: no service is needed, nothing is stored, and
no value of a message is shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from services.intake.hl7.acknowledgements import NOT_HL7
from services.intake.hl7.adt import read_adt
from services.intake.hl7.header import header
from services.intake.hl7.mapping import FacilityMap, SiteRules
from services.intake.hl7.model import AckCode, Adt, Fault, FeedRules, Refused, Sender
from services.intake.hl7.parser import Message, messages
from services.intake.visits import codes
from shared.site.config import Site


@dataclass(frozen=True, slots=True)
class Line:
    """One line of `stepdown hl7 check` (contract 1)."""

    file: str
    index: int
    trigger: str | None
    control_id: str | None
    ack: AckCode
    charset: str | None
    warnings: tuple[str, ...]
    error: Fault | None

    def as_json(self) -> dict[str, Any]:
        """The line as contract 1 has it; the error's code is of HL7 table 0357, its field null for a whole segment."""
        error = None
        if self.error is not None:
            code, segment, field, text = self.error
            error = {"code": code, "segment": segment, "field": field or None, "text": text}
        return {**asdict(self), "warnings": list(self.warnings), "error": error}


class AnyFeed:
    """The rules without a site config: any facility, MSH-11 P or T, times at most one day in the future. Times are at
    the offset of MSH-7, without one in UTC."""

    future_limit = timedelta(days=1)

    def sender(self, application: str, facility: str, location: str) -> Sender:  # noqa: ARG002 - as the protocol has it
        """MSH-4, else PV1-3.4; the feed is `other`, as a site says of one that it does not have."""
        return Sender(facility or location, "other", UTC, ("P", "T"), "message")


def check(name: str, raw: bytes, rules: FeedRules, now: datetime, site: Site | None = None) -> Iterator[Line]:
    """A line for each message in the bytes of a file, counted from 1; one line with AR where there is none.

    With a `site`, to which the `rules` belong, warnings say what of a message is in no table of it.
    """
    index = 0
    for index, message in enumerate(messages(raw), start=1):
        yield _line(name, index, message, DryRun(rules, now, site))
    if not index:
        yield Line(name, 1, None, None, "AR", None, (), NOT_HL7)


def of_site(site: Site) -> FeedRules:
    """The rules by which this site's doors answer."""
    return SiteRules(site)


class DryRun(NamedTuple):
    """What a message is checked by: the rules, the time, and the site with its tables, if any."""

    rules: FeedRules
    now: datetime
    site: Site | None


def _line(name: str, index: int, message: Message, door: DryRun) -> Line:
    head = header(message)
    trigger, control_id = head.trigger or None, head.control_id or None
    try:
        adt = read_adt(message, head, door.rules, door.now)
    except Refused as refused:
        warnings = tuple(message.warnings)
        return Line(name, index, trigger, control_id, refused.ack, message.charset, warnings, refused.fault)
    warnings = (*adt.warnings, *(_unmapped(adt, door.site) if door.site else ()))
    return Line(name, index, trigger, control_id, "AA", adt.charset, warnings, None)


def _unmapped(adt: Adt, site: Site) -> Iterator[str]:
    """Warnings of what is not in the site config, by kind, without the value: `unknown-facility`, `unmapped-unit`, …"""
    if site.facility(adt.facility) is None:
        yield "unknown-facility"
    elif adt.location.unit and site.unit(adt.facility, adt.location.unit) is None:
        yield "unmapped-unit"
    yield from dict.fromkeys(f"unmapped-{one.kind}" for one in codes.unmapped([adt], FacilityMap(site)))
