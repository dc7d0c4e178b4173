"""HL7 time stamps of every form seen, in the facility's zone."""

from __future__ import annotations

from datetime import UTC, date, timedelta

import pytest

from services.intake.hl7.timestamps import read_day, read_moment
from tests.intake.said import NEW_YORK


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("20260105100000", "2026-01-05 15:00:00"),
        ("202601051000", "2026-01-05 15:00:00"),
        ("2026010510", "2026-01-05 15:00:00"),
        ("20260105100000.5", "2026-01-05 15:00:00.500000"),
        ("20260105100000.1234", "2026-01-05 15:00:00.123400"),
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
        ("20260105-0800", "2026-01-05 08:00:00", 24),
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
        "99999999", "20260105100000+9900", "20260105100000.", "２０２６０１０５", '""', "2026010510000000",
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
