"""Facts whose messages are lost stand as said by statements that are made of them: these mean the same, together with
whatever is still there, and later messages find in them what they would have found (contract 5.8)."""

from __future__ import annotations

from typing import Any

import pytest

from services.intake.hl7.mapping import FacilityMap
from services.intake.hl7.model import VisitMessage
from services.intake.recovery.restated import VisitHistory
from services.intake.visits.derive import ActiveFact, Derived, difference
from services.intake.visits.desired import own_fields, read_back, stay_heading
from services.intake.visits.reconcile import EpisodeSequences, VisitRecord, reconcile, wanted_of
from shared.events import Stay
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact
from shared.ids import new_id
from shared.site.config import SAMPLE, load
from tests.intake.said import NOW, told

PLACES = FacilityMap(load(SAMPLE))
BEGUN: dict[str, Any] = {"pv1_44": "20260105100000"}
A01 = told(1, "A01", "20260105101000", **BEGUN)
STORIES = {
    "a stay": [A01, told(2, "A03", "20260110120500", pv1_45="20260110120000", pv1_36="01")],
    "moves": [A01, told(2, "A02", "20260106100000", unit="RES", **BEGUN), told(3, "A02", "20260107100000", unit="3W")],
    "taken back": [
        A01,
        told(2, "A02", "20260106100000", unit="RES", **BEGUN),
        told(3, "A03", "20260110120500", pv1_45="20260110120000", pv1_36="07"),
        told(4, "A13", "20260110130000"),
        told(5, "A12", "20260110140000"),
    ],
    "taken back whole": [A01, told(2, "A02", "20260106100000", unit="RES"), told(3, "A11", "20260106110000")],
    "leaves": [
        A01,
        told(2, "A21", "20260106100000"),
        told(3, "A22", "20260107100000"),
        told(4, "A21", "20260108100000"),
        told(5, "A52", "20260108110000"),
    ],
    "without a level, then into one": [
        told(1, "A04", "20260105101000", unit="ED", **BEGUN),
        told(2, "A06", "20260105150000", unit="3W"),
        told(3, "A03", "20260110120500", pv1_45="20260110120000", pv1_36="20"),
    ],
    "two stays of a number": [
        A01,
        told(2, "A03", "20260106120500", pv1_45="20260106120000", pv1_36="01"),
        told(3, "A01", "20260108101000", pv1_44="20260108100000"),
    ],
    "amended": [
        A01,
        told(2, "A03", "20260110120500", pv1_45="20260110120000", pv1_36="01"),
        told(3, "A08", "20260111120000", pv1_36="06", pv1_45="20260110130000"),
        told(4, "A08", "20260112120000", pv1_4="1", pv1_14="1", **BEGUN),
    ],
    "diagnoses, payers and a plan": [
        told(1, "A01", "20260105101000", dg1="DG1|1||F33.2^x^I10", in1="IN1|1|PPO|ACME", pv1_7="1234567893", **BEGUN),
        told(2, "A08", "20260106100000", dg1="DG1|1||F33.2^x^I10\rDG1|2||F10.20^x^I10", pv2="PV2|||||||||20260109"),
        told(3, "A08", "20260107100000", dg1="DG1|1||F10.20^x^I10", in1="IN1|1||MEDICARE|||||||||20260107"),
        told(4, "A08", "20260108100000", pv2='PV2|||||||||""'),
    ],
    "admitting and final, and a plan that ends": [
        told(
            1,
            "A01",
            "20260105101000",
            dg1="DG1|1||F33.2^x^I10|||A|||||||||1\rDG1|2||F10.20^x^I10|||F|||||||||1",
            in1="IN1|1||ACME||||||||||20260107",
            **BEGUN,
        ),
        told(2, "A08", "20260109100000", dg1="DG1|1||F33.2^x^I10|||F|||||||||1"),
    ],
    "a transfer named and taken back": [
        A01,
        told(2, "A02", "20260106100000", unit="RES", evn_6="20260106090000", **BEGUN),
        told(3, "A02", "20260108100000", unit="PHP1", evn_6="20260108090000", **BEGUN),
        told(4, "A12", "20260109100000", unit="PHP1", evn_6="20260106090000"),
    ],
    "a beginning amended": [A01, told(2, "A08", "20260106100000", pv1_44="20260105083000")],
    "an admission taken back to the visit": [
        told(1, "A04", "20260105101000", unit="ED", **BEGUN),
        told(2, "A01", "20260105150000", pv1_44="20260105143000"),
        told(3, "A11", "20260105160000"),
    ],
    "told late": [
        told(3, "A03", "20260110120500", pv1_45="20260110120000"),
        told(2, "A02", "20260106100000", unit="RES"),
    ],
}


def stated(messages: list[VisitMessage]) -> tuple[list[Fact], VisitRecord]:
    """The facts that intake states as these messages come one by one, and the visit as it is stored then."""
    visit, sequences, facts = VisitRecord("v", "p", "GOODHEALTH", "V1"), EpisodeSequences(), list[Fact]()
    for one in messages:
        visit.messages.append(one)
        visit.newest = one
        [changes] = reconcile([visit], sequences, PLACES, NOW)
        gone = set(changes.fallen)
        visit.standing = {key: was for key, was in visit.standing.items() if was.ce_id not in gone}
        for key, fact in changes.stated:
            facts.append(fact)
            value = fact.value
            if not isinstance(value, FactCancelled) and value.stay is not None:
                about = stay_heading(value.occurred_at, Stay(kind="visit", id=value.stay.id))
                visit.standing[key] = ActiveFact(
                    fact.id, value.TYPE, read_back(value.TYPE, own_fields(fact.body), about)
                )
    return facts, visit


def named(messages: list[VisitMessage]) -> list[VisitMessage]:
    """They have ids as intake gives them."""
    return [one._replace(message_id=new_id(one.arrived_at)) for one in messages]


def meant(messages: list[VisitMessage]) -> Derived:
    return wanted_of(VisitRecord("v", "p", "GOODHEALTH", "V1", messages=messages), PLACES)


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_what_is_made_of_the_facts_means_the_same_whatever_of_the_messages_is_lost(story: list[VisitMessage]) -> None:
    messages = named(story)
    facts, after = stated(messages)
    for here in range(len(messages)):
        known, before = stated(messages[:here])
        lost = facts[len(known) :]
        history = VisitHistory("GOODHEALTH", "V1", PLACES.site, {one.message_id for one in messages[:here]})
        for fact in facts[: len(known)]:
            history.learn(fact.id, fact.value)
        made = list(history.messages(lost))
        out = difference(after.standing, meant([*messages[:here], *made]).facts)
        assert not out, (here, [one.adt.trigger for one in made], out)
        assert before.key == after.key


@pytest.mark.parametrize("trigger", ["A13", "A08", "A02", "A21", "A11"])
def test_a_later_message_does_what_it_would_have_done(trigger: str) -> None:
    for name, story in STORIES.items():
        messages = named(story)
        facts, _ = stated(messages)
        history = VisitHistory("GOODHEALTH", "V1", PLACES.site, set())
        made = list(history.messages(facts))
        [later] = named([told(9, trigger, "20260120100000", unit="PHP1", pv1_36="06")])
        mine, theirs = meant([*made, later]).facts, meant([*messages, later]).facts
        assert [(one.key, one.value) for one in mine] == [(one.key, one.value) for one in theirs], name
