"""HL7 time stamps of every form seen, in the facility's zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Literal

import pytest

from services.intake.hl7.model import Sender
from services.intake.hl7.timestamps import read_day, read_moment
from tests.intake.said import NEW_YORK, NOW, SampleSite, er7, read


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("20260105100000", "2026-01-05 15:00:00"),
        ("202601051000", "2026-01-05 15:00:00"),
        ("2026010510", "2026-01-05 15:00:00"),
        ("20260105100000.5", "2026-01-05 15:00:00.500000"),
        ("20260105100000.1234", "2026-01-05 15:00:00.123400"),
        ("2026010510000012", "2026-01-05 15:00:00.120000"),
        ("20260105100000123", "2026-01-05 15:00:00.123000"),
        ("20260105100000920350", "2026-01-05 15:00:00.920350"),
        ("20260105100000920350123456", "2026-01-05 15:00:00.920350"),
        ("20260105100000920+0100", "2026-01-05 09:00:00.920000"),
        ("20260105100000.8211+0100", "2026-01-05 09:00:00.821100"),
        ("20260105100000-0800", "2026-01-05 18:00:00"),
        ("20260105100000.25+0000", "2026-01-05 10:00:00.250000"),
        ("202601051000+0530", "2026-01-05 04:30:00"),
        ("2026010510-0500", "2026-01-05 15:00:00"),
        ("2026-01-05T10:00:00", "2026-01-05 15:00:00"),
        ("2026-01-05T10:00:00Z", "2026-01-05 10:00:00"),
        ("2026-01-05 10:00+01:00", "2026-01-05 09:00:00"),
        ("20260105 1000", "2026-01-05 15:00:00"),
        ("20260105240000", "2026-01-06 05:00:00"),
        ("20260105235960", "2026-01-06 05:00:00"),
        ("20260705100000", "2026-07-05 14:00:00"),
        ("20260308023000", "2026-03-08 07:30:00"),
        ("20261101013000", "2026-11-01 05:30:00"),
    ],
)
def test_a_time_is_an_instant_of_the_facility(text: str, utc: str) -> None:
    found = read_moment(text, NEW_YORK)
    assert not found.day_only
    assert str(found.start.astimezone(UTC).replace(tzinfo=None)) == utc


@pytest.mark.parametrize(
    ("text", "start", "hours"),
    [
        ("20260105", "2026-01-05 05:00:00", 24),
        ("20260308", "2026-03-08 05:00:00", 23),
        ("20261101", "2026-11-01 04:00:00", 25),
        ("20260105-0800", "2026-01-05 05:00:00", 24),
        ("2026-01-05", "2026-01-05 05:00:00", 24),
    ],
)
def test_a_day_without_time_begins_at_0_and_ends_at_24_hours(text: str, start: str, hours: int) -> None:
    found = read_moment(text, NEW_YORK)
    assert found.day_only
    assert str(found.start.astimezone(UTC).replace(tzinfo=None)) == start
    assert found.end - found.start == timedelta(hours=hours)


@pytest.mark.parametrize(
    "text",
    [
        "", "2026", "202601", "202601-0500", "2026-0500", "20261301", "20260230", "2026010525", "202601051060",
        "20260105100061", "20260105240001", "01/05/2026", "01/05/2026 10:00:00", "today", "2026010510000", "00000000",
        "99999999", "20260105100000+9900", "20260105100000.", "２０２６０１０５", '""', "20260105100000" + "0" * 31,
    ],
)  # fmt: skip
def test_what_is_no_time_or_less_than_a_day_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(not a time|day is out of range for month|month must be in 1\.\.12)"):
        read_moment(text, NEW_YORK)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("19800214", date(1980, 2, 14)),
        ("19800214103000-0500", date(1980, 2, 14)),
        ("1980", None),
        ("", None),
        ("19801414", None),
        ("X", None),
    ],
)
def test_a_birth_date_is_a_whole_date_or_none(text: str, day: date | None) -> None:
    assert read_day(text) == day


def zones(msh_7: str, pv1_44: str, zone_of: Literal["message", "facility"] | None = None) -> tuple[str, bool]:
    """Admission in UTC by a feed of New York, and whether the warning of another zone is given."""
    raw = er7("A01", msh_7[:14], msh={7: msh_7}, pv1={44: pv1_44})
    adt = read(raw, rules=Feed(zone_of), now=datetime(2026, 12, 1, tzinfo=UTC))
    return f"{adt.occurred.start.astimezone(UTC):%m-%d %H:%M}", "zone-differs" in adt.warnings


class Feed(SampleSite):
    """The sample site, whose feed may say whose zone its times are in."""

    def __init__(self, zone_of: Literal["message", "facility"] | None) -> None:
        super().__init__()
        self.zone_of = zone_of

    def sender(self, application: str, facility: str, location: str) -> Sender:
        return super().sender(application, facility, location)._replace(zone_of=self.zone_of)


@pytest.mark.parametrize(
    ("msh_7", "pv1_44", "found"),
    [
        ("20260105100000-0500", "20260105093000", ("01-05 14:30", False)),
        ("20260705100000-0400", "20260705093000", ("07-05 13:30", False)),
        ("20260105100000-0600", "20260105093000", ("01-05 14:30", True)),
        ("20260105150000Z", "20260105093000", ("01-05 14:30", True)),
        ("20260105100000-0600", "20260105", ("01-05 05:00", True)),
        ("20260105100000-0600", "20260105093000-0600", ("01-05 15:30", True)),
        ("20261115100000-0500", "20261020093000", ("10-20 13:30", True)),
        ("20261101013000-0500", "20261101011500", ("11-01 06:15", False)),
        ("20261101013000-0400", "20261101011500", ("11-01 05:15", False)),
        ("20260105100000", "20260105093000", ("01-05 14:30", False)),
        ("yesterday-0600", "20260105093000", ("01-05 14:30", False)),
    ],
)
def test_the_zone_of_the_message_holds_where_the_facility_has_it_then(
    msh_7: str, pv1_44: str, found: tuple[str, bool]
) -> None:
    assert zones(msh_7, pv1_44) == found


@pytest.mark.parametrize(
    ("zone_of", "found"), [("message", ("01-05 15:30", False)), ("facility", ("01-05 14:30", False))]
)
def test_a_feed_says_whose_zone_holds(zone_of: Literal["message", "facility"], found: tuple[str, bool]) -> None:
    assert zones("20260105100000-0600", "20260105093000", zone_of) == found


@pytest.mark.parametrize("zone_of", ["message", "facility", None])
def test_a_date_without_a_time_is_never_shifted(zone_of: Literal["message", "facility"] | None) -> None:
    assert zones("20260105100000+0900", "20260105", zone_of)[0] == "01-05 05:00"


@pytest.mark.parametrize("trigger", ["A05", "A28", "A31", "A40"])
def test_what_concerns_the_person_alone_needs_no_time(trigger: str) -> None:
    adt = read(er7(trigger, "soon", more=("MRG|999^^^GH^MR",)))
    assert (adt.occurred_from, adt.occurred.start) == ("arrival", NOW)
    assert {"EVN-2 is not a time; not used", "MSH-7 is not a time; not used"} <= set(adt.warnings)
