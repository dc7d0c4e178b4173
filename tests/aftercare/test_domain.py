"""What is told of windows, and how it is taken back when the episode turns out otherwise."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.aftercare.decisions.own_facts import StatedFacts, as_stored, follow
from services.aftercare.decisions.windows import rows, state_of, wanted
from services.aftercare.windows.measures import windows
from shared.facts.envelope import Fact
from shared.site.config import SAMPLE, load
from tests.aftercare.builders import LEFT, ZONE, content, day, episode, inpatient, stating, stay

SITE = load(SAMPLE)
NOW = LEFT + timedelta(hours=1)
AFTER_7, AFTER_30 = day(8, 0), day(31, 0)
_ids = count()


def tell(
    standing: tuple[Fact, ...], *stays: dict[str, Any], over_by: datetime | None = None, **more: Any
) -> StatedFacts:
    """What is said when the episode has these stays, after what stands."""
    known = episode(*stays, **more)
    ought = wanted(known, windows(known, SITE.follow_ups, SITE.zone), standing, NOW, over_by)
    last = max((s.sequence for s in standing), default=0)
    new_id = lambda: f"fact-{next(_ids)}"  # noqa: E731
    return follow(standing, ought, last, stating(new_id, NOW))


def names(facts: tuple[Fact, ...]) -> list[str]:
    return [f"{f.name} {f.as_json.get('measure') or f.as_json['reason']}" for f in facts]


def states(said: StatedFacts) -> dict[str, str]:
    return {window.measure: state_of(window) for window in rows(said.standing).values()}


def test_a_discharge_is_told_due_at_once_for_each_window_with_its_days() -> None:
    said = tell((), inpatient())
    assert names(said.facts) == ["follow-up-due FUH-7", "follow-up-due FUH-30"]
    [seven, _] = said.facts
    assert (seven.writer, seven.sequence, seven.subject) == ("aftercare", 1, "E1")
    expected = {
        "discharge": "V1.ended",
        "due_from": "2026-04-02",
        "due_to": "2026-04-08",
        "facility": "GOODHEALTH",
        "patient_id": "P1",
        "labels": ["PSY"],
        "derived_from": ["V1.ended"],
        "occurred_at": LEFT.isoformat(),
    }
    assert expected.items() <= seven.as_json.items()


def test_the_same_episode_again_says_nothing() -> None:
    before = tell((), inpatient()).standing
    assert tell(before, inpatient()) == StatedFacts((), (), before)


def test_an_end_told_in_another_offset_is_the_same_end() -> None:
    before = tell((), inpatient()).standing
    utc = inpatient()
    utc["to"] = "2026-04-01T18:00:00Z"
    assert tell(before, utc).facts == ()


@pytest.mark.parametrize("fold", [0, 1])
def test_an_end_in_the_hour_that_the_clocks_go_through_twice_is_told_once(fold: int) -> None:
    """Python holds that such a time equals none with another offset, and rows give times with an offset alone."""
    ended = inpatient(datetime(2026, 11, 1, 1, 30, tzinfo=ZONE, fold=fold))
    stored = tuple(
        as_stored((f.subject, f.sequence, f.id, f.name, f.body.decode(), None)) for f in tell((), ended).facts
    )
    assert tell(stored, ended).facts == ()


def test_a_discharge_taken_back_takes_everything_told_of_it_back() -> None:
    kept_and_missed = tell((), inpatient(), stay("php", day(9), id="S"), over_by=AFTER_7)
    assert states(kept_and_missed) == {"FUH-7": "missed", "FUH-30": "kept"}
    said = tell(kept_and_missed.standing, inpatient(None))
    assert names(said.facts) == ["fact-cancelled discharge-taken-back"] * 4
    assert [f.as_json["cancelled_type"] for f in said.facts] == [
        "care.follow-up-due.v1",
        "care.follow-up-missed.v1",
        "care.follow-up-due.v1",
        "care.follow-up-kept.v1",
    ]
    assert [f.as_json["cancels"] for f in said.facts] == [s.id for s in kept_and_missed.standing]
    assert (said.standing, said.fallen) == ((), (1, 2, 3, 4))


def test_a_discharge_that_is_another_fact_now_has_new_windows() -> None:
    before = tell((), inpatient())
    corrected = inpatient(day(2))
    corrected["ended_by"]["ce_id"] = "V1.ended-2"
    said = tell(before.standing, corrected)
    assert names(said.facts) == [
        "fact-cancelled discharge-taken-back",
        "fact-cancelled discharge-taken-back",
        "follow-up-due FUH-7",
        "follow-up-due FUH-30",
    ]
    assert [f.sequence for f in said.facts] == [3, 4, 5, 6]
    assert not {s.as_json["follow_up_id"] for s in said.standing} & {s.as_json["follow_up_id"] for s in before.standing}


def test_a_visit_is_told_kept_beside_due_with_the_fact_that_shows_it() -> None:
    said = tell(tell((), inpatient()).standing, inpatient(), stay("iop", day(3), id="S"))
    assert names(said.facts) == ["follow-up-kept FUH-7", "follow-up-kept FUH-30"]
    kept = said.facts[0].as_json
    assert (kept["by_fact"], kept["mode"], kept["provider_kind"]) == ("S.begun", "in-person", "iop")
    assert kept["derived_from"] == ["V1.ended", "S.begun"]
    assert states(said) == {"FUH-7": "kept", "FUH-30": "kept"}


def test_an_earlier_visit_that_becomes_known_restates_kept_in_one_step() -> None:
    before = tell((), inpatient(), stay("php", day(5), id="S"))
    said = tell(before.standing, inpatient(), stay("php", day(5), id="S"), stay("outpatient", day(2), id="T"))
    assert names(said.facts) == ["follow-up-kept FUH-7", "follow-up-kept FUH-30"]
    kept = [s for s in before.standing if s.name == "follow-up-kept"]
    assert [f.as_json["replaces"] for f in said.facts] == [s.id for s in kept]
    assert states(said) == {"FUH-7": "kept", "FUH-30": "kept"}


def test_a_readmission_takes_due_back_and_states_excluded_and_its_cancel_gives_due_again() -> None:
    before = tell((), inpatient())
    again = tell(before.standing, inpatient(), stay("inpatient", day(5), id="V2"))
    assert names(again.facts) == [
        "fact-cancelled corrected",
        "fact-cancelled corrected",
        "follow-up-excluded FUH-7",
        "follow-up-excluded FUH-30",
    ]
    gone = tell(again.standing, inpatient())
    assert names(gone.facts)[2:] == ["follow-up-due FUH-7", "follow-up-due FUH-30"]
    assert states(gone) == {"FUH-7": "due", "FUH-30": "due"}


def test_patients_merged_restate_what_stands_under_the_surviving_one() -> None:
    before = tell((), inpatient())
    said = tell(before.standing, inpatient(), patient_id="P2")
    assert [f.as_json["replaces"] for f in said.facts] == [s.id for s in before.standing]
    assert {s.as_json["patient_id"] for s in said.standing} == {"P2"}


@pytest.mark.parametrize(
    ("over_by", "told"),
    [
        (AFTER_7 - timedelta(seconds=1), []),
        (AFTER_7, ["follow-up-missed FUH-7"]),
        (AFTER_30 - timedelta(seconds=1), ["follow-up-missed FUH-7"]),
        (AFTER_30, ["follow-up-missed FUH-7", "follow-up-missed FUH-30"]),
    ],
)
def test_missed_is_told_when_the_last_day_is_over(over_by: datetime, told: list[str]) -> None:
    assert names(tell(tell((), inpatient()).standing, inpatient(), over_by=over_by).facts) == told


def test_missed_happened_when_the_window_was_over_not_when_the_timer_looked() -> None:
    said = tell(tell((), inpatient()).standing, inpatient(), over_by=AFTER_7 + timedelta(days=3))
    assert said.facts[0].as_json["occurred_at"] == AFTER_7.isoformat()


def test_without_a_timer_nothing_is_missed_and_what_was_missed_stays_so() -> None:
    due = tell((), inpatient())
    assert states(due) == {"FUH-7": "due", "FUH-30": "due"}
    missed = tell(due.standing, inpatient(), over_by=AFTER_7)
    assert tell(missed.standing, inpatient()).facts == ()


def test_a_visit_that_becomes_known_late_takes_missed_back() -> None:
    missed = tell((), inpatient(), over_by=AFTER_7)
    said = tell(missed.standing, inpatient(), stay("php", day(6), id="S"))
    assert names(said.facts) == ["fact-cancelled corrected", "follow-up-kept FUH-7", "follow-up-kept FUH-30"]


def test_a_missed_window_whose_days_change_is_due_again() -> None:
    missed = tell((), inpatient(), over_by=AFTER_7)
    later = inpatient(day(2))  # the same fact; its facility's zone or the site's clock was mended, say
    said = tell(missed.standing, later)
    assert names(said.facts) == ["fact-cancelled corrected", "follow-up-due FUH-7", "follow-up-due FUH-30"]
    assert states(said) == {"FUH-7": "due", "FUH-30": "due"}


_DAYS = st.integers(-12, 45)
_STAYS = st.lists(
    st.builds(
        lambda level, begun, length, open_, kind, n: stay(
            level, day(begun), None if open_ else day(begun + length, 15), id=f"S{n}", kind=kind
        ),
        st.sampled_from(["inpatient", "inpatient", "residential", "php", "iop", "outpatient", None]),
        _DAYS,
        st.integers(0, 12),
        st.booleans(),
        st.sampled_from(["home", "home", "transfer", "deceased"]),
        st.integers(0, 3),
    ),
    max_size=4,
    unique_by=lambda s: s["id"],
)


@given(st.lists(st.tuples(_STAYS, st.none() | st.integers(0, 60)), min_size=1, max_size=6))
def test_along_any_way_the_facts_that_stand_are_those_of_the_last_document(
    way: list[tuple[list[dict[str, Any]], int | None]],
) -> None:
    standing: tuple[Fact, ...] = ()
    every: list[Fact] = []
    for stays, looked in way:
        said = tell(standing, *stays, over_by=None if looked is None else day(looked))
        standing = said.standing
        every += said.facts
    last = episode(*way[-1][0])
    due = windows(last, SITE.follow_ups, SITE.zone)
    assert contents(standing) == [content(f) for f in ordered(wanted(last, due, standing, NOW))]
    assert without_missed(standing) == [content(f) for f in ordered(wanted(last, due, (), NOW))]
    gone = {f.as_json.get("cancels") or f.as_json.get("replaces") for f in every}
    assert {s.id for s in standing} == {f.id for f in every if f.name != "fact-cancelled"} - gone


def ordered(facts: Any) -> list[Any]:
    return sorted(facts, key=lambda f: (f.follow_up_id, f.TYPE))


def contents(standing: Any) -> list[dict[str, Any]]:
    return [content(s.value) for s in sorted(standing, key=lambda s: (s.value.follow_up_id, s.name))]


def without_missed(standing: Any) -> list[dict[str, Any]]:
    return contents(s for s in standing if s.name != "follow-up-missed")
