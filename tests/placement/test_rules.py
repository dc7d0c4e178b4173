"""Contract 3.5 and 3.6, rule by rule, as sentences about one patient."""

from __future__ import annotations

from itertools import permutations

import pytest

from services.placement.continuum.fold import advance, fold
from services.placement.continuum.model import Folded, Span
from shared.events.envelope import Fact
from tests import builders as tell


def every_order(*facts: Fact) -> Folded:
    """The fold of these facts, the same in every order of arrival."""
    story = tell.a_story(*facts)
    found = fold(story, tell.zone_of)
    for order in permutations(story):
        assert fold(order, tell.zone_of) == found
    return found


def levels(folded: Folded) -> list[str | None]:
    return [change.level for change in folded.levels]


# Taking back


def test_a_cancelled_discharge_leaves_the_stay_open_whichever_came_first() -> None:
    discharge = tell.discharged()
    folded = every_order(tell.admitted(), discharge, tell.cancelled(discharge))
    assert folded.state == "active"
    assert folded.stays[0].open
    assert folded == tell.folded(tell.admitted(ce_id=folded.stays[0].segments[0].fact))


def test_a_discharge_that_comes_before_its_admission_ends_the_stay_all_the_same() -> None:
    folded = every_order(tell.discharged(), tell.admitted())
    assert folded.state == "between"
    assert folded.ineffective == {}


def test_a_cancel_whose_fact_nobody_stated_yet_is_listed_and_waits() -> None:
    discharge = tell.discharged()
    cancel = tell.cancelled(discharge)
    folded = tell.folded(tell.admitted(), cancel)
    assert folded.ineffective == {cancel.id: "target-unknown"}
    assert folded.awaited == (discharge.id,)
    assert advance(folded, [discharge], tell.zone_of) is None


def test_a_cancel_is_not_cancelled() -> None:
    discharge = tell.discharged()
    cancel = tell.cancelled(discharge)
    again = tell.cancelled(cancel)
    folded = tell.folded(tell.admitted(), discharge, cancel, again)
    assert folded.ineffective == {again.id: "a-cancel-stays"}
    assert folded.state == "active"


LEAVE = tell.leave_started("2026-03-12 10:00", placement="P1")


@pytest.mark.parametrize(
    "other",
    [tell.cancelled(LEAVE, writer="intake"), tell.leave_started("2026-03-12 10:00", visit="V1", replaces=LEAVE)],
)
def test_only_its_own_writer_takes_a_fact_back(other: Fact) -> None:
    folded = tell.folded(tell.started(), LEAVE, other)
    assert folded.ineffective == {other.id: "not-its-writer"}
    assert folded.state == "on-leave"


def test_a_restated_admission_counts_with_its_new_content_and_keeps_its_root() -> None:
    first = tell.admitted("2026-03-02 10:00", level="php")
    second = tell.restated(first, level="inpatient", when="2026-03-01 22:00")
    third = tell.restated(second, unit="4W")
    folded = every_order(first, second, third)
    (segment,) = folded.stays[0].segments
    assert (segment.fact, segment.root, segment.level) == (third.id, first.id, "inpatient")
    assert segment.since == tell.in_utc("2026-03-01 22:00")


def test_a_replaced_fact_does_not_return_when_its_replacement_goes() -> None:
    first = tell.admitted()
    second = tell.restated(first, level="php")
    folded = every_order(first, second, tell.cancelled(second))
    assert folded.stays == ()
    assert folded.state == "void"
    assert folded.patient_id == tell.PATIENT


def test_of_two_restatements_of_one_fact_the_last_word_stands() -> None:
    first = tell.admitted()
    earlier, later = tell.restated(first, level="php"), tell.restated(first, level="residential")
    assert levels(every_order(first, earlier, later)) == ["residential"]


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
    there.value["occurred_at"] = "2026-03-02T15:00:00Z"
    assert [change.at for change in tell.folded(here, there).levels] == [tell.in_utc("2026-03-02 10:00")]


def test_a_type_that_the_fold_does_not_know_changes_nothing() -> None:
    admission = tell.admitted(ce_id="a")
    news = [tell.fact("moon-phase"), tell.fact("stepped-down", writer="placement")]
    withdrawn = tell.cancelled(news[1])
    assert tell.folded(admission, *news, withdrawn) == tell.folded(tell.admitted(ce_id="a"))
    behind = tell.folded(admission)
    assert advance(behind, [*news, withdrawn], tell.zone_of) == behind


# Rule 10


def inpatient(until: str | None = None) -> list[Fact]:
    return [tell.admitted("2026-03-02 10:00"), *([tell.discharged(until)] if until else [])]


@pytest.mark.parametrize(
    ("day", "until", "word"),
    [
        ("2026-03-02", "2026-03-09 14:00", None),  # the day of admission is not wholly inside
        ("2026-03-03", "2026-03-09 14:00", "inside-24-hour-stay"),
        ("2026-03-08", "2026-03-09 14:00", "inside-24-hour-stay"),
        ("2026-03-09", "2026-03-09 14:00", None),  # nor is the leaving day
        ("2026-03-09", "2026-03-10 00:00", None),  # 00:00 is 24:00 of the day before
        ("2026-03-09", "2026-03-10 00:01", "inside-24-hour-stay"),
        ("2026-03-09", None, "inside-24-hour-stay"),
    ],
)
def test_an_unattended_start_on_a_day_inside_a_24_hour_stay_has_no_effect(
    day: str, until: str | None, word: str | None
) -> None:
    start = tell.started(day)
    assert every_order(*inpatient(until), start).ineffective.get(start.id) == word


