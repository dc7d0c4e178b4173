"""Inpatient days before an A07 in the same bed: void from the start, or billed, by the payer's row (contract 4)."""

from __future__ import annotations

import pytest

from services.placement.billing.periods import periods
from services.placement.continuum.fold import fold
from services.placement.rules import Rules
from shared.facts.envelope import Fact
from tests.builders import a_story, admitted, cancelled, covered, transferred, visit_ended


def billed(rules: Rules, *facts: Fact) -> list[tuple[str, str]]:
    """First day and day after the last one of each period."""
    folded = fold(a_story(*facts), rules.zone_of)
    found = periods(folded, rules.zone_of, rules.billed, rules.payers)
    return [(f"{one.start:%m-%d}", f"{one.end:%m-%d}" if one.end else "") for one in found]


def in_the_same_bed() -> Fact:
    return transferred("2026-03-04 10:00", to=None, unit="3W")


def paid_by(payer: str) -> Fact:
    return covered("2026-03-02 10:00", coverage=[{"order": 1, "payer": payer}])


@pytest.mark.parametrize(
    ("payer", "days"), [("MEDICARE", []), ("ACME", [("03-02", "03-04")]), ("unknown", [("03-02", "03-04")])]
)
def test_the_days_before_the_change_are_what_the_payer_s_row_says(
    rules: Rules, payer: str, days: list[tuple[str, str]]
) -> None:
    assert billed(rules, admitted(), paid_by(payer), in_the_same_bed(), visit_ended("2026-03-05 10:00")) == days


def test_a_change_to_another_bed_voids_nothing(rules: Rules) -> None:
    elsewhere = transferred("2026-03-04 10:00", to=None, unit="OBS")
    assert billed(rules, admitted(), paid_by("MEDICARE"), elsewhere) == [("03-02", "03-04")]


def test_what_is_void_returns_when_the_change_is_taken_back(rules: Rules) -> None:
    changed = in_the_same_bed()
    assert billed(rules, admitted(), paid_by("MEDICARE"), changed, cancelled(changed)) == [("03-02", "")]
