"""`stepdown hl7 check`: one line for every message, and never a value of one."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from services.intake.receiving.dry_run import AnyFeed, check
from tests.intake.said import NOW, er7
from tools.cli.hl7 import hl7


def test_a_file_with_two_messages_gives_two_lines() -> None:
    found = list(check("f", er7("A01") + er7("A56", control_id="C2"), AnyFeed(), NOW))
    assert [(line.index, line.trigger, line.control_id, line.ack) for line in found] == [
        (1, "A01", "C1", "AA"),
        (2, "A56", "C2", "AR"),
    ]
    assert found[1].as_json() == {
        "file": "f",
        "index": 2,
        "trigger": "A56",
        "control_id": "C2",
        "ack": "AR",
        "charset": "ascii",
        "warnings": [],
        "error": {"code": 201, "segment": "MSH", "field": 9, "text": "this trigger is not taken here"},
    }


def test_a_file_without_a_message_gives_one_refusal() -> None:
    for raw in (b"", b'{"resourceType":"Encounter"}', b"a,b\n1,2\n"):
        (line,) = check("f", raw, AnyFeed(), NOW)
        assert (line.index, line.ack, line.error and line.error.code) == (1, "AR", 100)


def test_every_facility_is_fine_without_a_site() -> None:
    (line,) = check("f", er7("A01", msh={4: "ELSEWHERE"}), AnyFeed(), NOW)
    assert line.ack == "AA"


def test_a_folder_is_walked_and_every_answer_is_a_success(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "one.hl7").write_bytes(er7("A01"))
    (tmp_path / "two.txt").write_bytes(b"no message\n")
    done = CliRunner().invoke(hl7, ["check", "--json", str(tmp_path)])
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 0
    assert [(Path(line["file"]).name, line["ack"]) for line in lines] == [("one.hl7", "AA"), ("two.txt", "AR")]


def test_the_summary_counts_by_trigger_and_answer(tmp_path: Path) -> None:
    (tmp_path / "one.hl7").write_bytes(er7("A01") + er7("A01", pid={3: ""}))
    done = CliRunner().invoke(hl7, ["check", str(tmp_path)])
    assert done.exit_code == 0
    assert "2 messages" in done.stdout
    assert "1 the message has no patient id" in done.stdout


def test_a_path_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    assert CliRunner().invoke(hl7, ["check", str(tmp_path / "gone")]).exit_code == 2
