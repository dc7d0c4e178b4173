"""Contract 3.5: cancels and restatements, as stories of one patient."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.placement.continuum.fold import advance
from shared.facts.envelope import Fact
from tests import builders as tell
from tests.builders import every_order, levels


def test_a_cancelled_discharge_leaves_the_stay_open_whichever_came_first() -> None:
    discharge = tell.discharged()
    folded = every_order(tell.admitted(), discharge, tell.cancelled(discharge))
    assert folded.state == "active"
    assert folded.stays[0].open
    assert folded == tell.folded(tell.admitted(ce_id=folded.stays[0].segments[0].fact))


def test_a_discharge_that_comes_before_its_admission_ends_the_stay_all_the_same() -> None:
    folded = every_order(tell.discharged(), tell.admitted())
    assert folded.state == "between"
    assert folded.ineffective == {}


def test_a_cancel_whose_fact_nobody_stated_yet_is_listed_and_waits() -> None:
    discharge = tell.discharged()
    cancel = tell.cancelled(discharge)
    folded = tell.folded(tell.admitted(), cancel)
    assert folded.ineffective == {cancel.id: "target-unknown"}
    assert folded.awaited == (discharge.id,)
    assert advance(folded, [discharge], tell.zone_of) is None


def test_a_cancel_is_not_cancelled() -> None:
    discharge = tell.discharged()
    cancel = tell.cancelled(discharge)
    again = tell.cancelled(cancel)
    folded = tell.folded(tell.admitted(), discharge, cancel, again)
    assert folded.ineffective == {again.id: "a-cancel-stays"}
    assert folded.state == "active"


LEAVE = tell.leave_started("2026-03-12 10:00", placement="P1")


@pytest.mark.parametrize(
    "other",
    [tell.cancelled(LEAVE, writer="intake"), tell.leave_started("2026-03-12 10:00", visit="V1", replaces=LEAVE)],
)
def test_only_its_own_writer_takes_a_fact_back(other: Fact) -> None:
    folded = tell.folded(tell.started(), LEAVE, other)
    assert folded.ineffective == {other.id: "not-its-writer"}
    assert folded.state == "on-leave"


def test_a_restated_admission_counts_with_its_new_content_and_keeps_its_root() -> None:
    first = tell.admitted("2026-03-02 10:00", level="php")
    second = tell.restated(first, level="inpatient", when="2026-03-01 22:00")
    third = tell.restated(second, unit="4W")
    folded = every_order(first, second, third)
    (segment,) = folded.stays[0].segments
    assert (segment.fact, segment.root, segment.level) == (third.id, first.id, "inpatient")
    assert segment.since == tell.in_utc("2026-03-01 22:00")


def test_a_replaced_fact_does_not_return_when_its_replacement_goes() -> None:
    first = tell.admitted()
    second = tell.restated(first, level="php")
    folded = every_order(first, second, tell.cancelled(second))
    assert folded.stays == ()
    assert folded.state == "void"
    assert folded.patient_id == tell.PATIENT


@pytest.mark.parametrize("number", range(8))
def test_of_two_restatements_of_one_fact_the_last_word_stands(number: int) -> None:
    first = tell.admitted()
    earlier = tell.restated(first, level="php")
    later = replace(tell.restated(first, level="residential"), id=f"later-{number}")
    assert levels(every_order(first, earlier, later)) == ["residential"]
