"""What is announced of the continuum, and taken back by difference (contract 3.2)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from services.placement.continuum.announcements import (
    Announced,
    StandingAnnouncement,
    announcements,
    difference,
)
from services.placement.engine.outcome import announced as stands
from shared.events import ANNOUNCEMENTS
from shared.events.continuum import SteppedDown
from shared.events.published import as_json
from shared.facts.envelope import Fact
from tests import builders as tell


def announced(*facts: Fact) -> tuple[Announced, ...]:
    return announcements(tell.folded(*facts), tell.zone_of)


def only(found: tuple[Announced, ...], name: str) -> dict[str, Any]:
    (one,) = [one for one in found if name == one.value.TYPE]
    return as_json(one.value)


def names(*facts: Fact) -> list[str]:
    return [one.value.TYPE for one in announced(*facts)]


def test_a_planned_step_down_names_both_stays_the_days_between_and_what_it_follows_from() -> None:
    discharge, start = tell.discharged("2026-03-06 14:00"), tell.started("2026-03-09")
    value = only(announced(tell.admitted(), discharge, tell.placed("2026-03-05 15:00"), start), "stepped-down")
    assert value["from_level"] == "inpatient"
    assert value["to_level"] == "iop"
    assert value["from_stay"] == {"kind": "visit", "id": "V1"}
    assert value["to_stay"] == {"kind": "placement", "id": "P1"}
    assert value["days_between"] == 3
    assert value["planned"] is True
    assert value["derived_from"] == [discharge.id, start.id]
    assert value["labels"] == ["PSY"]


@pytest.mark.parametrize(
    ("ends", "begins", "days"),
    [
        ("2026-03-09 14:00", "2026-03-09 16:00", 0),
        ("2026-03-09 14:00", "2026-03-10 09:00", 1),
        ("2026-03-09 14:00", "2026-03-12", 3),
        ("2026-03-10 00:00", "2026-03-10", 0),  # they touch
        ("2026-03-10 00:00", "2026-03-10 09:00", 1),  # 00:00 is 24:00 of the 9th
        ("2026-03-07 23:30", "2026-03-08 23:30", 1),  # a day of 23 hours
    ],
)
def test_days_between_two_levels_are_days_of_the_facility(ends: str, begins: str, days: int) -> None:
    value = only(announced(tell.admitted(), tell.discharged(ends), tell.started(begins)), "stepped-down")
    assert value["days_between"] == days
    assert value["planned"] is False


def test_a_transfer_to_a_unit_of_another_level_is_a_step() -> None:
    transfer = tell.transferred("2026-03-04 11:00", visit="V1", to="residential")
    value = only(announced(tell.admitted(), transfer), "stepped-down")
    assert (value["to_level"], value["days_between"], value["derived_from"]) == ("residential", 0, [transfer.id])


def test_a_transfer_within_a_level_is_none() -> None:
    assert names(tell.admitted(), tell.transferred("2026-03-04 11:00", visit="V1", to="inpatient", unit="4W")) == []


def test_a_hospital_stay_over_a_program_steps_up_and_down_again() -> None:
    discharge = tell.discharged()
    found = announced(tell.started("2026-03-01"), tell.admitted(), discharge)
    assert [one.value.TYPE for one in found] == ["stepped-up", "stepped-down"]
    assert found[1].value.derived_from == (discharge.id,)


@pytest.mark.parametrize(
    ("again", "days"),
    [("2026-03-09 20:00", None), ("2026-03-10 08:00", 1), ("2026-04-08 23:00", 30), ("2026-04-09 00:00", None)],
)
def test_an_inpatient_stay_1_to_30_days_after_an_inpatient_discharge_is_a_readmission(
    again: str, days: int | None
) -> None:
    discharge, second = tell.discharged(), tell.admitted(again, visit="V2")
    found = announced(tell.admitted(), discharge, second)
    if days is None:
        assert found == ()
    else:
        value = only(found, "readmitted")
        assert (value["days"], value["discharge"]) == (days, discharge.id)
        assert value["derived_from"] == [discharge.id, second.id]


def test_a_program_after_a_discharge_is_no_readmission() -> None:
    assert "readmitted" not in names(tell.admitted(), tell.discharged(), tell.started())


def test_a_skipped_level_has_the_desks_reason() -> None:
    placement = tell.placed("2026-03-05 15:00", variance_reason="no-program")
    value = only(announced(tell.admitted(), tell.discharged(), placement, tell.started()), "stepped-down")
    assert value["reason"] == "no-program"


@pytest.mark.parametrize(
    ("placed", "planned"), [("2026-03-09 15:00", True), ("2026-03-10 14:00", True), ("2026-03-11 09:00", False)]
)
def test_a_step_is_planned_by_a_placement_of_its_first_day_and_has_the_desks_reason_whenever_it_was_told(
    placed: str, planned: bool
) -> None:
    placement = tell.placed(placed, variance_reason="no-program")
    value = only(announced(tell.admitted(), tell.discharged(), placement, tell.started("2026-03-10")), "stepped-down")
    assert (value["planned"], value["reason"]) == (planned, "no-program")


def test_closing_and_taking_up_again_are_both_announced() -> None:
    end, again = tell.episode_ended("2026-03-20 10:00"), tell.admitted("2026-03-25 10:00", visit="V2", level="iop")
    found = announced(tell.admitted(), tell.discharged(), end, again)
    assert [one.value.TYPE for one in found] == ["closed", "reopened", "stepped-down"]
    assert only(found, "closed")["reason"] == "episode-ended"
    assert only(found, "closed")["derived_from"] == [end.id]
    assert only(found, "reopened")["derived_from"] == [again.id]


def test_a_conflict_is_announced_until_it_is_settled() -> None:
    facts = [tell.admitted(), tell.admitted("2026-03-05 10:00", visit="V2")]
    conflict = only(announced(*facts), "conflict-raised")["conflict_id"]
    assert names(*facts, tell.conflict_settled(conflict=conflict)) == []


def standing(found: tuple[Announced, ...]) -> dict[str, StandingAnnouncement]:
    return {one.key: StandingAnnouncement(f"ce-{number}", one.value) for number, one in enumerate(found)}


def test_what_stands_already_is_not_said_again() -> None:
    found = announced(tell.admitted(), tell.discharged(), tell.started())
    assert not difference(standing(found), found)


def test_a_restated_discharge_restates_the_step_in_one_go() -> None:
    admission, discharge, start = tell.admitted(), tell.discharged("2026-03-06 14:00"), tell.started()
    before = announced(admission, discharge, start)
    after = announced(admission, discharge, start, tell.restated(discharge, when="2026-03-07 14:00"))
    said = difference(standing(before), after)
    assert not said.cancel
    ((replaced, anew),) = said.state
    assert replaced is not None
    assert replaced.ce_id == "ce-0"
    assert [one.value.days_between for one in (replaced, anew) if isinstance(one.value, SteppedDown)] == [4, 3]


def test_a_cancelled_start_takes_its_step_back() -> None:
    admission, discharge, start = tell.admitted(), tell.discharged(), tell.started()
    before = announced(admission, discharge, start)
    said = difference(standing(before), announced(admission, discharge, start, tell.cancelled(start)))
    assert [one.value.TYPE for one in said.cancel.values()] == ["stepped-down"]
    assert not said.state


def test_keys_tell_repeated_steps_between_the_same_levels_apart() -> None:
    found = announced(
        tell.started("2026-03-01"),
        tell.admitted("2026-03-02 10:00"),
        tell.discharged("2026-03-03 10:00"),
        tell.admitted("2026-03-04 10:00", visit="V2"),
        tell.discharged("2026-03-05 10:00", visit="V2"),
    )
    assert [one.value.TYPE for one in found if one.value.TYPE != "readmitted"] == ["stepped-up", "stepped-down"] * 2
    assert len({one.key for one in found}) == len(found) == 5


def test_every_announcement_of_the_contract_is_made_here() -> None:
    assert {announcement.TYPE for announcement in ANNOUNCEMENTS} == {
        "stepped-down",
        "stepped-up",
        "readmitted",
        "conflict-raised",
        "closed",
        "reopened",
    }


def test_what_stands_announced_is_read_from_rows_of_before_too() -> None:
    found = announced(tell.admitted(), tell.discharged(), tell.started())
    before = [(one.key, "ce-0", one.value.TYPE, as_json(one.value)) for one in found]
    for row in before:
        del row[3]["recorded_at"]
    assert stands(orjson.dumps(before)) == standing(found)
