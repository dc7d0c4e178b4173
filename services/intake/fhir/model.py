"""What reading resources needs of the site, and what comes together with a resource."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple, Protocol

from services.intake.fhir.resources import MessageHeader
from services.intake.hl7.model import Adt, FeedRules, Moment, Refused, Sender
from shared.fhir.bundles import Found, Resources
from shared.fhir.times import span


class ResourceRules(FeedRules, Protocol):
    """What reading a resource needs of the site (contract 7)."""

    def facility_named(self, text: str, /) -> str | None:
        """The facility that this is a name, or the NPI, of; None for one that the site does not have."""

    def has_unit(self, facility: str, code: str, /) -> bool:
        """Whether the facility has a unit of this code."""

    def is_payer(self, name: str, /) -> bool:
        """Whether the site has a payer of this name."""

    def authority(self, system: str, /) -> str | None:
        """The first name of the authority that the site knows by this system; None where it knows none."""


class ToldResource(NamedTuple):
    """A resource as it came: with the others of its Bundle, and what the Bundle and the door say of it."""

    resource: Found
    resources: Resources
    control_id: str
    """The Bundle's or message's id, else the resource's."""
    header: MessageHeader | None = None
    timestamp: str | None = None
    """Bundle.timestamp."""
    own_id: str | None = None
    """The id under which the sender keeps the resource here (PUT, or as it was answered to POST)."""
    facility: str | None = None
    """The facility whose caller tells it, where it names none itself."""

    def __repr__(self) -> str:
        return f"<Told {self.resource.kind}>"


class ReadResource(NamedTuple):
    """What a resource is read as: the values of a message, and what it says of the person (people/person.py)."""

    adt: Adt
    person: dict[str, Any]

    def __repr__(self) -> str:
        return f"<ReadResource {self.adt.trigger}>"


class Clockwork:
    """Reads the times of one resource, in the zone of its facility."""

    def __init__(self, sender: Sender, rules: ResourceRules, arrived_at: datetime) -> None:
        self.is_payer = rules.is_payer
        self.sender, self._latest, self.arrived_at = sender, arrived_at + rules.future_limit, arrived_at
        self.warnings: list[str] = []

    def moment(self, text: str | None, expression: str) -> Moment | None:
        """The time of an element; None, with a warning, for what is none."""
        if not text:
            return None
        try:
            return Moment(*span(text, self.sender.zone))
        except (ValueError, OverflowError):
            self.warnings.append(f"{expression} is not a time; not used")
            return None

    def required(self, text: str | None, expression: str) -> Moment | None:
        """The same for a time on which the visit depends. Raises Refused for what is no time, or too far ahead."""
        if not text:
            return None
        try:
            found = Moment(*span(text, self.sender.zone))
        except (ValueError, OverflowError):
            raise Refused("AE", 422, expression, 0, "a required time is unreadable") from None
        return self.not_ahead(found, expression)

    def not_ahead(self, found: Moment, expression: str) -> Moment:
        """The time. Raises Refused where it lies further in the future than the site allows."""
        if found.start > self._latest:
            text = "the time lies further in the future than the site allows"
            raise Refused("AE", 422, expression, 0, text, at=found.start)
        return found
