"""A patient's stay from files to a readable story, by the commands alone."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shared.messaging.reading import Reading, reading
from shared.settings import load
from shared.site import config
from tests.cli.conftest import RunningSystem, run
from tests.cli.messages import message, stay
from tests.databases import produce
from tests.waiting import until
from tools.sending import BACK, TO, Found, SendResult, by_kafka


def test_messages_of_a_file_are_sent_and_their_stay_is_told_as_a_story(system: RunningSystem, tmp_path: Path) -> None:
    first, second = stay("1001")
    (tmp_path / "day.hl7").write_bytes(b"\x0b" + first.replace(b"\r", b"\n") + b"\x1c\r\r\n" + second)
    sent = system.stepdown("send --json", str(tmp_path))
    assert (sent.code, [(line["ack"], line["control_id"]) for line in sent.lines]) == (
        0,
        [("AA", "A01-1001"), ("AA", "A03-1001")],
    )
    assert system.stepdown("send", str(tmp_path / "day.hl7")).out.splitlines()[-1] == "2 messages: 2 AA"
    assert system.stepdown("verify").code == 0

    admitted = system.told("V1001")
    assert set(admitted) == {"topic", "partition", "offset", "key", "headers", "value"}
    assert admitted["headers"]["ce_type"] == "care.admitted.v1"

    episode = admitted["key"]
    listed = {one["episode_id"]: one for one in system.stepdown("episodes list --json").lines}
    assert listed[episode]["state"] == "between"
    shown = system.stepdown("episodes show --json", episode).lines[0]
    assert [fact["type"] for fact in shown["facts"] if fact["writer"] == "intake"] == [
        "care.admitted.v1",
        "care.discharged.v1",
    ]
    story = system.stepdown("episodes show", episode).out
    assert "visit V1001: inpatient at GOODHEALTH, from 2026-03-01 10:00 to 2026-03-05 14:00 (discharged)" in story
    assert "v2: inpatient, 2026-03-01 to 2026-03-05" in story
    assert story.index("discharged  ") < story.index("follow-up-due")
    assert "DOE" not in story
    assert "between levels" in system.stepdown("episodes list --state between").out


def test_a_fact_that_was_taken_back_is_marked_in_the_story(system: RunningSystem, tmp_path: Path) -> None:
    (tmp_path / "day.hl7").write_bytes(b"".join([*stay("1002"), message("A13", "1002", "20260305150000")]))
    assert system.stepdown("send", str(tmp_path / "day.hl7")).code == 0
    assert system.stepdown("verify").code == 0
    episode = system.told("V1002")["key"]
    marked = [line for line in system.stepdown("episodes show", episode).out.splitlines() if "✗" in line]
    assert any("discharged" in line and "cancelled by" in line for line in marked)


@pytest.mark.parametrize(
    ("content", "ack", "says"),
    [
        (message("A99", "1003", "20260301100000"), "AR", "201"),
        (message("A01", "", "20260301100000"), "AE", None),
        (b"%PDF-1.7", None, None),
        (b"", None, None),
    ],
)
def test_what_is_not_accepted_is_told_and_ends_in_exit_1(
    system: RunningSystem, tmp_path: Path, content: bytes, ack: str | None, says: str | None
) -> None:
    (tmp_path / "one").write_bytes(content)
    sent = system.stepdown("send --json", str(tmp_path / "one"))
    assert (sent.code, sent.lines[0]["ack"]) == (1, ack)
    assert sent.lines[0]["error"]
    assert says is None or sent.lines[0]["error_code"] == says


@pytest.mark.parametrize("command", ["send {}", "verify", "events tail", "episodes list", "positions show"])
def test_without_a_running_system_a_command_says_how_to_start_one(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("STEPDOWN_KAFKA", "STEPDOWN_DATA"):
        monkeypatch.delenv(name, raising=False)
    said = run(*command.format(Path(__file__)).split(), "--data", str(tmp_path))
    assert said.code == 1
    assert "start one with `stepdown up`" in said.err


async def test_messages_sent_by_kafka_are_matched_with_their_answers(system: RunningSystem) -> None:
    """The answer is given here as intake's Kafka door gives it: under the key that came."""
    raw = stay("1004")[0]
    found = [Found("a", 1, raw), Found("b", 1, None)]
    settings = load(kafka=system.kafka)
    sending = asyncio.create_task(collected(by_kafka(found, settings, 10)))
    async with reading(settings.kafka_client()) as topic:
        await topic.begin([TO])
        record = await until(lambda: anything(topic))
    assert (record.key, record.value) == (b"GOODHEALTH|1004", raw)
    assert dict(record.headers)["content-type"] == b"x-application/hl7-v2+er7"
    await produce(system.kafka, BACK, [(record.key, b"MSH|^~\\&|\rMSA|AA|A01-1004\r", [])])
    told = await sending
    assert [(one.file, one.code, one.good) for one in told] == [("b", None, False), ("a", "AA", True)]


async def collected(told: AsyncIterator[SendResult]) -> list[SendResult]:
    return [one async for one in told]


async def anything(topic: Reading) -> Any:
    return next(iter(await topic.batch(50)), None)


def test_a_topic_that_is_not_there_is_not_made(system: RunningSystem) -> None:
    said = system.stepdown("events tail --until-idle 0.1 --topic care.event")
    assert (said.code, said.out) == (1, "")
    assert "there is no topic care.event" in said.err
    assert system.stepdown("events tail --until-idle 0.1 --topic care.event").code == 1


def test_commands_beside_a_system_on_another_site_work_by_its_site_or_say_that_theirs_is_another(
    system: RunningSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Users B7: `STEPDOWN_CONFIG=my-site stepdown up`, and in another terminal `stepdown verify`."""
    told = json.loads((system.data / "ready.json").read_text())["config"]
    assert set(told) == {"folder", "version"}
    assert told["version"] == config.load(Path(told["folder"])).version
    (tmp_path / "day.hl7").write_bytes(b"".join(stay("1053")))
    system.stepdown("send", str(tmp_path / "day.hl7"))
    for its_own in (None, told["folder"]):
        if its_own:
            monkeypatch.setenv("STEPDOWN_CONFIG", its_own)
        verified = system.stepdown("verify")
        assert (verified.code, "✗" in verified.out, verified.err) == (0, False, ""), verified.out
        found = {one["what"]: one for one in json.loads(system.stepdown("doctor --json").out)["findings"]}
        assert found["config"]["right"]
        for text in ("my-site", told["folder"], told["version"]):
            assert text in found["config"]["text"]
    monkeypatch.setenv("STEPDOWN_CONFIG", str(config.SAMPLE))
    for command in ("verify", "episodes list"):
        refused = system.stepdown(command)
        assert (refused.code, refused.out) == (2, "")
        assert "another site config" in refused.err


def test_reading_on_until_ctrl_c_ends_well(system: RunningSystem, tmp_path: Path) -> None:
    (tmp_path / "day.hl7").write_bytes(b"".join(stay("1009")))
    assert system.stepdown("send", str(tmp_path / "day.hl7")).code == 0
    program = [sys.executable, "-m", "tools.cli.main", "events", "tail", "--data", str(system.data)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as reading_on:
        assert reading_on.stdout is not None
        assert reading_on.stdout.readline()
        reading_on.send_signal(signal.SIGINT)
        assert (reading_on.communicate(timeout=20)[1], reading_on.returncode) == ("", 0)
