"""What goes out when the periods change: versions, ids, voids (contract 4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from msgspec import json

from services.placement.billing.difference import difference, sent_after
from services.placement.billing.model import PeriodChange, PeriodKey, SentPeriod
from services.placement.continuum.model import Ending, Folded
from shared.events import BILLING, billing_type
from shared.events.base import Disposition
from shared.events.billing import PeriodContent
from shared.events.published import as_json
from tests.placement.period_builders import at, attended, covered, derived, episode, stay

OPEN = episode(stay("s", ("03-02 14:00", "inpatient")))
ENDED = episode(stay("s", ("03-02 14:00", "inpatient"), end="03-05 11:00", code="01"))
NOTHING = episode()
Sent = dict[PeriodKey, SentPeriod]


def _steps(*steps: Folded) -> list[list[PeriodChange]]:
    """The changes of each step, every one a valid published value."""
    sent: Sent = {}
    found = []
    for folded in steps:
        changes = difference(sent, derived(folded))
        for change in changes:
            kind = BILLING[billing_type(change.name)]
            assert type(change.value) is kind
            assert as_json(json.decode(json.encode(change.value), type=kind)) == as_json(change.value)
        sent = sent_after(sent, changes)
        found.append(changes)
    return found


def _told(changes: list[PeriodChange]) -> list[tuple[str, int]]:
    return [(change.name.removeprefix("service-period-"), change.value.version) for change in changes]


@pytest.mark.parametrize(
    ("why", "steps", "expected"),
    [
        ("opened", [OPEN], [[("opened", 1)]]),
        ("nothing new, nothing out", [OPEN, OPEN], [[("opened", 1)], []]),
        ("closed when the end comes", [OPEN, ENDED], [[("opened", 1)], [("closed", 2)]]),
        ("first seen with its end", [ENDED], [[("opened", 1), ("closed", 2)]]),
        (
            "a cancelled discharge (A13) amends it to open, and the next one closes it again",
            [OPEN, ENDED, OPEN, ENDED],
            [[("opened", 1)], [("closed", 2)], [("amended", 3)], [("closed", 4)]],
        ),
        ("a cancelled admission (A11) voids it", [OPEN, NOTHING], [[("opened", 1)], [("voided", 2)]]),
        ("a void is final", [OPEN, NOTHING, NOTHING], [[("opened", 1)], [("voided", 2)], []]),
        ("what returns is opened anew", [OPEN, NOTHING, OPEN], [[("opened", 1)], [("voided", 2)], [("opened", 1)]]),
    ],
)
def test_the_versions_of_a_period(why: str, steps: list[Folded], expected: list[list[tuple[str, int]]]) -> None:
    assert [_told(changes) for changes in _steps(*steps)] == expected, why


def test_a_period_keeps_its_id_through_its_versions_and_gets_a_new_one_after_a_void() -> None:
    opened, closed, voided, again = (as_json(one[0].value) for one in _steps(OPEN, ENDED, NOTHING, OPEN))
    assert opened["period_id"] == closed["period_id"] == voided["period_id"]
    assert again["period_id"] != opened["period_id"]
    assert again["supersedes"] == opened["period_id"]
    assert (voided["reason"], again["reason"]) == ("taken-back", "returned")


def test_the_same_facts_give_the_same_id_anywhere() -> None:
    assert _steps(OPEN)[0][0].value.period_id == _steps(NOTHING, OPEN)[1][0].value.period_id


def test_a_change_says_what_was_and_what_is() -> None:
    _, (closed,), (amended,) = _steps(OPEN, ENDED, OPEN)
    assert as_json(closed.value)["changed"] == {
        "end_date": [None, "2026-03-05"],
        "discharged_at": [None, "2026-03-05T11:00:00-05:00"],
        "patient_status": ["30", "01"],
    }
    assert as_json(amended.value)["changed"]["end_date"] == ["2026-03-05", None]
    assert amended.value.reason == "reopened"
    assert "end_date" not in as_json(amended.value)


def test_a_period_first_seen_with_its_end_says_it_in_both_versions() -> None:
    opened, closed = (as_json(change.value) for change in _steps(ENDED)[0])
    assert opened["end_date"] == closed["end_date"] == "2026-03-05"
    assert closed["changed"] == {}


def test_an_end_that_moves_is_an_amendment() -> None:
    later = episode(stay("s", ("03-02 14:00", "inpatient"), end="03-07 11:00", code="01"))
    assert _told(_steps(ENDED, later)[1]) == [("amended", 3)]


@pytest.mark.parametrize("hour", ["05:30", "06:30"])
def test_a_bill_read_from_its_row_is_the_same_in_the_hour_that_autumn_has_twice(hour: str) -> None:
    """1:30 in New York on 1 November is two instants, and datetimes of a zone are equal to no other in that hour."""
    begun, end = (datetime.fromisoformat(f"2026-{day}T{hour}+00:00") for day in ("10-20", "11-01"))
    told = stay("s", ("10-20 01:00", "inpatient"))
    ended = Ending(end, "discharged", "s-end", Disposition(code="01", kind="home"))
    folded = episode(replace(told, segments=(replace(told.segments[0], since=begun),), ended=ended))
    sent = sent_after({}, difference({}, derived(folded)))
    kept = {
        key: replace(one, content=json.decode(json.encode(one.content), type=PeriodContent))
        for key, one in sent.items()
    }
    assert difference(kept, derived(folded)) == []


def test_one_more_attended_day_is_an_amendment_of_that_period_alone() -> None:
    before = episode(stay("a", ("03-02", "iop")), stay("b", ("03-02 10:00", "outpatient")))
    after = episode(stay("a", ("03-02", "iop"), sessions=[attended("03-04")]), stay("b", ("03-02 10:00", "outpatient")))
    (change,) = _steps(before, after)[1]
    assert change.name == "service-period-amended"
    assert list(change.value.changed) == ["days"]


def test_a_change_of_payer_closes_one_and_opens_the_next() -> None:
    told = episode(OPEN.stays[0], coverage=[covered("03-01", "ACME")])
    changed = episode(OPEN.stays[0], coverage=[covered("03-01", "ACME"), covered("03-04", "MEDICAID")])
    assert _told(_steps(told, changed)[1]) == [("closed", 2), ("opened", 1)]


def test_a_stretch_that_takes_the_place_of_another_supersedes_it() -> None:
    told = OPEN.stays[0]
    other = replace(told, segments=(replace(told.segments[0], fact="new", root="new"),))
    voided, opened = (as_json(change.value) for change in _steps(OPEN, episode(other))[1])
    assert opened["supersedes"] == voided["period_id"]
    assert voided["reason"] == "replaced"


def test_what_a_period_supersedes_stays_in_its_later_versions() -> None:
    steps = _steps(OPEN, NOTHING, OPEN, ENDED)
    assert steps[3][0].value.supersedes == steps[0][0].value.period_id


def test_a_restated_start_amends_and_does_not_void() -> None:
    told = OPEN.stays[0]
    earlier = replace(told, segments=(replace(told.segments[0], since=at("03-01 09:00"), fact="again"),))
    assert _told(_steps(OPEN, episode(earlier))[1]) == [("amended", 2)]
