"""Which windows a discharge opens, on which days, and what keeps or excludes them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.aftercare.decisions.ids import follow_up_id
from services.aftercare.decisions.windows import Excluded, KeptWindow, Window
from services.aftercare.windows.measures import windows
from shared.errors import SetUpError
from shared.events.levels import Level
from shared.site.config import SAMPLE, load
from shared.site.measures import FollowUpClock
from tests.aftercare.builders import LEFT, ZONE, day, episode, inpatient, stay

SITE = load(SAMPLE)


def found(*stays: dict[str, Any]) -> dict[tuple[str, str], Window]:
    """Windows by (stay's discharge, measure)."""
    told = windows(episode(*stays), SITE.follow_ups, SITE.zone)
    return {(w.discharge, w.measure): w for w in told}


def outcome(window: Window) -> str:
    match window.outcome:
        case Excluded(reason, _):
            return reason
        case KeptWindow(_, _, by_fact):
            return f"kept by {by_fact}"
        case None:
            return "due"


def of_v1(*others: dict[str, Any], **more: Any) -> tuple[str, str]:
    """How FUH-7 and FUH-30 of the stay under test stand."""
    told = found(inpatient(**more), *others)
    return outcome(told["V1.ended", "FUH-7"]), outcome(told["V1.ended", "FUH-30"])


def test_an_inpatient_discharge_opens_a_7_and_a_30_day_window_from_the_day_after() -> None:
    told = found(inpatient())
    assert {(w.measure, w.due_from, w.due_to) for w in told.values()} == {
        ("FUH-7", date(2026, 4, 2), date(2026, 4, 8)),
        ("FUH-30", date(2026, 4, 2), date(2026, 5, 1)),
    }
    assert {w.outcome for w in told.values()} == {None}
    assert told["V1.ended", "FUH-7"].over_at == datetime(2026, 4, 9, tzinfo=ZONE)


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(inpatient(None), id="still-inpatient"),
        pytest.param(stay("residential", day(-9), LEFT), id="residential"),
        pytest.param(stay("php", day(-9), LEFT, how="completed"), id="php completed"),
        pytest.param(stay(None, day(-1), LEFT, how="visit-ended"), id="an emergency visit"),
        pytest.param(stay("inpatient", day(-9), LEFT, how="completed"), id="not a discharge"),
    ],
)
def test_nothing_else_opens_a_window(one: dict[str, Any]) -> None:
    assert found(one) == {}


def test_an_episode_without_stays_has_no_window() -> None:
    assert found() == {}


@pytest.mark.parametrize(
    ("left", "due_from", "due_to"),
    [
        pytest.param("2026-04-01T00:00-04:00", date(2026, 4, 1), date(2026, 4, 7), id="midnight"),
        pytest.param("2026-04-01T00:01-04:00", date(2026, 4, 2), date(2026, 4, 8), id="a minute past"),
        pytest.param("2026-04-02T03:30+00:00", date(2026, 4, 2), date(2026, 4, 8), id="evening, told in UTC"),
        pytest.param("2026-04-01T04:00+00:00", date(2026, 4, 1), date(2026, 4, 7), id="midnight, told in UTC"),
    ],
)
def test_the_leaving_day_is_the_facilitys_and_midnight_ends_the_day_before(
    left: str, due_from: date, due_to: date
) -> None:
    told = found(inpatient(datetime.fromisoformat(left)))["V1.ended", "FUH-7"]
    assert (told.due_from, told.due_to) == (due_from, due_to)


@pytest.mark.parametrize(
    ("left", "over_at"),
    [
        pytest.param(datetime(2026, 3, 5, 12, tzinfo=ZONE), "2026-03-13T04:00+00:00", id="into summer time"),
        pytest.param(datetime(2026, 10, 29, 12, tzinfo=ZONE), "2026-11-06T05:00+00:00", id="out of summer time"),
    ],
)
def test_a_window_over_a_change_of_the_clocks_ends_at_local_midnight(left: datetime, over_at: str) -> None:
    assert found(inpatient(left))["V1.ended", "FUH-7"].over_at == datetime.fromisoformat(over_at)


