"""One trace from the door to the bill: what came with a message or a request is on everything that follows from it."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from shared.facts.tracing import begun_with, trace_of
from tests.cli.conftest import RunningSystem
from tests.cli.messages import message, stay
from tests.waiting import until

pytestmark = pytest.mark.slow
TOPICS = ("care.events", "care.episodes", "billing.service-periods", "billing.periods")


def given() -> str:
    """A trace context as somebody's own tracing makes it."""
    return f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-01"


def posted(system: RunningSystem, service: str, path: str, body: bytes, kind: str, trace: str | None) -> Any:
    ready = json.loads((system.data / "ready.json").read_text())
    role = "hospital" if service == "intake" else "coordinator"
    headers = {"authorization": f"Bearer {ready['tokens'][role]}", "content-type": kind}
    headers |= {"traceparent": trace} if trace else {}
    with urlopen(Request(ready[service] + path, body, headers), timeout=10) as answer:
        return answer.read()


def told(system: RunningSystem, topic: str, trace: str) -> list[dict[str, Any]]:
    """The records of a topic that are in a trace."""
    lines = system.stepdown(f"events tail --json --topic {topic} --until-idle 0.5").lines
    found = trace_of(trace)
    return [line for line in lines if found and trace_of(line["headers"].get("traceparent")) == found]


def kinds(records: list[dict[str, Any]]) -> set[str]:
    """Their types."""
    return {one["headers"]["ce_type"] for one in records}


async def test_what_follows_from_a_message_is_in_its_trace_up_to_the_bill(system: RunningSystem) -> None:
    mine = given()
    posted(system, "intake", "/hl7v2", message("A01", "7001", "20260301100000"), "x-application/hl7-v2+er7", mine)
    posted(system, "intake", "/hl7v2", message("A03", "7001", "20260305140000"), "x-application/hl7-v2+er7", mine)
    await until(lambda: told(system, "billing.periods", mine))
    await until(lambda: "care.follow-up-due.v1" in kinds(told(system, "care.events", mine)))
    found = {topic: told(system, topic, mine) for topic in TOPICS}
    assert all(found.values()), {topic: len(records) for topic, records in found.items()}
    assert {"care.admitted.v1", "care.discharged.v1"} <= kinds(found["care.events"])
    sources = {one["headers"]["ce_source"] for one in found["care.events"]}
    assert sources == {"/stepdown/intake", "/stepdown/placement", "/stepdown/aftercare"}
    assert len({one["key"] for one in found["care.events"]}) == 1, "nothing of anybody else"
    places = {one["headers"]["ce_id"]: one["headers"]["traceparent"] for records in found.values() for one in records}
    assert len(places) == len(set(places.values())), "each record has a place of its own"


async def test_a_message_without_a_trace_begins_one_and_each_request_of_a_person_is_one(
    system: RunningSystem, tmp_path: Path
) -> None:
    (tmp_path / "day.hl7").write_bytes(b"".join(stay("7002")))
    assert system.stepdown("send", str(tmp_path / "day.hl7")).code == 0
    episode = (await until(lambda: system.told("V7002")))["key"]
    [ended] = await until(lambda: of_type(system, episode, "care.discharged.v1"))
    assert trace_of(ended["traceparent"]) == trace_of(begun_with(ended["ce_correlationid"]))
    assert await until(lambda: told(system, "billing.periods", ended["traceparent"]))

    [search] = await until(lambda: searches(system, episode))
    asked = given()
    body = json.dumps({"reason": "no-program"}).encode()
    posted(system, "placement", f"/api/searches/{search['search_id']}/closed", body, "application/json", asked)
    [closed] = await until(lambda: told(system, "care.events", asked))
    assert closed["headers"]["ce_type"] == "care.search-closed.v1"
    assert [one["key"] for one in told(system, "care.episodes", asked)] == [episode]


def of_type(system: RunningSystem, episode: str, kind: str) -> list[dict[str, str]]:
    """The headers of an episode's facts of a type."""
    lines = system.stepdown("events tail --json --until-idle 0.5").lines
    return [one["headers"] for one in lines if one["key"] == episode and one["headers"]["ce_type"] == kind]


def searches(system: RunningSystem, episode: str) -> list[Any]:
    ready = json.loads((system.data / "ready.json").read_text())
    headers = {"authorization": f"Bearer {ready['tokens']['coordinator']}"}
    path = f"{ready['placement']}/api/searches?episode_id={episode}"
    with urlopen(Request(path, headers=headers), timeout=10) as answer:
        found: list[Any] = json.loads(answer.read())["searches"]
        return found
