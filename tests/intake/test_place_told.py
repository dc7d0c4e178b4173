"""A place or class told otherwise by A08, or by A01 again, is listed, and by the feed's option a transfer."""

from __future__ import annotations

from itertools import permutations

import pytest

from services.intake.hl7.model import VisitMessage
from services.intake.visits.derive import derive
from tests.intake.said import SITE, SampleSite, own, told

START = "20260105100000"
BEGUN = told(1, "A01", START, pv1_44=START)
MOVED = told(2, "A02", "20260107100000", "PHP1")


def notes(*said: VisitMessage, site: SampleSite = SITE) -> list[tuple[str, str | None]]:
    """What became of the messages; the same in every order of arrival."""
    found = {note.message_id: note[1:] for note in derive("V1", said, site).notes}
    for order in permutations(said):
        assert {note.message_id: note[1:] for note in derive("V1", order, site).notes} == found
    return [found[one.message_id] for one in said]


def levels(*said: VisitMessage, site: SampleSite) -> list[tuple[str, str]]:
    """(level, day from which) of what the messages mean."""
    found = []
    for fact in derive("V1", said, site).facts:
        value = own(fact)
        found.append((str(value.get("to", value)["level"]), f"{fact.value.occurred_at:%m-%d}"))
    return found


@pytest.mark.parametrize(
    "again",
    [
        told(3, "A01", "20260105120000", "RES", pv1_44=START),
        told(3, "A08", "20260106120000", "RES", pv1_44=START),
        told(3, "A08", "20260106120000", "NOWHERE", pv1_44=START),
    ],
    ids=["A01 again", "A08", "A08 in a unit that is not mapped"],
)
def test_another_unit_than_the_one_in_force_is_listed(again: VisitMessage) -> None:
    assert notes(BEGUN, again) == [("applied", None), ("place-differs", None)]


@pytest.mark.parametrize(
    "same",
    [
        told(3, "A08", "20260106120000", "3W", pv1_44=START),
        told(3, "A08", "20260106120000", "", pv1_44=START),
        told(3, "A08", "20260108120000", "PHP1", pv1_44=START),
        told(3, "A31", "20260106120000", "RES", pv1_44=START),
    ],
    ids=["the same unit", "no unit", "the unit that a transfer led to", "an update of the person"],
)
def test_the_place_in_force_at_the_message_s_time_is_not(same: VisitMessage) -> None:
    assert "place-differs" not in {note for note, _ in notes(BEGUN, MOVED, same)}


def test_a_transfer_told_later_explains_the_place_of_an_update() -> None:
    update = told(3, "A08", "20260108120000", "PHP1", pv1_44=START)
    assert notes(BEGUN, update)[1] == ("place-differs", None)
    assert notes(BEGUN, update, MOVED)[1][0] != "place-differs"


def test_by_the_feed_s_option_it_is_a_transfer_at_its_own_time() -> None:
    site = SampleSite(moved_by_updates=True)
    again = told(3, "A01", "20260105120000", "RES", pv1_44=START)
    update = told(4, "A08", "20260107120000", "PHP1", pv1_44=START)
    assert notes(BEGUN, again, update, site=site)[1:] == [("place-differs", "transferred")] * 2
    assert levels(BEGUN, again, update, site=site) == [
        ("inpatient", "01-05"), ("residential", "01-05"), ("php", "01-07"),
    ]  # fmt: skip


def test_the_second_update_from_the_new_place_is_no_further_transfer() -> None:
    site = SampleSite(moved_by_updates=True)
    updates = [told(n, "A08", f"2026010{n}120000", "RES", pv1_44=START) for n in (6, 7, 8)]
    assert levels(BEGUN, *updates, site=site) == [("inpatient", "01-05"), ("residential", "01-06")]