def test_days_are_those_of_the_discharging_facility() -> None:
    late = datetime(2026, 4, 2, 4, 30, tzinfo=UTC)  # 00:30 on the 2nd in New York, 23:30 on the 1st in Chicago
    told = found(inpatient(late, facility="RIVERBEND"))["V1.ended", "FUH-7"]
    assert told.due_from == date(2026, 4, 2)
    assert told.over_at == datetime(2026, 4, 9, tzinfo=ZoneInfo("America/Chicago"))


KEPT = "kept by S.begun"


@pytest.mark.parametrize(
    ("level", "begun", "seven", "thirty"),
    [
        ("php", day(0, 16), "due", "due"),
        ("php", day(1, 0), KEPT, KEPT),
        ("php", day(1), KEPT, KEPT),
        ("iop", day(7, 23), KEPT, KEPT),
        ("php", day(8, 0), "due", KEPT),
        ("outpatient", day(30), "due", KEPT),
        ("outpatient", day(31), "due", "due"),
        ("php", day(-3), "due", "due"),
        (None, day(3), "due", "due"),
    ],
)
def test_a_first_day_at_a_program_keeps_the_windows_it_falls_in_but_not_on_the_leaving_day(
    level: str | None, begun: datetime, seven: str, thirty: str
) -> None:
    assert of_v1(stay(level, begun, id="S")) == (seven, thirty)


@pytest.mark.parametrize(
    ("attended", "seven", "thirty"),
    [
        ((), "due", "due"),
        ((0,), "due", "due"),
        ((1,), "kept by None", "kept by None"),
        ((-2, 8, 12), "due", "kept by None"),
        ((31,), "due", "due"),
    ],
)
def test_attendance_at_a_program_that_had_waited_keeps_the_windows_it_falls_in(
    attended: tuple[int, ...], seven: str, thirty: str
) -> None:
    waited = stay("iop", day(-20), id="S") | {"attended": [day(each).date().isoformat() for each in attended]}
    assert of_v1(waited) == (seven, thirty)


def test_attendance_is_kept_at_the_day_and_the_level_of_its_program() -> None:
    waited = stay("iop", day(-20), id="S") | {"attended": ["2026-04-04", "2026-04-03"]}
    kept = found(inpatient(), waited)["V1.ended", "FUH-7"].outcome
    assert kept == KeptWindow(datetime(2026, 4, 3, tzinfo=ZONE), "iop", None)


def test_the_first_of_several_visits_is_the_one_that_counts_and_the_place_says_its_kind() -> None:
    told = found(inpatient(), stay("outpatient", day(5), id="LATER"), stay("iop", day(3), id="FIRST"))
    assert told["V1.ended", "FUH-7"].outcome == KeptWindow(day(3), "iop", "FIRST.begun")


@pytest.mark.parametrize(
    ("again", "seven_and_thirty"),
    [
        (day(0, 18), "transferred"),
        (day(1), "readmitted"),
        (day(5), "readmitted"),
        (day(30), "readmitted"),
        (day(31), "due"),
    ],
)
def test_of_two_inpatient_stays_within_30_days_only_the_last_discharge_counts(
    again: datetime, seven_and_thirty: str
) -> None:
    later = stay("inpatient", again, again + timedelta(days=4), id="V2")
    assert of_v1(later) == (seven_and_thirty, seven_and_thirty)
    assert outcome(found(inpatient(), later)["V2.ended", "FUH-30"]) == "due"


def test_a_readmission_excludes_even_where_a_visit_was_kept_before_it() -> None:
    assert of_v1(stay("php", day(2), day(5)), stay("inpatient", day(5), id="V2")) == ("readmitted", "readmitted")


