"""Who is called after leaving for home, until when, and whom nobody calls."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from services.aftercare.worklists.entries import entries
from shared.facts.envelope import Fact
from shared.site.config import SAMPLE, load
from tests.aftercare.builders import LEFT, day, episode, inpatient, shown, stay
from tests.aftercare.test_deriving import contact
from tests.aftercare.test_plans import ended, settle

SITE = load(SAMPLE)
FIRST_CALL = (LEFT + timedelta(hours=72)).isoformat()


def plan(*stays: dict[str, Any], told: tuple[Fact, ...] = (), **more: Any) -> dict[str, Any] | None:
    """The plan that the lists show, its state with it; the last of several."""
    stands = settle(told, *stays, **more)
    found = [one for one in entries(episode(*stays, **more), stands, SITE) if one.kind == "plan"]
    assert [one.state for one in found[:-1]] == ["over"] * (len(found) - 1), "one plan is open"
    return shown(found[-1].value) | {"state": found[-1].state} if found else None


def due(*stays: dict[str, Any], told: tuple[Fact, ...] = (), **more: Any) -> str | None:
    """Until when the patient is to be called."""
    found = plan(*stays, told=told, **more)
    return found.get("contact_due") if found else None


@pytest.mark.parametrize(
    ("stays", "more", "called"),
    [
        pytest.param([inpatient()], {}, True, id="home"),
        pytest.param([inpatient()], {"search": "open"}, True, id="a program is looked for"),
        pytest.param([inpatient()], {"next_start": "2026-04-09"}, True, id="a first day is agreed"),
        pytest.param([inpatient()], {"declined_at": day(1).isoformat()}, False, id="declined further care"),
        pytest.param([inpatient()], {"declined_at": day(-20).isoformat()}, True, id="declined long before"),
        pytest.param([inpatient(kind="against-advice")], {"search": "open"}, True, id="against advice"),
        pytest.param([inpatient(kind="elopement")], {}, True, id="eloped"),
        pytest.param([inpatient(kind="unknown")], {}, True, id="nobody says where to"),
        pytest.param([inpatient(kind="deceased")], {"state": "closed"}, False, id="dead"),
        pytest.param([inpatient(kind="transfer")], {}, False, id="transferred"),
        pytest.param([inpatient(kind="hospice")], {}, False, id="hospice"),
        pytest.param([inpatient(kind="custody")], {}, False, id="custody"),
        pytest.param([inpatient(None)], {}, False, id="still in hospital"),
        pytest.param([stay(None, day(-1), LEFT, how="visit-ended")], {}, False, id="an emergency visit"),
        pytest.param([stay("residential", day(-9), LEFT)], {"search": "open"}, True, id="from a residence"),
        pytest.param([ended("php")], {"search": "open"}, True, id="php completed, iop is looked for"),
        pytest.param([ended("iop", "discontinued", reason="deceased")], {"state": "closed"}, False, id="died at iop"),
        pytest.param([inpatient(), stay("php", day(0, 16), id="S")], {}, False, id="at php the same day"),
        pytest.param([inpatient(), stay("php", day(2), id="S")], {}, False, id="at php two days later"),
        pytest.param([inpatient(), stay("iop", day(-30), id="S")], {}, True, id="iop waits for the patient"),
        pytest.param(
            [inpatient(), stay("iop", day(-30), id="S") | {"attended": ["2026-04-02"]}], {}, False, id="iop, attended"
        ),
        pytest.param([inpatient(), stay("residential", day(-30), id="S")], {}, False, id="back in the residence"),
        pytest.param([inpatient(), stay(None, day(1), id="S")], {}, True, id="seen in the emergency room"),
        pytest.param([inpatient(), stay("inpatient", day(1), id="V2")], {}, False, id="readmitted"),
        pytest.param(
            [inpatient(), stay("inpatient", day(1), day(3), id="V2", kind="deceased")], {"state": "closed"}, False,
            id="readmitted, and dead",
        ),
        pytest.param(
            [inpatient(), stay("iop", day(-30), day(2), id="S", how="discontinued", reason="deceased")],
            {"state": "closed"}, False, id="dead, says the program that waited",
        ),
        pytest.param(
            [inpatient(), stay("iop", day(-30), day(2), id="S", how="discontinued", reason="transferred-out")], {},
            False, id="in other hands since",
        ),
    ],
)  # fmt: skip
def test_a_call_is_due_72_hours_after_leaving_for_home(
    stays: list[dict[str, Any]], more: dict[str, Any], called: bool
) -> None:
    assert due(*stays, **more) == (FIRST_CALL if called else None)


@pytest.mark.parametrize(
    ("at", "outcome", "left_to_call", "kept", "late"),
    [
        (day(0, 20), "reached", None, True, None),
        (day(2), "attended", None, True, None),
        (day(5), "reached", None, True, True),
        (day(2), "no-answer", FIRST_CALL, False, None),
        (day(2), "left-message", FIRST_CALL, False, None),
        (day(2), "wrong-number", FIRST_CALL, False, None),
        (day(0, 8), "reached", FIRST_CALL, False, None),
    ],
)
def test_who_was_reached_is_not_called_again_however_late(
    at: datetime, outcome: str, left_to_call: str | None, kept: bool, late: bool | None
) -> None:
    told = plan(inpatient(), told=(contact(1, at, outcome),), search="open")
    assert told is not None
    assert told.get("contact_due") == left_to_call
    [call] = told["contacts"]
    assert ("kept_by" in call, call.get("late")) == (kept, late)


def test_a_patient_who_wants_no_calls_is_not_called_until_the_next_discharge() -> None:
    declined = (contact(1, day(1), "declined"),)
    told = plan(inpatient(), told=declined, search="open")
    assert told is not None
    assert (told["state"], told["calls_stopped"], told.get("contact_due")) == ("active", "declined", None)
    again = due(inpatient(), stay("inpatient", day(9), day(12), id="V2"), told=declined)
    assert again == (day(12) + timedelta(hours=72)).isoformat()


def test_the_plan_of_a_discharge_says_what_comes_next_and_when_aftercare_took_over() -> None:
    looked_for = plan(inpatient(), search="open")
    assert looked_for is not None
    assert (looked_for["started_at"], looked_for["search"]) == (LEFT.isoformat(), "open")
    assert "aftercare_since" not in looked_for
    after = plan(inpatient(), told=settle((), inpatient(), over_by=day(2, 0)))
    assert after is not None
    assert (after["aftercare_since"], after["trigger"]) == (day(2, 0).isoformat(), "V1.ended")
    assert "search" not in after


def test_one_plan_is_open_however_many_levels_follow() -> None:
    php = stay("php", day(1), day(20), id="S", how="completed")
    iop = stay("iop", day(22), day(40), id="T", how="completed")
    assert plan(inpatient(), stay("php", day(1), id="S")) is None
    for stays in ([inpatient(), php], [inpatient(), php, iop]):
        found = plan(*stays)
        assert found is not None
        assert (found["trigger"], found["state"]) == (stays[-1]["ended_by"]["ce_id"], "active")


def test_a_discharge_taken_back_takes_its_call_back() -> None:
    stands = settle((), inpatient(), search="open")
    assert plan(inpatient(None), told=stands) is None
