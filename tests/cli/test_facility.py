"""`stepdown facility retire` on a running system: refused while stays are open, then done, and told again."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

from tests.cli.conftest import RunningSystem
from tests.cli.messages import message
from tests.waiting import until

RETIRE = "facility retire meadow --json"


def sent(system: RunningSystem, folder: Path, *raws: bytes) -> list[str]:
    """The answers to messages."""
    (folder / "some.hl7").write_bytes(b"".join(raws))
    return [line["ack"] for line in system.stepdown("send --json", str(folder / "some.hl7")).lines]


NAMES = {"7101": b"HOLLOW^IDA||19610203", "7102": b"QUINN^OTTO||19921130"}
"""Two people who are like nobody else."""


def told(trigger: str, mrn: str, at: str) -> bytes:
    return message(trigger, mrn, at, facility="MEADOW", unit="M1").replace(
        b"DOE^JANE||19800101", NAMES.get(mrn, b"DOE^JANE||19800101")
    )


def episodes(system: RunningSystem, role: str) -> set[str]:
    """The episodes of the facility that somebody of this role sees."""
    ready = json.loads((system.data / "ready.json").read_text())
    headers = {"authorization": f"Bearer {ready['tokens'][role]}"}
    address = f"{ready['placement']}/api/episodes?limit=200"
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=10) as answer:
        return {one["episode_id"] for one in json.loads(answer.read())["episodes"] if one["facility"] == "MEADOW"}


def test_a_facility_leaves_once_its_open_stays_are_looked_at(system: RunningSystem, tmp_path: Path) -> None:
    went = [told("A01", "7101", "20260301100000"), told("A03", "7101", "20260305140000")]
    stays = told("A01", "7102", "20260301100000")
    assert sent(system, tmp_path, *went, stays, stays.replace(b"PID|", b"ZID|")) == ["AA", "AA", "AA", "AE"]
    assert system.stepdown("verify").code == 0
    assert len(episodes(system, "coordinator")) == 2

    would = json.loads(system.stepdown(RETIRE, "--dry-run").out)
    assert [one["stays"] for one in would["open"]] == [1]
    assert would["deleted"] == {
        "names": 2, "identifiers": 2, "matches": 0, "unknown-needs": 0, "raw-messages": 3, "refused-messages": 1,
    }  # fmt: skip
    assert (would["refused"], would["retired_at"], would["label"]) == (None, None, None)
    no = system.stepdown("facility retire MEADOW")
    assert (no.code, no.out.count("open  ")) == (1, 1)
    assert "1 stays are open at MEADOW in 1 episodes" in no.err
    assert sent(system, tmp_path, went[0]) == ["AA"], "it is still here"

    done = system.stepdown(RETIRE, "--with-open", "--under", "42 CFR 482.24(b)(1)", "--until", "2032-12-31")
    assert done.code == 0, done.err
    outcome = json.loads(done.out)
    assert outcome["deleted"] == would["deleted"]
    assert outcome["open"] == would["open"]
    assert outcome["label"] == (
        "Records of MEADOW required to be maintained under 42 CFR 482.24(b)(1) until a date not later than 2032-12-31"
    )
    remains: dict[tuple[str, str], Any] = {(one["where"], one["what"]): one for one in outcome["remains"]}
    assert {kind: one["number"] for (where, kind), one in remains.items() if where == "intake"} == {
        "patients": 2, "patients-of-others-too": 0, "visits": 2, "statements": 3, "facts": 3, "consents": 0,
        "dead-letters": remains["intake", "dead-letters"]["number"], "answered-requests": None,
    }  # fmt: skip
    assert remains["placement", "facts"]["number"] >= 3
    assert remains["placement", "service-periods"]["number"] == 2
    assert remains["placement", "facts"]["until"] == "2032-12-31"

    assert sent(system, tmp_path, went[0], told("A01", "7103", "20260301100000")) == ["AR", "AR"]
    assert json.loads(system.stepdown(RETIRE).out)["deleted"] == dict.fromkeys(would["deleted"], 0)
    assert system.stepdown("verify").code == 0


async def test_nobody_but_auditors_and_administrators_sees_it_then(system: RunningSystem, tmp_path: Path) -> None:
    system.stepdown(RETIRE, "--with-open")
    await until(lambda: not episodes(system, "coordinator"))
    assert len(episodes(system, "admin")) == 2
    assert len(episodes(system, "auditor")) == 2


def test_a_facility_that_the_site_does_not_have_is_wrong_usage(system: RunningSystem) -> None:
    no = system.stepdown("facility retire ELSEWHERE")
    assert no.code == 2
    assert "it has: GOODHEALTH, MEADOW, RIVERBEND" in no.err
