"""Which ends of stays aftercare starts with, when, and with which plan; what takes it back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from services.aftercare.contacts.deaths import Deaths
from services.aftercare.decisions.own_facts import follow
from services.aftercare.engine.derive import derive, next_deadline
from services.aftercare.plans.plans import plans
from services.aftercare.windows.ends import ends
from shared.facts.envelope import Fact
from shared.site.config import SAMPLE, load
from tests.aftercare.builders import LEFT, day, episode, inpatient, stating, stay

SITE = load(SAMPLE)
BEGUN = LEFT - timedelta(days=20)


def ended(level: str, how: str = "completed", to: datetime = LEFT, **more: Any) -> dict[str, Any]:
    return stay(level, BEGUN, to, id="P", how=how, **more)


def started(*stays: dict[str, Any], over_by: datetime | None = None, **more: Any) -> list[str]:
    """Triggers of the aftercare that ought to stand."""
    return [s.as_json["trigger"] for s in settle((), *stays, over_by=over_by, **more) if s.name == "aftercare-started"]


def settle(
    standing: tuple[Fact, ...], *stays: dict[str, Any], over_by: datetime | None = None, **more: Any
) -> tuple[Fact, ...]:
    """What stands after a document and a look at the clock."""
    known = episode(*stays, **more)
    ought = derive(known, standing, {}, site=SITE, now=LEFT, over_by=over_by).facts
    last = max((s.sequence for s in standing), default=0)
    ids = iter(range(last + 1, last + 100))
    return follow(standing, ought, last, stating(lambda: f"f-{next(ids)}")).standing


@pytest.mark.parametrize(
    ("end", "at_once", "after_a_day", "after_three"),
    [
        pytest.param(ended("iop"), True, True, True, id="iop completed"),
        pytest.param(ended("outpatient"), True, True, True, id="outpatient completed"),
        pytest.param(ended("php"), False, False, True, id="php completed: iop may follow"),
        pytest.param(ended("php", "discontinued", reason="lost-contact"), True, True, True, id="outreach"),
        pytest.param(ended("iop", "discontinued", reason="deceased"), False, False, False, id="died"),
        pytest.param(ended("iop", "discontinued", reason="transferred-out"), False, False, False, id="elsewhere"),
        pytest.param(inpatient(), False, True, True, id="discharged"),
        pytest.param(inpatient(kind="against-advice"), False, True, True, id="against advice"),
        pytest.param(inpatient(kind="transfer"), False, False, False, id="transferred"),
        pytest.param(inpatient(None), False, False, False, id="not discharged"),
        pytest.param(stay(None, BEGUN, LEFT, how="visit-ended"), False, False, False, id="an emergency visit"),
    ],
)
def test_aftercare_starts_when_no_further_level_follows(
    end: dict[str, Any], at_once: bool, after_a_day: bool, after_three: bool
) -> None:
    looks = (None, day(2, 0), day(4, 0))
    assert [bool(started(end, over_by=at)) for at in looks] == [at_once, after_a_day, after_three]


@pytest.mark.parametrize(
    ("follows", "starts_after"),
    [
        pytest.param(stay("php", day(0, 16), id="S"), False, id="the same day"),
        pytest.param(stay("php", day(1), id="S"), False, id="the day after"),
        pytest.param(stay("php", day(2), id="S"), False, id="after the wait, before anybody said so"),
        pytest.param(stay("php", day(9), day(15), id="S", how="completed"), False, id="later, and over"),
        pytest.param(stay("php", day(1), day(1, 15), id="S", how="completed"), False, id="within, and over"),
        pytest.param(stay("iop", day(-20), id="S"), False, id="an iop that was suspended"),
        pytest.param(stay("iop", day(-20), day(-15), id="S", how="completed"), True, id="an iop long over"),
        pytest.param(stay(None, day(1), id="S"), True, id="an emergency visit is no level"),
    ],
)
def test_aftercare_does_not_start_where_a_further_level_followed(follows: dict[str, Any], starts_after: bool) -> None:
    assert ("V1.ended" in started(inpatient(), follows, over_by=day(40))) is starts_after


def test_while_the_next_level_is_on_its_way_nobody_says_that_nothing_follows() -> None:
    assert started(inpatient(), over_by=day(9), search="open") == []
    assert started(inpatient(), over_by=day(9), next_start=day(12).date().isoformat()) == []
    assert started(inpatient(), over_by=day(9)) != []
    assert started(inpatient(), over_by=day(9)) == ["V1.ended"]


def test_what_has_started_stands_while_its_end_does_and_is_taken_back_with_it() -> None:
    due = settle((), inpatient())
    assert settle(due, inpatient()) == due
    stands = settle(due, inpatient(), over_by=day(2, 0))
    assert "aftercare-started" in {s.name for s in stands}
    assert settle(stands, inpatient(), search="open") == stands
    later = settle(stands, inpatient(), stay("php", day(9), id="S"))
    assert "aftercare-started" in {s.name for s in later}
    assert settle(stands, inpatient(None)) == ()


def test_it_began_when_the_wait_was_over_not_when_the_timer_looked() -> None:
    [start] = ends(episode(inpatient()), SITE, Deaths("E1"))
    assert start.at == day(2, 0)
    assert start.waits
    [told] = [s for s in settle((), inpatient(), over_by=day(20)) if s.name == "aftercare-started"]
    assert told.as_json["occurred_at"] == day(2, 0).isoformat()
    assert told.as_json["derived_from"] == ["V1.ended"]


def test_the_clock_is_asked_again_when_a_wait_or_a_window_is_over() -> None:
    known = episode(inpatient())
    derived = derive(known, (), {}, site=SITE, now=LEFT)
    stands = settle((), inpatient())
    assert next_deadline(derived, known, stands) == day(2, 0)
    assert next_deadline(derived, episode(inpatient(), search="open"), stands) == day(8, 0)
    assert next_deadline(derived, known, settle(stands, inpatient(), over_by=day(2, 0))) == day(8, 0)


@pytest.mark.parametrize(
    ("end", "labels", "template", "kinds"),
    [
        (ended("iop"), ["PSY"], "step-out", {"outpatient-therapy", "medication"}),
        (ended("iop"), ["PSY", "SUD"], "recovery", {"outpatient-therapy", "support-group", "recovery-residence"}),
        (ended("iop", "discontinued", reason="lost-contact"), ["SUD"], "outreach", set()),
    ],
)
def test_the_plan_is_that_of_the_first_template_that_fits(
    end: dict[str, Any], labels: list[str], template: str, kinds: set[str]
) -> None:
    stands = settle((), end, labels=labels)
    assert [s.as_json["template"] for s in stands if s.name == "aftercare-started"] == [template]
    assert {s.as_json["kind"] for s in stands if s.name == "aftercare-referred"} == kinds


@pytest.mark.parametrize(
    ("more", "state", "expected"),
    [
        ((), "aftercare", ["active"]),
        ((stay("inpatient", day(9), id="V2"),), "active", ["in-care"]),
        ((stay("inpatient", day(9), day(12), id="V2"),), "between", ["over", "active"]),
        ((stay("inpatient", day(9), day(12), id="V2", kind="transfer"),), "between", ["over"]),
        ((stay("iop", day(9), day(30), id="S", how="completed"),), "aftercare", ["over", "active"]),
        ((), "closed", ["over"]),
    ],
)
def test_a_plan_goes_on_until_another_stay_begins(
    more: tuple[dict[str, Any], ...], state: str, expected: list[str]
) -> None:
    stays = (ended("iop"), *more)
    stands = settle((), *stays, state=state)
    assert [p.state for p in plans(episode(*stays, state=state), stands, SITE)] == expected