def test_each_discharge_of_a_chain_looks_at_the_stay_after_it() -> None:
    told = found(
        inpatient(), stay("inpatient", day(20), day(25), id="V2"), stay("inpatient", day(50), day(60), id="V3")
    )
    assert [outcome(told[f"{v}.ended", "FUH-7"]) for v in ("V1", "V2", "V3")] == ["readmitted", "readmitted", "due"]


def test_a_discharge_into_an_inpatient_stay_that_was_open_already_is_a_transfer() -> None:
    assert of_v1(stay("inpatient", day(-1), None, id="V2")) == ("transferred", "transferred")


def test_an_inpatient_stay_inside_the_one_discharged_takes_nothing_from_it() -> None:
    inside = stay("inpatient", day(-5), day(-3), id="V0")
    told = found(inside, inpatient())
    assert outcome(told["V1.ended", "FUH-7"]) == "due"
    assert outcome(told["V0.ended", "FUH-7"]) == "transferred"


def test_of_two_stays_that_end_at_one_instant_one_counts() -> None:
    told = found(inpatient(), stay("inpatient", day(-2), LEFT, id="V2"))
    assert sorted(outcome(told[f"{v}.ended", "FUH-7"]) for v in ("V1", "V2")) == ["due", "transferred"]


@pytest.mark.parametrize(
    ("begun", "seven"), [(day(0, 16), "non-acute-stay"), (day(30), "non-acute-stay"), (day(31), "due")]
)
def test_a_residential_stay_within_30_days_excludes_the_discharge(begun: datetime, seven: str) -> None:
    assert of_v1(stay("residential", begun))[0] == seven


def test_a_return_to_the_residence_that_waited_excludes_the_discharge() -> None:
    assert of_v1(stay("residential", day(-40)))[0] == "non-acute-stay"


@pytest.mark.parametrize(
    ("kind", "seven"),
    [
        ("home", "due"),
        ("against-advice", "due"),
        ("elopement", "due"),
        ("other", "due"),
        ("unknown", "due"),
        ("transfer", "transferred"),
        ("deceased", "deceased"),
    ],
)
def test_the_disposition_says_whether_a_discharge_counts(kind: str, seven: str) -> None:
    assert of_v1(kind=kind) == (seven, seven)


@pytest.mark.parametrize(("died", "seven"), [(day(9), "deceased"), (day(30), "deceased"), (day(31), "kept by S.begun")])
def test_a_death_within_30_days_excludes_the_discharge(died: datetime, seven: str) -> None:
    assert of_v1(stay("php", day(2), died, id="S", how="discontinued", reason="deceased"))[0] == seven


def test_a_death_is_the_surest_reason() -> None:
    again = stay("inpatient", day(3), day(4), id="V2", kind="deceased")
    told = found(inpatient(), again)
    assert {outcome(w) for w in told.values()} == {"deceased"}


def test_a_clock_that_counts_the_leaving_day_starts_on_it() -> None:
    clock = FollowUpClock(measure="SAME-DAY", levels=(Level.RESIDENTIAL,), first_day=0, last_day=3)
    [window] = windows(episode(stay("residential", day(-9), LEFT)), [clock], SITE.zone)
    assert (window.due_from, window.due_to) == (date(2026, 4, 1), date(2026, 4, 4))


def test_the_same_discharge_and_measure_give_the_same_id_and_others_another() -> None:
    assert follow_up_id("E1", "D1", "FUH-7") == follow_up_id("E1", "D1", "FUH-7")
    made = {follow_up_id(e, d, m) for e in ("E1", "E2") for d in ("D1", "D2") for m in ("FUH-7", "FUH-30")}
    assert len(made) == 8


def test_a_facility_that_the_site_does_not_have_is_refused() -> None:
    with pytest.raises(SetUpError):
        found(inpatient(facility="NOWHERE"))
