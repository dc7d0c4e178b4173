"""What the demo prints: it fits a terminal, says what was counted, and is one document with --json."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.invariants import Broken
from shared.site import config
from tools.cli import demo_page
from tools.mllp_client import Ack
from tools.simulator.messages import Message
from tools.simulator.outcome import Outcome
from tools.simulator.play import Answered
from tools.simulator.show import Plan, Shown
from tools.verify import Report

LEFT = "2026-03-09T14:00:00Z"


def fact(name: str, writer: str, value: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": f"care.{name}.v1", "writer": writer, "value": {"occurred_at": LEFT, **value}, **more}


def shown(report: Report | None = None) -> Shown:
    plan = Plan(3, 7, datetime(2026, 3, 20, 15, tzinfo=UTC), config.load(config.SAMPLE))
    found = Shown(plan, report=report or Report())
    for trigger in ("A01", "A03"):
        found.note(Answered(Message(trigger, "1", b""), Ack("AA", "1"), "MLLP", 0.01))
    found.note(Answered(Message("A08", "", b""), None, "Kafka", 0.01))
    found.tally.done["placement", "offers"] = 5
    found.tally.refused["offers", "search-closed"] = 2
    episodes = [{"level": "php", "state": "active"}, {"level": "php", "state": "on-leave"}, {"state": "between"}]
    windows = [{"measure": "FUH-7", "state": state} for state in ("kept", "kept", "kept", "missed")]
    found.outcome = Outcome(episodes, [*windows, {"measure": "FUH-7", "state": "excluded", "reason": "readmitted"}])
    found.outcome.noted[("waiting", "waiting")] = 4
    found.outcome.steps["inpatient", "php"] = [2, 3, 9]
    found.outcome.answers.update({"sent": 6, "declined": 2, "accepted": 3})
    found.outcome.declined["no-capacity"] = 2
    found.outcome.ineffective[("inside-24-hour-stay", "a long sentence " * 10)] = 1
    discharged = {"level": "inpatient", "disposition": {"kind": "home"}}
    found.one = {
        "episode": {"state": "active", "level": "php"},
        "facts": [
            fact("follow-up-missed", "aftercare", {"measure": "FUH-7"}),
            fact("discharged", "intake", discharged, voided={"how": "cancelled", "by": "x"}),
            fact("offer-declined", "placement", {"program": "GH-PHP1", "reason": "no-capacity"}),
        ],
        "periods": [{"level": "php", "start_date": "2026-03-10", "payer": "ACME", "version": 1, "voided": False}],
    }
    return found


def printed(capsys: pytest.CaptureFixture[str], report: Report | None = None) -> str:
    demo_page.for_people(shown(report))
    return capsys.readouterr().out


def test_no_line_is_wider_than_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert max(map(len, printed(capsys).splitlines())) <= demo_page.WIDTH


@pytest.mark.parametrize(
    "said",
    ["php          2", "1 on leave", "4  messages: waits for the message", "excluded because: readmitted 1",
     "is discharged from inpatient: home  taken back", "bill: php Mar 10 to …, ACME, version 1, open",
     "inpatient → php  3×  3 days (median)", "accepted\N{NO-BREAK SPACE}3 ·", "2  declined: no-capacity", "75%",
     "2  acts refused: offers, search-closed", "Sep 18, 2025 to Mar 19, 2026", "2 over MLLP, 1 over Kafka",
     "GH-PHP1 declines: no-capacity"],
)  # fmt: skip
def test_the_page_says_what_came_of_it(capsys: pytest.CaptureFixture[str], said: str) -> None:
    assert said in printed(capsys)


def test_of_one_instant_the_hospital_comes_before_what_follows_from_it(capsys: pytest.CaptureFixture[str]) -> None:
    page = printed(capsys)
    assert page.index("is discharged from") < page.index("FUH-7: missed")


def test_a_broken_promise_is_named_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report()
    report.add(Broken(3, "episode e1", "it differs"))
    page = printed(capsys, report)
    assert "episode e1: it differs" in page
    assert page.rstrip().endswith("A promise is broken.")


def test_the_same_figures_are_one_json_document() -> None:
    document = json.loads(json.dumps(demo_page.as_json(shown())))
    assert document["ok"] is True
    assert document["levels"] == {"php": 2}
    assert document["messages"] == sum(sum(codes.values()) for codes in document["answers"].values())
    assert document["days_between"] == {"inpatient → php": [2, 3, 9]}
