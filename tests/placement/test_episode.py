"""The value of care.episodes, the row that keeps a fold, and the tables that must agree with the published language."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from msgspec import json

from services.placement.continuum.active import DERIVED, READ
from services.placement.continuum.codec import packed, unpacked
from services.placement.continuum.document import episode_state
from services.placement.continuum.model import Folded
from services.placement.continuum.picture import EPISODE_STATES, states_page
from services.placement.continuum.states import MEANING, NoEffectReason
from shared.events import ANNOUNCEMENTS, type_name
from shared.events.episodes import EpisodeStateName, read_episode
from shared.facts.envelope import Fact
from tests import builders as tell

ROOT = Path(__file__).parents[2]


def value(*facts: Fact) -> dict[str, Any]:
    story = tell.a_story(*facts)
    told = episode_state(tell.folded(*facts), tell.seen(story), 3, tell.PLACES)
    found: dict[str, Any] = json.decode(json.encode(told))
    assert read_episode(found) == told
    return found


def test_an_episode_says_where_the_patient_is_and_was() -> None:
    start = tell.started()
    found = value(tell.admitted(), tell.discharged(), start)
    assert (found["state"], found["level"], found["previous_level"]) == ("active", "iop", "inpatient")
    assert datetime.fromisoformat(found["since"]) == tell.in_utc("2026-03-10")
    assert found["seen"] == {"intake": 2, "placement": 1}
    assert found["version"] == 3
    hospital, program = found["stays"]
    assert hospital["ended_by"]["disposition"] == {"code": "01", "kind": "home"}
    assert datetime.fromisoformat(hospital["to"]) == tell.in_utc("2026-03-09 14:00")
    assert (program["begun_by"], program["program"], program["suspended"]) == (start.id, "iop-evening", False)


def test_a_suspended_stay_says_so() -> None:
    assert [stay["suspended"] for stay in value(tell.started("2026-03-01"), tell.admitted())["stays"]] == [True, False]


def test_a_program_that_waited_for_the_hospital_says_when_the_patient_was_there_again() -> None:
    days = [tell.attended(day, placement="P1") for day in ("2026-03-02", "2026-03-12", "2026-03-10")]
    story = [tell.started("2026-03-01"), tell.admitted("2026-03-03 09:00"), tell.discharged(), *days]
    told = {stay["kind"]: stay.get("attended") for stay in value(*story)["stays"]}
    there = [{"date": day, "mode": "in-person"} for day in ("2026-03-10", "2026-03-12")]
    assert told == {"placement": there, "visit": None}
    assert [stay.get("attended") for stay in value(story[0], *days)["stays"]] == [None]


SAME_DAY = (tell.admitted("2026-03-02 10:00"), tell.discharged("2026-03-09 10:00"))
SESSIONS = ("2026-03-09", "2026-03-10", "2026-03-12")


@pytest.mark.parametrize(
    ("begins", "days"),
    [
        pytest.param({"when": "2026-03-09 13:00"}, SESSIONS[1:], id="after the discharge, the same day"),
        pytest.param({"when": "2026-03-09"}, SESSIONS, id="the desk says the day: the hospital suspended it"),
        pytest.param({"when": "2026-03-10"}, SESSIONS[1:], id="the day after"),
    ],
)
def test_a_step_down_says_on_which_days_after_the_discharge_the_patient_was_there(
    begins: dict[str, Any], days: tuple[str, ...]
) -> None:
    there = [tell.attended(day, placement="P1") for day in SESSIONS]
    program = value(*SAME_DAY, tell.started(**begins), *there)["stays"][-1]
    assert [one["date"] for one in program["attended"]] == list(days)


def test_a_program_begun_by_adt_says_its_days_too() -> None:
    visit = tell.admitted("2026-03-09 13:00", visit="V2", level="php")
    there = tell.attended("2026-03-11", visit="V2")
    program = value(*SAME_DAY, visit, there)["stays"][-1]
    assert program["attended"] == [{"date": "2026-03-11", "mode": "in-person"}]


def test_a_stay_says_whose_and_what_it_is_as_measures_ask() -> None:
    facts = [
        tell.admitted("2026-03-02 10:00", unit="DTX", age_years=34, labels=["SUD"]),
        tell.covered(effective="2026-03-01"),
        tell.covered(payer="MEDICAID", effective="2026-03-05"),
        tell.diagnosed(code="R45.851", status="A"),
        tell.diagnosed(code="F11.20", rank=2),
    ]
    [stay] = value(*facts)["stays"]
    expected = {
        "setting": "withdrawal-management",
        "age_years": 34,
        "labels": ["PSY", "SUD"],
        "payer": "ACME",
        "diagnosis": {"system": "I10", "code": "F11.20"},
    }
    assert expected.items() <= stay.items()
    bare = value(tell.visit_started())["stays"][0]
    assert not {"setting", "age_years", "diagnosis", "payer"} & bare.keys()


def test_an_episode_of_which_everything_was_cancelled_is_void_and_still_somebodys() -> None:
    admission = tell.admitted()
    found = value(admission, tell.cancelled(admission))
    assert (found["state"], found["patient_id"], found["stays"]) == ("void", tell.PATIENT, [])


def test_the_next_due_day_is_that_of_the_earliest_open_window() -> None:
    windows = [tell.follow_up(due="2026-03-16"), tell.follow_up(id_of="F30", due="2026-04-08")]
    assert value(*windows)["next_due"] == "2026-03-16"
    assert value(*windows, tell.follow_up("kept", "2026-03-12 10:00"))["next_due"] == "2026-04-08"


def test_ineffective_facts_and_conflicts_are_counted() -> None:
    found = value(tell.admitted(), tell.admitted("2026-03-05 10:00", visit="V2"), tell.discharged(visit="V9"))
    assert (found["ineffective"], found["conflicts"]) == (1, 1)


@pytest.mark.parametrize(
    "facts",
    [
        [],
        [tell.referred(), tell.covered(), tell.visit_started(), tell.admitted(), tell.diagnosed(), tell.placed()],
        [tell.admitted(), tell.discharged(kind="deceased"), tell.admitted("2026-03-12 10:00", visit="V2")],
        [tell.admitted(), tell.started(), tell.attended(), tell.absent("2026-03-11"), tell.conflict_settled()],
        [
            tell.admitted(),
            tell.leave_started(),
            tell.follow_up(),
            tell.aftercare_started(),
            tell.discharged(visit="V9"),
        ],
    ],
)
def test_a_fold_survives_the_row_it_is_kept_in(facts: list[Fact]) -> None:
    folded = tell.folded(*facts) if facts else Folded(tell.EPISODE)
    again = unpacked(packed(folded))
    assert again == folded
    assert packed(again) == packed(folded)


def test_the_fold_reads_no_announcement() -> None:
    assert READ.isdisjoint(ANNOUNCEMENTS)
    assert {type_name(announcement.TYPE) for announcement in ANNOUNCEMENTS} == DERIVED


def test_the_page_of_states_is_the_tables() -> None:
    assert (ROOT / "docs" / "states.md").read_text() == states_page()


def test_every_word_and_every_state_of_an_episode_is_explained() -> None:
    assert set(MEANING) == set(NoEffectReason)
    assert set(EPISODE_STATES) == set(get_args(EpisodeStateName))
