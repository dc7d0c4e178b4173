"""Nobody calls the dead (contract 3.6 rule 13): where it was told all ends, where another told it people are asked."""

from __future__ import annotations

from typing import Any

import pytest

from services.aftercare.contacts import deaths
from services.aftercare.decisions.situation import Situation
from services.aftercare.worklists.entries import Entry, entries
from shared.errors import Rejected
from shared.facts.envelope import Fact
from shared.site.config import SAMPLE, load
from tests.aftercare.builders import HERE, LEFT, content, day, episode, inpatient, shown, stating, stay
from tests.aftercare.test_deriving import contact
from tests.aftercare.test_plans import settle

SITE = load(SAMPLE)
THERE = "RIVERBEND"


def dead(at: int = 3, facility: str = HERE, ce_id: str = "d-1") -> dict[str, Any]:
    """A death as care.episodes has it."""
    return {"ce_id": ce_id, "facility": facility, "at": day(at).isoformat()}


def known(*stays: dict[str, Any], told: tuple[Fact, ...] = (), **more: Any) -> tuple[Fact, ...]:
    """What stands after the document was seen."""
    return settle(told, *stays, **more)


def windows(stands: tuple[Fact, ...]) -> dict[str, str]:
    """Measure → its window's outcome; of an excluded one why."""
    found = {s.as_json["measure"]: s.as_json.get("reason", s.name) for s in stands if s.name == "follow-up-due"}
    outcomes = [s for s in stands if s.name.startswith("follow-up-") and s.name != "follow-up-due"]
    return found | {s.as_json["measure"]: s.as_json.get("reason", s.name) for s in outcomes}


def listed(stands: tuple[Fact, ...], *stays: dict[str, Any], **more: Any) -> list[Entry]:
    """What the lists show."""
    return list(entries(episode(*stays, **more), stands, SITE))


def plan(stands: tuple[Fact, ...], *stays: dict[str, Any], **more: Any) -> tuple[str | None, str | None, bool]:
    """(state, why calls stopped, whether one is due) of the last plan."""
    found = [one for one in listed(stands, *stays, **more) if one.kind == "plan"]
    if not found:
        return None, None, False
    value = shown(found[-1].value)
    return found[-1].state, value.get("calls_stopped"), "contact_due" in value


@pytest.mark.parametrize(
    ("told", "window", "calls"),
    [
        ([], "follow-up-due", ("active", None, True)),
        ([dead()], "deceased", (None, None, False)),
        ([dead(), dead(4, THERE, "d-2")], "deceased", (None, None, False)),
        ([dead(facility=THERE)], "ask-before-calling", ("active", "ask-before-calling", False)),
    ],
    ids=["alive", "told here", "told here and there", "told by another facility"],
)
def test_a_death_after_the_discharge_ends_windows_and_calls(
    told: list[dict[str, Any]], window: str, calls: tuple[str | None, str | None, bool]
) -> None:
    more: dict[str, Any] = {"deaths": told, "state": "closed"} if told else {}
    stands = known(inpatient(), told=known(inpatient(), search="open"), **more)
    assert windows(stands) == {"FUH-7": window, "FUH-30": window}
    assert plan(stands, inpatient(), **more) == calls
    back = known(inpatient(), told=stands, search="open")
    assert windows(back) == {"FUH-7": "follow-up-due", "FUH-30": "follow-up-due"}
    assert plan(back, inpatient(), search="open") == ("active", None, True)


def test_who_told_it_is_not_to_be_seen_elsewhere() -> None:
    stands = known(inpatient(), deaths=[dead(facility=THERE)], state="closed")
    seen = [content(fact.value) for fact in stands] + [
        shown(one.value) for one in listed(stands, inpatient(), deaths=[dead(facility=THERE)], state="closed")
    ]
    assert THERE not in str(seen)
    assert "d-1" not in str(seen)
    assert "deceased" not in str(seen)


def test_a_window_that_was_over_or_kept_before_stays_as_it_was() -> None:
    php = stay("php", day(1), day(5), id="S", how="completed")
    late: dict[str, Any] = {"deaths": [dead(20)], "state": "closed"}
    assert windows(known(inpatient(), php, **late)) == {"FUH-7": "deceased", "FUH-30": "deceased"}  # the measure's row
    much_later: dict[str, Any] = {"deaths": [dead(40)], "state": "closed"}
    assert windows(known(inpatient(), php, **much_later)) == {"FUH-7": "follow-up-kept", "FUH-30": "follow-up-kept"}
    missed = settle((), inpatient(), over_by=day(32))
    assert windows(known(inpatient(), told=missed, **much_later)) == {
        "FUH-7": "follow-up-missed",
        "FUH-30": "follow-up-missed",
    }


