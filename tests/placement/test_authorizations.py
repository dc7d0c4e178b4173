"""Authorizations burn down by what was given, warn on the period, and stand as the payer said last."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.placement.billing.authorizations import EXHAUSTED, MISSING
from services.placement.billing.model import Period
from services.placement.billing.payer_rules import PayerRules
from services.placement.billing.periods import periods
from services.placement.continuum.model import Folded
from shared.events.billing import PeriodOpened
from shared.events.levels import Level
from shared.events.published import read_as_struct
from shared.facts.envelope import Fact
from shared.site.config import SAMPLE, load
from tests import builders as tell
from tests.placement.period_builders import billed, content_of


def acme_asks(payer: str, level: str) -> bool:
    """One payer that wants to be asked for everything above outpatient."""
    return payer == "ACME" and level != "outpatient"


def billed_of(folded: Folded) -> tuple[Period, ...]:
    """The periods with that payer."""
    return periods(folded, tell.zone_of, billed, PayerRules(needs_authorization=acme_asks))


def iop(*more: Fact, days: tuple[str, ...] = ("2026-03-10", "2026-03-12", "2026-03-14"), **session: Any) -> Period:
    """An IOP stay from 10 March, paid by ACME, with attended days; its only period."""
    came = [tell.attended(day, **session) for day in days]
    cover = tell.covered("2026-03-01 09:00", payer="ACME", effective="2026-03-01")
    (period,) = billed_of(tell.folded(cover, tell.started("2026-03-10"), *came, *more))
    read_as_struct(PeriodOpened, content_of(period) | {"period_id": "p", "version": 1, "changed": {}})
    return period


def shown(period: Period) -> list[tuple[str, int | None, int]]:
    """[(number, units authorized, units used)]."""
    return [
        (one["number"], one.get("units_authorized"), one["units_used"]) for one in content_of(period)["authorizations"]
    ]


def words(period: Period) -> set[str]:
    """The warnings about authorizations."""
    return {MISSING, EXHAUSTED} & set(content_of(period)["warnings"])


HOUR_AND_A_HALF = [{"kind": "group", "units": 1, "minutes": 90}]


@pytest.mark.parametrize(
    ("told", "used", "warned"),
    [
        ([], [], {MISSING}),
        ([{}], [("no-A1", 5, 3)], set()),
        ([{"units": 3}], [("no-A1", 3, 3)], set()),
        ([{"units": 2}], [("no-A1", 2, 2)], {EXHAUSTED}),
        ([{"units": None}], [("no-A1", None, 3)], set()),
        ([{"unit": "session"}], [("no-A1", 5, 3)], set()),
        ([{"unit": "hour"}], [("no-A1", 5, 5)], set()),
        ([{"unit": "hour", "units": 4}], [("no-A1", 4, 4)], {EXHAUSTED}),
        ([{"level": "php"}], [], {MISSING}),
        ([{"payer": "MEDICAID"}], [], {MISSING}),
        ([{"begins": "2026-03-11"}], [("no-A1", 5, 2)], {MISSING}),
        ([{"to": "2026-03-14"}], [("no-A1", 5, 3)], set()),
        ([{"to": "2026-03-13"}], [("no-A1", 5, 2)], {MISSING}),
        ([{"to": "2026-03-09"}], [], {MISSING}),
        ([{"units": 2}, {"auth": "A2"}], [("no-A1", 2, 2), ("no-A2", 5, 1)], set()),
        ([{}, {"auth": "A2", "to": "2026-03-12"}], [("no-A2", 5, 2), ("no-A1", 5, 1)], set()),
        ([{"unit": "hour", "units": 1}, {"auth": "A2", "to": "2026-04-30"}], [("no-A1", 1, 1), ("no-A2", 5, 3)], set()),
    ],
)
def test_attended_days_burn_what_is_allowed_and_the_earliest_to_expire_first(
    told: list[dict[str, Any]], used: list[tuple[str, int | None, int]], warned: set[str]
) -> None:
    period = iop(*(tell.authorization(**one) for one in told), services=HOUR_AND_A_HALF)
    assert shown(period) == used
    assert words(period) == warned


@pytest.mark.parametrize(
    ("moves", "units"),
    [
        (["requested"], None),
        (["requested", "pended", "denied"], None),
        (["requested", "pended", "approved"], 5),
        (["approved", "requested"], 5),
        (["approved", "denied"], 5),
        (["approved", "extended"], 5),
        (["extended"], 5),
        (["ended"], None),
        (["approved", "ended"], 5),
    ],
)
def test_what_was_allowed_stays_allowed_while_more_is_asked_for(moves: list[str], units: int | None) -> None:
    told = [tell.authorization(move, f"2026-03-09 {10 + n}:00") for n, move in enumerate(moves)]
    assert [limit for _, limit, _ in shown(iop(*told))] == ([] if units is None else [units])


def test_an_extension_says_the_whole_and_a_request_for_more_changes_nothing() -> None:
    first = tell.authorization(units=2, when="2026-03-09 10:00")
    asked = tell.authorization("requested", units=9, when="2026-03-12 10:00")
    assert shown(iop(first, asked)) == [("no-A1", 2, 2)]
    more = tell.authorization("extended", units=9, to="2026-04-30", when="2026-03-13 10:00")
    period = iop(first, asked, more)
    assert (shown(period), words(period)) == ([("no-A1", 9, 3)], set())


def test_an_authorization_that_ended_early_leaves_later_days_without_one() -> None:
    ended = tell.authorization("ended", "2026-03-13 10:00", to="2026-03-12")
    assert words(iop(tell.authorization(), ended)) == {MISSING}


def test_an_authorization_taken_back_was_never_there() -> None:
    approved = tell.authorization()
    assert words(iop(approved, tell.cancelled(approved))) == {MISSING}


def test_a_missed_session_burns_nothing() -> None:
    period = iop(tell.authorization(), tell.absent("2026-03-16"))
    assert shown(period) == [("no-A1", 5, 3)]


def test_two_sessions_of_a_day_are_one_day_and_two_sessions() -> None:
    again = tell.attended("2026-03-10", session="second")
    assert shown(iop(tell.authorization(), again)) == [("no-A1", 5, 3)]
    assert shown(iop(tell.authorization(unit="session"), again)) == [("no-A1", 5, 4)]


def test_nothing_is_missing_where_the_payer_does_not_ask() -> None:
    folded = tell.folded(tell.started("2026-03-10"), tell.attended("2026-03-10"))
    assert [words(one) for one in billed_of(folded)] == [set()]
    paid = tell.covered("2026-03-01 09:00", payer="SELF", effective="2026-03-01")
    assert [words(one) for one in billed_of(tell.folded(paid, tell.started("2026-03-10")))] == [set()]


def test_a_change_of_payer_ends_what_the_first_one_allowed() -> None:
    first = tell.covered("2026-03-01 09:00", payer="ACME", effective="2026-03-01")
    second = tell.covered("2026-03-12 09:00", payer="SELF", effective="2026-03-12")
    came = [tell.attended(day) for day in ("2026-03-10", "2026-03-12", "2026-03-14")]
    before, after = billed_of(tell.folded(first, second, tell.started("2026-03-10"), *came, tell.authorization()))
    assert (shown(before), words(before)) == ([("no-A1", 5, 1)], set())
    assert (shown(after), words(after)) == ([], set())


@pytest.mark.parametrize(("units", "used", "warned"), [(7, 7, set()), (6, 6, {EXHAUSTED}), (10, 7, set())])
def test_each_counted_day_of_a_24_hour_stay_burns_once_it_has_ended(units: int, used: int, warned: set[str]) -> None:
    cover = tell.covered("2026-03-01 09:00", payer="ACME", effective="2026-03-01")
    allowed = tell.authorization(level="inpatient", units=units, begins="2026-03-02", when="2026-03-02 11:00")
    told = [cover, tell.admitted("2026-03-02 10:00"), allowed]
    (still_open,) = billed_of(tell.folded(*told))
    assert (shown(still_open), words(still_open)) == ([("no-A1", units, 0)], set())
    (left,) = billed_of(tell.folded(*told, tell.discharged("2026-03-09 14:00")))
    assert (shown(left), words(left)) == ([("no-A1", units, used)], warned)


def test_days_away_from_a_24_hour_stay_burn_nothing() -> None:
    cover = tell.covered("2026-03-01 09:00", payer="ACME", effective="2026-03-01")
    allowed = tell.authorization(level="inpatient", units=9, begins="2026-03-02", when="2026-03-02 11:00")
    away = (tell.leave_started("2026-03-04 09:00"), tell.leave_ended("2026-03-06 18:00"))
    (left,) = billed_of(tell.folded(cover, tell.admitted(), allowed, *away, tell.discharged("2026-03-09 14:00")))
    assert shown(left) == [("no-A1", 9, 5)]


def test_a_certification_shows_on_the_periods_that_share_its_days() -> None:
    of_the_stay = tell.certified(stay=("placement", "P1"))
    of_another = tell.certified(stay=("placement", "P9"))
    of_all = tell.certified(begins="2026-03-01", to="2026-03-10", kind="recertification")
    too_early = tell.certified(begins="2026-03-01", to="2026-03-09")
    period = iop(of_the_stay, of_another, of_all, too_early)
    assert [(one["kind"], one["from"]) for one in content_of(period)["certifications"]] == [
        ("recertification", "2026-03-01"),
        ("initial", "2026-03-10"),
    ]


FIRST = date(2026, 3, 10)
DAYS = st.integers(0, 20).map(lambda number: FIRST + timedelta(days=number))


@st.composite
def burning(draw: st.DrawFn) -> tuple[list[date], list[tuple[date, date, int]]]:
    """Attended days, and authorizations by day: (from, to, units)."""
    came = sorted(draw(st.sets(DAYS, max_size=8)))
    spans = st.tuples(DAYS, st.integers(0, 12), st.integers(0, 4))
    allowed = draw(st.lists(spans, max_size=3))
    return came, [(since, since + timedelta(days=length), units) for since, length, units in allowed]


@given(burning())
def test_a_day_burns_one_unit_of_the_first_to_expire_or_warns(
    drawn: tuple[list[date], list[tuple[date, date, int]]],
) -> None:
    """The oracle burns day by day with plain counters."""
    came, allowed = drawn
    told = [
        tell.authorization(auth=f"A{n}", begins=since.isoformat(), to=to.isoformat(), units=units)
        for n, (since, to, units) in enumerate(allowed)
    ]
    period = iop(*told, days=tuple(day.isoformat() for day in came))
    left = {n: units for n, (_, _, units) in enumerate(allowed)}
    warned = set() if any(since <= FIRST <= to for since, to, _ in allowed) else {MISSING}
    for day in came:
        fitting = sorted((to, since, n) for n, (since, to, _) in enumerate(allowed) if since <= day <= to)
        burning_now = next((n for _, _, n in fitting if left[n]), None)
        if burning_now is not None:
            left[burning_now] -= 1
        else:
            warned.add(EXHAUSTED if fitting else MISSING)
    used = {number: used for number, _, used in shown(period)}
    assert used == {f"no-A{n}": units - left[n] for n, (_, to, units) in enumerate(allowed) if to >= FIRST}
    assert words(period) == warned


def test_a_site_says_which_payer_wants_to_be_asked_first() -> None:
    sample = load(SAMPLE)
    asked = [p.model_copy(update={"authorizes": (Level.PHP,)}) if p.id == "ACME" else p for p in sample.payers]
    site = sample.model_copy(update={"payers": tuple(asked)})
    assert site.needs_authorization("acme", "php")
    assert not site.needs_authorization("ACME", "outpatient")
    assert not site.needs_authorization("SELF", "php")
    assert not site.needs_authorization("nobody", "php")
