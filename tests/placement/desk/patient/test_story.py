"""The story in words: each fact with its cause, what it replaced, what took it back, and what it did to the bill."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given

from services.placement.continuum.fold import fold
from services.placement.desk.patient.bills import history, why
from services.placement.desk.patient.story import StoryLine, Telling, story
from services.placement.rules import rules_of
from shared.facts.envelope import Fact
from shared.site.config import SAMPLE, load
from shared.web.telling import details
from tests import builders as tell
from tests.placement.strategies import stories

RULES = rules_of(load(SAMPLE))
TODAY = date(2026, 3, 20)


def told(*facts: Fact, **more: object) -> list[StoryLine]:
    given = tell.a_story(*facts)
    changed, _ = history(given, RULES)
    return story(Telling(given, fold(given, RULES.zone_of), RULES, TODAY, changed=changed, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        (tell.admitted("2026-03-02 10:00"), "admitted (Inpatient, 3W)"),
        (tell.discharged("2026-03-09 14:00"), "discharged (Inpatient): home"),
        (tell.leave_started("2026-03-04 10:00"), "went on leave: therapeutic"),
        (tell.started("2026-03-12", level="php", program="GH-PHP1"), "first day (Adult partial hospitalization)"),
        (tell.patient_died("2026-03-08 10:00"), "the patient died"),
        (tell.placed("2026-03-08 15:00", program="GH-PHP1", start_date="2026-03-12"),
         "placed (Adult partial hospitalization): first day Thu 12 Mar"),
    ],
    ids=lambda one: one.name if isinstance(one, Fact) else "",
)  # fmt: skip
def test_a_fact_in_words(fact: Fact, words: str) -> None:
    assert [line.what for line in told(fact)] == [words]


def test_the_newest_is_first() -> None:
    lines = told(
        tell.admitted("2026-03-02 10:00"), tell.leave_started("2026-03-04 10:00"), tell.discharged("2026-03-09")
    )
    assert [line.what.split(" ")[0] for line in lines] == ["discharged", "went", "admitted"]


def test_what_was_taken_back_is_struck_with_when_and_why_and_the_cancel_is_no_line_of_its_own() -> None:
    wrong = tell.discharged("2026-03-09 14:00")
    gone, came = told(tell.admitted("2026-03-02 10:00"), wrong, tell.cancelled(wrong, when="2026-03-10 08:00"))
    assert gone.back == "taken back Tue 10 Mar, 08:00 EDT: cancelled by sender"
    assert not gone.stands
    assert came.stands


def test_a_cancel_of_what_is_not_known_is_a_line() -> None:
    unknown = replace(tell.discharged("2026-03-09 14:00"), id="never-told")
    [cancel, _] = told(tell.admitted("2026-03-02 10:00"), tell.cancelled(unknown))
    assert cancel.what.startswith("took a statement back")
    assert cancel.idle.startswith("without effect: ")


def test_what_is_told_anew_names_what_it_replaced_and_the_other_way_round() -> None:
    first = tell.discharged("2026-03-09 14:00")
    again = tell.restated(first, when="2026-03-10 09:00")
    new, old, _ = told(tell.admitted("2026-03-02 10:00"), first, again)
    assert new.instead == "discharged (Inpatient) on Mon 9 Mar"
    assert old.back.startswith("told anew")
    assert old.back.endswith("discharged (Inpatient) on Tue 10 Mar")


def test_who_told_it_is_said_for_messages_for_people_and_for_what_follows() -> None:
    came = replace(tell.admitted("2026-03-02 10:00"), causation_id="message-1")
    placed = tell.placed("2026-03-08 15:00", program="GH-PHP1")
    step = replace(
        tell.fact("stepped-down", "2026-03-12 00:00", writer="placement", from_level="inpatient", to_level="php",
                  days_between=3, planned=True, from_stay={"kind": "visit", "id": "V1"},
                  to_stay={"kind": "placement", "id": "P1"}, derived_from=[came.id]),
        id="step",
    )  # fmt: skip
    at = placed.value.recorded_at
    follows, agreed, admitted = told(came, placed, step, actors={at: "anna"})
    assert admitted.because == ("told by a message of Good Health Hospital, Mon 2 Mar, 10:00 EST",)
    assert agreed.because == ("said by anna at the desk, Sun 8 Mar, 15:00 EDT",)
    assert follows.because[0] == "because admitted (Inpatient, 3W) on Mon 2 Mar"
    assert follows.what == "stepped down: from inpatient, to partial hospitalization, 3 days between"


def test_why_a_bill_is_different_is_a_sentence_with_what_changed_and_which_fact_did_it() -> None:
    came = tell.admitted("2026-03-02 10:00")
    left = tell.discharged("2026-03-09 14:00")
    back = tell.with_value(tell.cancelled(left), tell.cancelled(left).as_json | {"recorded_at": "2026-03-11T12:00:00Z"})
    payer = tell.covered("2026-03-12 09:00", payer="MEDICAID", effective="2026-03-01")
    given = tell.a_story(came, left, back, payer)
    changes, _ = history(given, RULES)
    known = {fact.id: fact for fact in given}
    opened, closed, again, other = [why(one, known, RULES) for one in changes]
    assert opened == "opened; because admitted (Inpatient, 3W) on Mon 2 Mar, said by the hospital"
    assert closed.startswith("closed: last day: still open → Sun 8 Mar; patient status: 30 → 01; because discharged")
    assert again.startswith("changed, the stay goes on after all: last day: Sun 8 Mar → still open")
    assert again.endswith("because taken back: discharged (Inpatient) on Mon 9 Mar")
    assert "payer: unknown → Medicaid" in other


def test_the_bill_s_sentence_stands_at_the_fact_that_changed_it() -> None:
    left, came = told(tell.admitted("2026-03-02 10:00"), tell.discharged("2026-03-09 14:00"))
    assert came.bills == ("the bill: opened",)
    assert left.bills == ("the bill: closed: last day: still open → Sun 8 Mar; patient status: 30 → 01",)


@given(stories())
def test_every_fact_is_told_once_or_at_what_it_took_back(facts: list[Fact]) -> None:
    changed, _ = history(facts, RULES)
    lines = story(Telling(facts, fold(facts, RULES.zone_of), RULES, TODAY, changed=changed))
    said = [line.fact for line in lines]
    assert len(said) == len(set(said))
    untold = [fact for fact in facts if fact.id not in said]
    assert all(fact.name == "fact-cancelled" for fact in untold)
    assert sum(len(line.bills) for line in lines) == len(changed)
    assert [line.at for line in lines] == sorted((line.at for line in lines), reverse=True)
    assert all(line.because for line in lines)


def test_details_are_words_and_no_codes() -> None:
    services = [{"kind": "group", "minutes": 90}, {"kind": "individual", "minutes": 60}]
    assert list(details({"services": services})) == ["group, individual", "2.5 h"]
    assert list(details({"reason": "against-advice"})) == ["against advice"]
    assert list(details({"from": "2026-03-02", "to": "2026-03-09", "units": 1, "unit": "hour"})) == [
        "1 hour in all", "Mon 2 Mar to Mon 9 Mar",
    ]  # fmt: skip