def test_attendance_makes_the_start_good_and_raises_a_conflict_where_it_lies_inside() -> None:
    start, there = tell.started("2026-03-04"), tell.attended("2026-03-05")
    folded = every_order(*inpatient("2026-03-09 14:00"), start, there)
    assert folded.ineffective == {}
    (conflict,) = folded.conflicts
    assert conflict.kind == "attended-inside-24-hour-stay"
    assert there.id in conflict.facts


def test_attendance_after_the_stay_makes_the_start_good_without_a_conflict() -> None:
    folded = every_order(*inpatient("2026-03-09 14:00"), tell.started("2026-03-04"), tell.attended("2026-03-10"))
    assert folded.ineffective == {}
    assert folded.conflicts == ()


def test_a_cancelled_discharge_takes_an_unattended_start_with_it_and_gives_it_back() -> None:
    discharge, start = tell.discharged("2026-03-09 14:00"), tell.started("2026-03-10")
    cancel = tell.cancelled(discharge)
    assert every_order(tell.admitted(), discharge, start).state == "active"
    gone = every_order(tell.admitted(), discharge, start, cancel)
    assert gone.ineffective == {start.id: "inside-24-hour-stay"}
    back = every_order(tell.admitted(), discharge, start, cancel, tell.discharged("2026-03-09 15:00"))
    assert back.ineffective == {}
    assert levels(back) == ["inpatient", None, "iop"]


def test_what_a_person_lets_fall_falls_and_the_conflict_is_settled() -> None:
    there = tell.attended("2026-03-05")
    facts = [*inpatient("2026-03-09 14:00"), tell.started("2026-03-04"), there]
    (conflict,) = tell.folded(*facts).conflicts
    folded = every_order(*facts, tell.conflict_settled(conflict=conflict.id, falls=[there]))
    assert folded.conflicts == ()
    assert folded.ineffective[there.id] == "settled"
    both_stand = tell.folded(*facts, tell.conflict_settled(conflict=conflict.id, falls=[]))
    assert both_stand.conflicts == ()
    assert there.id not in both_stand.ineffective


@pytest.mark.parametrize(
    ("first", "second", "raised"),
    [
        ("inpatient", "inpatient", True),
        ("inpatient", "residential", True),
        ("residential", "inpatient", False),
        ("residential", "residential", True),
        ("inpatient", "php", False),
    ],
)
def test_two_open_24_hour_stays_are_a_conflict_unless_a_resident_is_in_hospital(
    first: str, second: str, raised: bool
) -> None:
    facts = [
        tell.admitted("2026-03-02 10:00", level=first),
        tell.admitted("2026-03-05 10:00", visit="V2", level=second),
    ]
    assert [one.kind for one in every_order(*facts).conflicts] == ["two-24-hour-stays"] * raised
    assert every_order(*facts, tell.discharged("2026-03-05 12:00")).conflicts == ()


# Closings and rule 12


def test_an_episode_is_not_ended_while_a_stay_is_open() -> None:
    end = tell.episode_ended("2026-03-05 10:00")
    assert every_order(tell.admitted(), end).ineffective == {end.id: "stay-open"}


def test_an_episode_is_ended_once() -> None:
    second = tell.aftercare_closed("2026-06-01 10:00")
    folded = every_order(tell.admitted(), tell.discharged(), tell.episode_ended("2026-05-01 10:00"), second)
    assert folded.ineffective == {second.id: "closed"}
    assert (folded.state, folded.ended_reason) == ("closed", "episode-ended")


def test_an_admission_after_the_end_takes_the_episode_up_again() -> None:
    folded = every_order(
        tell.admitted(),
        tell.discharged(),
        tell.episode_ended("2026-03-20 10:00"),
        tell.admitted("2026-03-25 10:00", visit="V2"),
    )
    assert folded.state == "active"
    assert folded.ended_at is None
    assert folded.closings[0].reopened_by == ("visit", "V2")


def test_a_death_closes_the_episode_when_no_stay_is_open_any_more() -> None:
    facts = [tell.started("2026-03-01"), tell.admitted(), tell.discharged(kind="deceased")]
    assert every_order(*facts).state == "active"
    folded = every_order(*facts, tell.discontinued("2026-03-10", reason="deceased"))
    assert (folded.state, folded.ended_reason) == ("closed", "deceased")


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ([tell.covered()], "void"),
        ([tell.referred()], "referred"),
        ([tell.assessed()], "referred"),
        ([tell.placed()], "referred"),
        ([tell.placed(), tell.placement_cancelled()], "void"),
        ([tell.visit_started()], "active"),
        ([tell.visit_started(), tell.visit_ended()], "between"),
        ([tell.admitted(), tell.leave_started()], "on-leave"),
        ([tell.admitted(), tell.leave_started(), tell.leave_ended()], "active"),
        ([tell.admitted(), tell.discharged()], "between"),
        ([tell.admitted(), tell.discharged(), tell.aftercare_started("2026-03-09 08:00")], "aftercare"),
        ([tell.admitted(), tell.discharged(), tell.aftercare_started("2026-03-08 08:00")], "between"),
        ([tell.admitted(), tell.discharged(), tell.aftercare_started(), tell.aftercare_closed()], "closed"),
        ([tell.referred(), tell.episode_ended()], "closed"),
    ],
)
def test_the_state_of_an_episode(facts: list[Fact], state: str) -> None:
    assert every_order(*facts).state == state
