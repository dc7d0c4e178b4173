"""Contract 3.6 rules 1 to 8, as stories of one patient."""

from __future__ import annotations

import pytest

from services.placement.continuum.fold import advance
from services.placement.continuum.model import Span
from shared.facts.envelope import Fact
from tests import builders as tell
from tests.builders import every_order, levels

# Rules 1 to 5


@pytest.mark.parametrize(
    "fact",
    [
        tell.admitted(writer="placement"),
        tell.discharged(writer="aftercare"),
        tell.started(writer="intake"),
        tell.transferred(placement="P1", writer="intake"),
        tell.leave_started(visit="V1", writer="placement"),
        tell.completed(stay=("visit", "V1")),
        tell.referred(writer="aftercare"),
    ],
)
def test_who_does_not_speak_for_a_stay_changes_nothing(fact: Fact) -> None:
    before = tell.folded(tell.admitted("2026-03-01 10:00"), tell.started("2026-03-01", ce_id="s", level="residential"))
    folded = tell.folded(
        tell.admitted("2026-03-01 10:00", ce_id=before.stays[1].segments[0].fact),
        tell.started("2026-03-01", ce_id="s", level="residential"),
        fact,
    )
    assert folded.ineffective == {fact.id: "wrong-writer"}
    assert folded.stays == before.stays


def test_a_stay_fact_moves_its_own_stay_and_no_other() -> None:
    folded = every_order(
        tell.admitted(), tell.admitted("2026-03-03 10:00", visit="V2", level="residential"), tell.discharged()
    )
    assert [(stay.id, stay.open) for stay in folded.stays] == [("V1", False), ("V2", True)]


def test_a_start_told_twice_is_one_stay_under_both_names() -> None:
    admission = tell.admitted("2026-03-10 09:00", level="iop", visit="V7")
    start = tell.started("2026-03-10", corroborates=admission)
    folded = every_order(admission, start, tell.attended("2026-03-11"), tell.completed("2026-03-20"))
    (stay,) = folded.stays
    assert (stay.key, stay.aliases, stay.corroborated_by) == (("visit", "V7"), (("placement", "P1"),), (start.id,))
    assert stay.placement_id == "P1"
    assert len(stay.sessions) == 1
    assert stay.ended is not None
    assert folded.ineffective == {}


def test_the_desk_restates_its_start_when_the_hospitals_comes_second() -> None:
    start = tell.started("2026-03-10")
    admission = tell.admitted("2026-03-10 09:00", level="iop", visit="V7")
    both = tell.folded(start, admission)
    assert len(both.stays) == 2
    folded = every_order(start, admission, tell.restated(start, corroborates=admission.id))
    assert [stay.key for stay in folded.stays] == [("visit", "V7")]


def test_a_corroborating_start_stands_alone_when_the_one_it_names_is_cancelled() -> None:
    admission = tell.admitted("2026-03-10 09:00", level="iop", visit="V7")
    start = tell.started("2026-03-10", corroborates=admission)
    folded = every_order(admission, start, tell.cancelled(admission))
    assert [stay.key for stay in folded.stays] == [("placement", "P1")]


def test_a_corroborated_admission_that_is_restated_is_still_the_same_start() -> None:
    admission = tell.admitted("2026-03-10 09:00", level="iop", visit="V7")
    folded = every_order(admission, tell.started(corroborates=admission), tell.restated(admission, unit="IOP2"))
    assert [stay.key for stay in folded.stays] == [("visit", "V7")]


def test_a_less_intensive_stay_is_suspended_under_an_open_24_hour_stay_and_goes_on_after_it() -> None:
    folded = every_order(
        tell.started("2026-03-01"),
        tell.admitted("2026-03-05 10:00"),
        tell.discharged("2026-03-08 14:00"),
    )
    assert levels(folded) == ["iop", "inpatient", "iop"]
    program = folded.stays[0]
    assert program.open
    assert program.suspended == (Span(tell.in_utc("2026-03-05 10:00"), tell.in_utc("2026-03-08 14:00")),)


@pytest.mark.parametrize(
    ("under", "over", "suspended"),
    [
        ("residential", "inpatient", True),
        ("outpatient", "residential", True),
        ("iop", "php", False),
        ("inpatient", "inpatient", False),
    ],
)
def test_only_a_more_intensive_24_hour_stay_suspends(under: str, over: str, suspended: bool) -> None:
    folded = tell.folded(
        tell.admitted("2026-03-01 10:00", level=under), tell.admitted("2026-03-05 10:00", visit="V2", level=over)
    )
    assert bool(folded.stays[0].suspended) is suspended
    assert folded.levels[-1].level == over


# Rules 6 to 8


def test_facts_of_one_instant_take_effect_in_any_order_and_the_level_is_read_after_all() -> None:
    moment = "2026-03-05 10:00"
    folded = every_order(
        tell.admitted("2026-03-02 10:00"),
        tell.discharged(moment),
        tell.admitted(moment, visit="V2", level="residential"),
        tell.transferred(moment, visit="V2", to="php"),
    )
    assert levels(folded) == ["inpatient", "php"]
    assert folded.ineffective == {}


def test_a_leave_that_ends_at_the_instant_it_began_is_over() -> None:
    moment = "2026-03-05 10:00"
    folded = every_order(tell.admitted(), tell.leave_ended(moment), tell.leave_started(moment))
    assert folded.ineffective == {}
    assert folded.state == "active"


def test_a_stay_without_length_leaves_no_level() -> None:
    folded = every_order(tell.admitted("2026-03-05 10:00"), tell.discharged("2026-03-05 10:00"))
    assert folded.levels == ()
    assert folded.state == "between"


def test_a_fact_without_a_move_takes_effect_when_what_it_lacked_comes() -> None:
    transfer = tell.transferred("2026-03-04 11:00", visit="V1", to="residential")
    assert tell.folded(transfer).ineffective == {transfer.id: "not-open"}
    assert levels(tell.folded(transfer, tell.admitted())) == ["inpatient", "residential"]


def test_a_change_told_late_takes_its_clinical_place() -> None:
    folded = every_order(tell.admitted(), tell.discharged(), tell.transferred("2026-03-04 11:00", visit="V1"))
    assert levels(folded) == ["inpatient", "residential", None]


def test_a_change_after_the_end_has_no_effect() -> None:
    late = tell.transferred("2026-03-10 11:00", visit="V1")
    assert every_order(tell.admitted(), tell.discharged(), late).ineffective == {late.id: "ended"}


def test_one_instant_written_in_two_zones_is_one_instant() -> None:
    here, there = tell.admitted("2026-03-02 10:00"), tell.admitted("2026-03-02 10:00", visit="V2", level="php")
    there = tell.with_value(there, there.as_json | {"occurred_at": "2026-03-02T15:00:00Z"})
    assert [change.at for change in tell.folded(here, there).levels] == [tell.in_utc("2026-03-02 10:00")]


def test_a_type_that_the_fold_does_not_know_changes_nothing() -> None:
    admission = tell.admitted(ce_id="a")
    news = [tell.fact("moon-phase"), tell.fact("closed", writer="placement", reason="deceased")]
    withdrawn = tell.cancelled(news[1])
    assert tell.folded(admission, *news, withdrawn) == tell.folded(tell.admitted(ce_id="a"))
    behind = tell.folded(admission)
    assert advance(behind, [*news, withdrawn], tell.zone_of) == behind
