"""The rows of a site's windows: which discharges open one, what keeps it; random cases against a naive oracle."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.aftercare.decisions.windows import Excluded, KeptWindow, Window
from services.aftercare.windows.measures import windows
from services.placement.continuum.document import episode_state
from shared.events.levels import Level
from shared.facts.envelope import Fact
from shared.site.config import SAMPLE, load
from shared.site.measures import CountedStay, Exclusion, FollowUpClock, among
from tests import builders as tell
from tests.aftercare.builders import LEFT, ZONE, day, episode, inpatient, stay

SITE = load(SAMPLE)
SEVEN, THIRTY = SITE.follow_ups


def attended(*days: int, mode: str = "in-person", kind: str | None = None) -> dict[str, Any]:
    told = {"mode": mode} | ({"provider_kind": kind} if kind else {})
    return {"attended": [{"date": day(each).date().isoformat()} | told for each in days]}


def of_v1(*stays: dict[str, Any], clock: FollowUpClock = SEVEN) -> Window | None:
    found = windows(episode(*stays), [clock], SITE.zone)
    return next((window for window in found if window.discharge == "V1.ended"), None)


def said(window: Window | None) -> str:
    match window.outcome if window else "opens none":
        case Excluded(reason, _):
            return reason
        case KeptWindow(at, kind, by, mode):
            return f"{(at.date() - LEFT.date()).days} {kind} {mode}" + (f" by {by}" if by else "")
        case None:
            return "due"
        case other:
            return str(other)


@pytest.mark.parametrize(
    ("told", "seven", "thirty"),
    [
        pytest.param(stay("php", day(0, 16), id="S"), "due", "due", id="began that day, attendance not told"),
        pytest.param(stay("php", day(0, 16), id="S") | attended(1, 2), *["1 php in-person"] * 2, id="ADT at 16:00"),
        pytest.param(stay("php", day(0, 0), id="S") | attended(1), *["1 php in-person"] * 2, id="desk, the whole day"),
        pytest.param(stay("iop", day(-30), id="S") | attended(2), *["2 iop in-person"] * 2, id="waited, resumed"),
        pytest.param(stay("php", day(0, 16), id="S") | attended(0), "due", "due", id="attended that day alone"),
        pytest.param(stay("php", day(0, 16), id="S") | attended(7), *["7 php in-person"] * 2, id="the last day"),
        pytest.param(stay("php", day(0, 16), id="S") | attended(8), "due", "8 php in-person", id="a day late"),
        pytest.param(stay("php", day(0, 16), id="S") | attended(31), "due", "due", id="long after"),
        pytest.param(
            stay("iop", day(0, 16), id="S") | attended(3, mode="telehealth", kind="peer"), *["3 peer telehealth"] * 2,
            id="by video with a peer",
        ),
        pytest.param(
            stay("php", day(2), id="S") | attended(2, 3, mode="telehealth"), *["2 php telehealth by S.begun"] * 2,
            id="the first day, as it was",
        ),
        pytest.param(
            stay("php", day(0, 16), day(0, 17), id="S", how="discontinued", reason="lost-contact"), "due", "due",
            id="begun and over that day",
        ),
    ],
)  # fmt: skip
def test_a_step_down_of_the_same_day_is_seen_by_days_attended(told: dict[str, Any], seven: str, thirty: str) -> None:
    assert (said(of_v1(inpatient(), told)), said(of_v1(inpatient(), told, clock=THIRTY))) == (seven, thirty)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param({}, "due", id="nothing is told"),
        pytest.param({"labels": ["PSY"], "age_years": 34, "payer": "ACME"}, "due", id="psychiatric"),
        pytest.param({"setting": "withdrawal-management", "labels": ["SUD", "PART2"]}, "opens none", id="detox"),
        pytest.param({"setting": "crisis-stabilization"}, "due", id="crisis stabilization"),
        pytest.param({"age_years": 3}, "opens none", id="three years old"),
        pytest.param({"age_years": 5}, "opens none", id="five"),
        pytest.param({"age_years": 6}, "due", id="six"),
        pytest.param({"diagnosis": {"system": "I10", "code": "F33.2"}}, "due", id="depression"),
        pytest.param({"diagnosis": {"system": "I10", "code": "F332"}}, "due", id="depression, without its dot"),
        pytest.param({"diagnosis": {"system": "ICD-10-CM", "code": "T14.91XA"}}, "due", id="suicide attempt"),
        pytest.param({"diagnosis": {"system": "unknown", "code": "J18.9"}}, "opens none", id="pneumonia"),
        pytest.param({"diagnosis": {"system": "I10", "code": "F11.20"}}, "opens none", id="opioids"),
        pytest.param({"diagnosis": {"system": "I9C", "code": "296.33"}}, "due", id="another system says nothing"),
    ],
)
def test_detox_a_small_child_and_a_medical_stay_open_no_window(more: dict[str, Any], expected: str) -> None:
    assert said(of_v1(inpatient() | more)) == expected


def test_a_medical_readmission_excludes_the_discharge_before_it_and_opens_none_of_its_own() -> None:
    medical = stay("inpatient", day(4), day(9), id="V2") | {"diagnosis": {"system": "I10", "code": "I21.9"}}
    found = windows(episode(inpatient(), medical), SITE.follow_ups, SITE.zone)
    assert {(w.discharge, said(w)) for w in found} == {("V1.ended", "readmitted")}


NEWER = SEVEN.model_copy(
    update={
        "excluded": (
            *SEVEN.excluded[:-1],
            Exclusion(reason="non-acute-stay", next_levels=(Level.RESIDENTIAL,), labels=("SUD",)),
        ),
        "stays": (*SEVEN.stays, CountedStay(levels=(Level.RESIDENTIAL,), labels=("PSY",))),
    }
)
"""Psychiatric residential care keeps the window, recovery residences exclude it."""


@pytest.mark.parametrize(
    ("begun", "until", "labels", "older", "newer"),
    [
        (day(1), None, ["PSY"], "non-acute-stay", "1 residential in-person by S.begun"),
        (day(0, 16), None, ["PSY"], "non-acute-stay", "1 residential in-person by S.begun"),
        (day(-40), None, ["PSY"], "non-acute-stay", "1 residential in-person by S.begun"),
        (day(0, 16), day(0, 20), ["PSY"], "non-acute-stay", "due"),
        (day(1), None, ["PART2", "SUD"], "non-acute-stay", "non-acute-stay"),
        (day(1), None, None, "non-acute-stay", "due"),
    ],
)
def test_whether_a_residence_keeps_a_window_or_excludes_it_is_the_sites_to_say(
    begun: datetime, until: datetime | None, labels: list[str] | None, older: str, newer: str
) -> None:
    told = stay("residential", begun, until, id="S") | ({"labels": labels} if labels else {})
    assert (said(of_v1(inpatient(), told)), said(of_v1(inpatient(), told, clock=NEWER))) == (older, newer)


def test_a_row_may_ask_how_and_by_whom_a_day_was_attended() -> None:
    in_person = SEVEN.model_copy(
        update={"stays": (CountedStay(levels=(Level.PHP,), modes=("in-person",), provider_kinds=("therapist",)),)}
    )
    for days, expected in (
        (attended(1, mode="phone"), "due"),
        (attended(1, kind="peer"), "due"),
        (attended(1, kind="therapist"), "1 therapist in-person"),
        (attended(1), "1 php in-person"),
    ):
        assert said(of_v1(inpatient(), stay("php", day(0, 16)) | days, clock=in_person)) == expected


def test_a_row_for_substance_use_is_opened_by_what_the_other_leaves_out() -> None:
    clock = FollowUpClock.model_validate(
        {"measure": "FUI-7", "levels": ["inpatient", "residential"], "labels": ["SUD"], "diagnoses": ["F10-F19"],
         "settings": ["withdrawal-management"], "last_day": 7}
    )  # fmt: skip
    detox = {"setting": "withdrawal-management", "labels": ["SUD"], "diagnosis": {"system": "I10", "code": "F10.230"}}
    assert said(of_v1(inpatient() | detox, clock=clock)) == "due"
    assert said(of_v1(inpatient() | {"labels": ["PSY"]}, clock=clock)) == "opens none"


@pytest.mark.parametrize(
    ("code", "asked", "among_them"),
    [
        ("F20", "F20-F99", True), ("F99.9", "F20-F99", True), ("F19.9", "F20-F99", False), ("G00", "F20-F99", False),
        ("f33.2", "F33", True), ("F33.2", "F33.2", True), ("F33.21", "F33.2", True), ("F33.1", "F33.2", False),
        ("", "F20-F99", False),
    ],
)  # fmt: skip
def test_a_code_is_among_a_chapter_or_a_beginning(code: str, asked: str, among_them: bool) -> None:
    assert among(code, (asked,)) is among_them


HOSPITAL = (tell.admitted("2026-03-02 10:00"), tell.discharged("2026-03-09 10:00"))
BY_ADT = tell.admitted("2026-03-09 13:00", visit="V2", level="php")
AT_THE_DESK = tell.started("2026-03-09", placement="P1", level="php", program="GH-PHP1")
FOUR_DAYS = ("2026-03-10", "2026-03-11", "2026-03-12", "2026-03-13")


@pytest.mark.parametrize(
    "start",
    [
        pytest.param([BY_ADT], id="the hospital says it"),
        pytest.param([AT_THE_DESK], id="the desk says the day"),
        pytest.param([BY_ADT, tell.started("2026-03-09", level="php", corroborates=BY_ADT)], id="both"),
        pytest.param([tell.started("2026-03-05", level="php")], id="begun before the discharge"),
        pytest.param([tell.started("2026-02-01", level="iop")], id="begun before the admission"),
    ],
)
@pytest.mark.parametrize(("days", "expected"), [(FOUR_DAYS, "kept"), (FOUR_DAYS[:0], "due"), (("2026-03-09",), "due")])
def test_by_whichever_door_the_step_down_came_the_days_attended_decide(
    start: list[Fact], days: tuple[str, ...], expected: str
) -> None:
    placement = not (len(start) == 1 and start[0] is BY_ADT)
    there = [tell.attended(one, **({"placement": "P1"} if placement else {"visit": "V2"})) for one in days]
    document = episode_state(tell.folded(*HOSPITAL, *start, *there), {}, 1, tell.PLACES)
    found = windows(document, SITE.follow_ups, SITE.zone)
    assert ["kept" if isinstance(one.outcome, KeptWindow) else said(one) for one in found] == [expected, expected]


WHO = [
    {},
    {"age_years": 5},
    {"age_years": 6},
    {"setting": "withdrawal-management"},
    {"diagnosis": {"system": "I10", "code": "F20.0"}},
    {"diagnosis": {"system": "I10", "code": "J18.9"}},
]
LEVELS = ["inpatient", "inpatient", "residential", "php", "iop", "outpatient", None]
_STAYS = st.lists(
    st.builds(
        lambda level, begun, hour, length, open_, kind, days, more: (
            stay(level, day(begun, hour), None if open_ else day(begun + length, 23), kind=kind)
            | attended(*sorted(days))
            | (more if level == "inpatient" else {})
        ),
        st.sampled_from(LEVELS),
        st.integers(-4, 34),
        st.integers(0, 22),
        st.integers(0, 9),
        st.booleans(),
        st.sampled_from(["home", "home", "unknown", "against-advice", "transfer", "custody", "hospice", "deceased"]),
        st.sets(st.integers(-3, 34), max_size=3),
        st.sampled_from(WHO),
    ),
    max_size=4,
)


@given(_STAYS, st.sampled_from(WHO), st.sampled_from(["home", "transfer"]))
def test_every_window_is_what_going_through_its_days_one_by_one_gives(
    others: list[dict[str, Any]], who: dict[str, Any], kind: str
) -> None:
    others = [one | {"id": f"S{n}", "begun_by": f"S{n}.begun"} for n, one in enumerate(others)]
    stays = [inpatient(kind=kind) | who, *others]
    for clock in SITE.follow_ups:
        assert said(of_v1(*stays, clock=clock)).partition(" ")[0] == by_days(stays, clock.last_day), clock.measure


def by_days(stays: list[dict[str, Any]], last: int) -> str:
    """FUH of the first stay as the sample means it, as naively as may be: `opens`, a reason, a day, due."""
    left, others, who = stays[0], stays[1:], stays[0]
    if who.get("age_years") == 5 or "setting" in who or who.get("diagnosis", {}).get("code") == "J18.9":
        return "opens"
    numbers = range(31)
    if any(_died(one) and _left_on(one) <= 30 for one in stays):  # one told before the discharge holds too
        return "deceased"
    if left["ended_by"]["disposition"]["kind"] == "transfer":
        return "transferred"
    going_on = [one for one in others if "to" not in one or _at(one["to"]) > LEFT]
    for n in numbers:
        if any(one.get("level") == "inpatient" and max(0, _day(one["from"])) == n for one in going_on):
            return "readmitted" if n else "transferred"
    if any(one.get("level") == "residential" and _day(one["from"]) <= 30 for one in going_on):
        return "non-acute-stay"
    for n in range(1, last + 1):
        for one in others:
            if one.get("level") in {"php", "iop", "outpatient"} and (_day(one["from"]) == n or n in _attended(one)):
                return str(n)
    return "due"


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _day(text: str) -> int:
    return (_at(text).astimezone(ZONE).date() - LEFT.date()).days


def _left_on(one: dict[str, Any]) -> int:
    return (_at(one["to"]) - timedelta(seconds=1) - LEFT.replace(hour=0)).days if "to" in one else -1


def _died(one: dict[str, Any]) -> bool:
    return "to" in one and one["ended_by"].get("disposition", {}).get("kind") == "deceased"


def _attended(one: dict[str, Any]) -> set[int]:
    return {(date.fromisoformat(each["date"]) - LEFT.date()).days for each in one["attended"]}