def test_a_disposition_that_tells_it_and_is_not_believed_is_the_end_of_a_stay_like_any_other() -> None:
    expired = inpatient(kind="deceased")
    assert windows(known(expired, state="closed")) == {"FUH-7": "deceased", "FUH-30": "deceased"}
    assert plan(known(expired, state="closed"), expired, state="closed") == (None, None, False)
    stands = known(expired, deaths=[])
    assert windows(stands) == {"FUH-7": "follow-up-due", "FUH-30": "follow-up-due"}
    assert plan(stands, expired, deaths=[]) == ("active", None, True)


@pytest.mark.parametrize(
    ("code", "kind", "called"),
    [("04", "home", True), ("50", "hospice", False), ("21", "custody", False), ("65", "transfer", False)],
)
def test_the_sites_table_says_after_which_dispositions_anybody_is_called(code: str, kind: str, called: bool) -> None:
    left = inpatient(kind=kind)
    left["ended_by"]["disposition"]["code"] = code
    assert plan(known(left), left)[2] is called


def test_what_aftercare_had_asked_of_anybody_is_asked_no_more_and_comes_back() -> None:
    began = settle((), inpatient(), over_by=day(2, 0))
    asked = {s.as_json["referral_id"] for s in began if s.name == "aftercare-referred"}
    assert asked
    more: dict[str, Any] = {"deaths": [dead(3)], "state": "closed"}
    stands = known(inpatient(), told=began, **more)
    assert [s for s in stands if s.name == "aftercare-referred"] == []
    assert plan(stands, inpatient(), **more) == ("over", "deceased", False)
    back = known(inpatient(), told=stands)
    assert {s.as_json["referral_id"] for s in back if s.name == "aftercare-referred"} == asked


def test_no_aftercare_starts_for_who_died_before() -> None:
    for died_on in (1, 8):  # before the wait was over, and after it but before the timer came
        stands = settle((), inpatient(), over_by=day(9), deaths=[dead(died_on)], state="closed")
        assert [s.name for s in stands if s.name.startswith("aftercare-")] == []


def test_a_risk_is_over_with_the_patient_and_comes_back() -> None:
    missed = (contact(1, day(1), "no-answer"), contact(2, day(2), "no-answer"))
    raised = known(inpatient(), told=missed)
    assert "relapse-risk-raised" in {s.name for s in raised}
    stands = known(inpatient(), told=raised, deaths=[dead()], state="closed")
    assert "relapse-risk-raised" not in {s.name for s in stands}
    assert "relapse-risk-raised" in {s.name for s in known(inpatient(), told=stands)}


def says(decision: deaths.Decision, stands: tuple[Fact, ...], **more: Any) -> tuple[Fact, ...]:
    """A person here decides."""
    now = Situation(episode(inpatient(), **more), stands, SITE, LEFT, lambda: "id")
    (fact,) = deaths.decide(now, HERE, decision).facts
    number = max((s.sequence for s in stands), default=0) + 1
    return (*stands, stating(lambda: f"own-{number}").stated(fact, number))


def test_a_person_decides_whether_calls_go_on() -> None:
    more: dict[str, Any] = {"deaths": [dead(facility=THERE)], "state": "closed"}
    stands = known(inpatient(), **more)
    on = known(inpatient(), told=says("go-on", stands, **more), **more)
    assert plan(on, inpatient(), **more) == ("active", None, True)
    assert windows(on) == {"FUH-7": "follow-up-due", "FUH-30": "follow-up-due"}
    off = known(inpatient(), told=says("stop", on, **more), **more)
    assert plan(off, inpatient(), **more)[1:] in {(None, False), ("deceased", False)}
    assert windows(off) == {"FUH-7": "deceased", "FUH-30": "deceased"}
    another: dict[str, Any] = {"deaths": [dead(facility=THERE), dead(4, "ELSEWHERE", "d-3")], "state": "closed"}
    assert plan(known(inpatient(), told=on, **another), inpatient(), **another)[1] == "ask-before-calling"


@pytest.mark.parametrize("told", [[], [dead()]], ids=["nobody told one", "told here"])
def test_where_nobody_is_asked_nothing_is_decided(told: list[dict[str, Any]]) -> None:
    now = Situation(episode(inpatient(), deaths=told), (), SITE, LEFT, lambda: "id")
    with pytest.raises(Rejected, match="nobody asked"):
        deaths.decide(now, HERE, "go-on")
