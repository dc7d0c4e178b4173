"""Days that patients who are ready have waited, by what for, payer and level."""

from __future__ import annotations

from datetime import date
from typing import Any

from services.placement.search.waited import waited
from shared.events.levels import Level

TODAY = date(2026, 5, 10)


def ready(*spans: tuple[str, str], payer: str = "ACME") -> tuple[dict[str, Any], date]:
    """The entry of somebody in inpatient care who waited for these things since these days."""
    told = [{"waiting_for": what, "from": f"2026-05-{since}"} for what, since in spans]
    return {"spans": told, "waiting_for": spans[-1][0], "level": "inpatient", "payer": payer}, TODAY


def test_each_day_is_counted_for_what_was_waited_for_then() -> None:
    found = waited([ready(("payer", "02"), ("bed", "05")), ready(("bed", "09")), ready(("bed", "08"), payer="")])
    assert [(*key, one.patients, one.days, one.longest) for key, one in found] == [
        ("bed", "ACME", Level.INPATIENT, 2, 6, 5),
        ("payer", "ACME", Level.INPATIENT, 0, 3, 3),
        ("bed", "", Level.INPATIENT, 1, 2, 2),
    ]


def test_what_is_waited_for_again_adds_up_for_the_patient() -> None:
    [(_, bed), (_, court)] = waited([ready(("bed", "01"), ("court", "03"), ("bed", "04"))])
    assert (bed.days, bed.longest, court.days) == (8, 8, 1)


def test_nobody_ready_is_nothing() -> None:
    assert waited([]) == []
