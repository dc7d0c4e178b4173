"""What the demo prints: it fits a terminal, says what was counted, and is one document with --json."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from services.cli import demo_page
from services.mllp_client import Ack
from services.simulator.hospital import Sent
from services.simulator.outcome import Outcome
from services.simulator.show import Plan, Shown
from services.verify import Report
from shared import site_config
from shared.promises import Broken

LEFT = "2026-03-09T14:00:00Z"


def fact(name: str, writer: str, value: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": f"care.{name}.v1", "writer": writer, "value": {"occurred_at": LEFT, **value}, **more}


def shown(report: Report | None = None) -> Shown:
    plan = Plan(3, 7, datetime(2026, 3, 20, 15, tzinfo=UTC), site_config.load(site_config.SAMPLE))
    found = Shown(plan, plan.patients(), report=report or Report())
    for patient in found.people:
        for message in patient.messages:
            found.note(Sent(patient, message, Ack("AA", message.control_id), 0.01))
    episodes = [{"level": "php", "state": "active"}, {"level": "php", "state": "on-leave"}, {"state": "between"}]
    found.outcome = Outcome(episodes, [{"measure": "FUH-7", "state": "excluded", "reason": "readmitted"}])
    found.outcome.noted[("waiting", "waiting")] = 4
    found.outcome.ineffective[("inside-24-hour-stay", "a long sentence " * 10)] = 1
    discharged = {"level": "inpatient", "disposition": {"kind": "home"}}
    found.one = {
        "episode": {"state": "active", "level": "php"},
        "facts": [
            fact("follow-up-missed", "aftercare", {"measure": "FUH-7"}),
            fact("discharged", "intake", discharged, voided={"how": "cancelled", "by": "x"}),
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
     "is discharged from inpatient: home  taken back", "bill: php Mar 10 to …, ACME, version 1, open"],
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
