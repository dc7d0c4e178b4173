"""What facts fold to, and all orders in which they may come."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations
from zoneinfo import ZoneInfo

from services.placement.continuum.fold import fold
from services.placement.continuum.model import Folded
from services.placement.continuum.stays_now import StayPlaces
from shared.facts.envelope import Fact
from tests.builders.making import ZONE, a_story, at


def zone_of(facility: str) -> ZoneInfo:
    """Every facility of these tests is in New York."""
    return ZONE


PLACES = StayPlaces(zone_of, lambda facility, unit, program: "withdrawal-management" if unit == "DTX" else None)
"""What the site of these tests says of places."""


def folded(*facts: Fact) -> Folded:
    """The fold of these facts, as their writers would have stated them."""
    return fold(a_story(*facts), zone_of)


def every_order(*facts: Fact) -> Folded:
    """The fold of these facts, the same in every order of arrival."""
    story = a_story(*facts)
    found = fold(story, zone_of)
    for order in permutations(story):
        assert fold(order, zone_of) == found
    return found


def levels(of: Folded) -> list[str | None]:
    """The levels of an episode, one after the other."""
    return [change.level for change in of.levels]


def in_utc(text: str) -> datetime:
    """A local time of the tests, in UTC, as the fold gives it."""
    return at(text).astimezone(UTC)
