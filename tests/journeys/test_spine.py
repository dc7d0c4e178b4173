"""One discharge from the hospital's frame to the bill and the follow-up, on a whole running system; and back again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import orjson
import pytest
from aiokafka import ConsumerRecord
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from cloudevents.core.formats.json import JSONFormat

from shared.events.follow_ups import FollowUpDue
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact
from tests.intake.said import er7
from tests.system import System

ZONE = ZoneInfo("America/New_York")
NOW = datetime.now(ZONE).replace(hour=12, minute=0, second=0, microsecond=0)
ADMITTED, DISCHARGED, TAKEN_BACK = NOW - timedelta(days=6), NOW - timedelta(days=2), NOW - timedelta(days=1)
_NUMBER = count(1)


@dataclass(frozen=True)
class Patient:
    """A patient with one visit, and the messages a hospital sends about it."""

    number: int

    @property
    def visit(self) -> str:
        return f"SPINE{self.number}"

    def message(self, trigger: str) -> bytes:
        at = {"A01": ADMITTED, "A03": DISCHARGED, "A13": TAKEN_BACK}[trigger]
        left = {"A03": {36: "01", 45: hl7(DISCHARGED)}}.get(trigger, {})
        return er7(
            trigger,
            hl7(at),
            control_id=f"{trigger}-{self.number}",
            visit=self.visit,
            pid={3: f"{880000 + self.number}^^^GH^MR", 5: "Quillfeather^Zebedee"},
            pv1={44: hl7(ADMITTED), **left},
        )


@pytest.fixture
def patient() -> Patient:
    return Patient(next(_NUMBER))


def hl7(at: datetime) -> str:
    return at.strftime("%Y%m%d%H%M%S%z")


async def send(system: System, patient: Patient, *triggers: str) -> list[bytes]:
    sender = await system.sender()
    answers = [await sender.send(patient.message(trigger)) for trigger in triggers]
    await sender.close()
    for trigger, answer in zip(triggers, answers, strict=True):
        assert f"MSA|AA|{trigger}-{patient.number}".encode() in answer
    await system.idle()
    return answers


async def about(system: System, patient: Patient, topic: str = "care.events") -> list[Fact]:
    """The records of the patient's episode."""
    facts = await system.facts()
    (episode,) = {f.subject for f in facts if f.value.stay and f.value.stay.id == patient.visit}
    return [fact for fact in await system.facts(topic) if fact.as_json["episode_id"] == episode]


def names(facts: list[Fact], writer: str) -> list[str]:
    return [fact.type for fact in facts if fact.writer == writer]


async def follow_ups(system: System, patient: Patient) -> list[tuple[str, str]]:
    """(state, measure) of the windows that aftercare's API lists for the patient's episode."""
    (episode,) = {fact.subject for fact in await about(system, patient)}
    listed: list[dict[str, Any]] = []
    more = ""
    while True:
        page = system.get("aftercare", f"/api/follow-ups?limit=200{more}")
        listed += page["items"]
        if page["next"] is None:
            break
        more = f"&cursor={page['next']}"
    return sorted((row["state"], row["measure"]) for row in listed if row["episode_id"] == episode)


async def test_an_admission_and_a_discharge_become_facts_periods_and_follow_up_windows(
    system: System, patient: Patient
) -> None:
    await send(system, patient, "A01", "A03")
    facts = await about(system, patient)
    assert names(facts, "intake") == ["care.admitted.v1", "care.discharged.v1"]
    assert names(facts, "aftercare") == ["care.follow-up-due.v1"] * 2
    due = [fact.value for fact in facts if isinstance(fact.value, FollowUpDue)]
    assert sorted((window.due_to - DISCHARGED.date()).days for window in due) == [7, 30]
    assert {window.discharge for window in due} == {facts[1].id}
    assert len(await follow_ups(system, patient)) == 2
    periods = await about(system, patient, "billing.service-periods")
    assert names(periods, "placement") == ["billing.service-period-opened.v1", "billing.service-period-closed.v1"]
    assert [fact.as_json["version"] for fact in periods] == [1, 2]
    last = periods[-1].as_json
    assert (last["level"], last["start_date"], last["end_date"]) == (
        "inpatient", ADMITTED.date().isoformat(), DISCHARGED.date().isoformat(),
    )  # fmt: skip
    assert last["patient_status"] != "30"


async def test_a_cancelled_discharge_takes_everything_back_that_followed_from_it(
    system: System, patient: Patient
) -> None:
    await send(system, patient, "A01", "A03")
    before = await about(system, patient)
    await send(system, patient, "A13")
    facts = await about(system, patient)
    (discharged,) = [fact.id for fact in before if fact.type == "care.discharged.v1"]
    windows = {fact.id for fact in before if fact.type == "care.follow-up-due.v1"}
    cancels = {(f.writer, f.value.cancels) for f in facts if isinstance(f.value, FactCancelled)}
    assert cancels == {("intake", discharged), *(("aftercare", window) for window in windows)}
    last = (await about(system, patient, "billing.service-periods"))[-1]
    assert last.type == "billing.service-period-amended.v1"
    assert last.as_json["version"] == 3
    assert last.as_json.get("end_date") is None
    assert last.as_json["patient_status"] == "30"
    assert await follow_ups(system, patient) == []
    state = (await about(system, patient, "care.episodes"))[-1].as_json
    assert (state["state"], state["level"]) == ("active", "inpatient")


@pytest.mark.parametrize(
    "orders", [(("A01", "A03", "A13"), ("A01", "A13", "A03"), ("A13", "A03", "A01")), (("A01", "A03"), ("A03", "A01"))]
)
async def test_in_whatever_order_the_messages_come_the_end_is_the_same(
    system: System, orders: tuple[tuple[str, ...], ...]
) -> None:
    ends = []
    for order in orders:
        patient = Patient(next(_NUMBER))
        await send(system, patient, *order)
        ends.append(await the_end(system, patient))
    assert ends[1:] == ends[:1] * (len(ends) - 1)
    assert await system.broken() == []


async def the_end(system: System, patient: Patient) -> dict[str, Any]:
    """The episode, its latest periods and its windows, without what differs from one patient to the next."""
    episode = (await about(system, patient, "care.episodes"))[-1].as_json
    stays = [{k: v for k, v in stay.items() if k not in {"id", "begun_by", "ended_by"}} for stay in episode["stays"]]
    ended = [(stay.get("ended_by") or {}) | {"ce_id": None} for stay in episode["stays"]]
    own = {k: v for k, v in episode.items() if k not in {"episode_id", "patient_id", "version", "seen", "stays"}}
    own["searches"] = [{k: v for k, v in one.items() if k != "search_id"} for one in episode.get("searches", ())]
    periods = {
        fact.as_json["period_id"]: fact.as_json for fact in await about(system, patient, "billing.service-periods")
    }
    differing = {"period_id", "version", "supersedes", "changed", "reason", "episode_id", "patient", "stay"}
    differing |= {"visit_number", "patient_id"}
    latest = [{k: v for k, v in value.items() if k not in differing} for value in periods.values()]
    return {
        "episode": own,
        "stays": stays,
        "ended": ended,
        "periods": latest,
        "windows": await follow_ups(system, patient),
    }


async def test_the_repeat_of_a_message_gets_the_first_answer_byte_for_byte(system: System, patient: Patient) -> None:
    first = await send(system, patient, "A01", "A03")
    before = await about(system, patient)
    assert await send(system, patient, "A03", "A01") == first[::-1]
    assert await about(system, patient) == before


@pytest.mark.parametrize("topic", ["care.events", "care.episodes", "billing.service-periods", "billing.periods"])
async def test_every_record_is_a_cloud_event_in_binary_mode_with_its_key(
    system: System, patient: Patient, topic: str
) -> None:
    await send(system, patient, "A01", "A03")
    (episode,) = {fact.subject for fact in await about(system, patient)}
    found = [one for one in await system.records(topic) if orjson.loads(one.value)["episode_id"] == episode]
    assert found
    numbers: dict[tuple[str, str], list[int]] = {}
    for record in found:
        told = {name: value.decode() for name, value in record.headers}
        value = orjson.loads(record.value)
        assert record.key.decode() == value["period_id" if topic == "billing.periods" else "episode_id"]
        assert told["ce_subject"] == value["period_id" if topic.startswith("billing") else "episode_id"]
        assert (told["content-type"], told["ce_specversion"]) == ("application/json", "1.0")
        assert told["ce_sequencetype"] == "Integer"
        assert told["ce_source"].startswith("/stepdown/")
        assert told["ce_correlationid"]
        assert datetime.fromisoformat(told["ce_time"]).tzinfo is not None
        event = as_cloud_event(record)
        assert (event.get_id(), event.get_type()) == (told["ce_id"], told["ce_type"])
        numbers.setdefault((told["ce_source"], told["ce_subject"]), []).append(int(told["ce_sequence"]))
        assert "quillfeather" not in str(record).lower()
    compacted = topic == "billing.periods"  # the last version of each pass is enough there
    for each in numbers.values():
        assert each == (sorted(set(each)) if compacted else list(range(1, len(each) + 1)))
    ids = [dict(record.headers)["ce_id"] for record in found]
    assert len(ids) == len(set(ids))


def as_cloud_event(record: ConsumerRecord) -> Any:
    """The record as an independent reader of the standard sees it."""
    return from_binary_event(KafkaMessage(dict(record.headers), record.key, record.value), JSONFormat())


async def tell(system: System, *messages: bytes) -> None:
    """A hospital sends these, each is answered AA, and all that follows has followed."""
    sender = await system.sender()
    answers = [await sender.send(message) for message in messages]
    await sender.close()
    assert all(b"MSA|AA|" in answer for answer in answers)
    await system.idle()


async def test_two_people_who_share_a_placeholder_stay_two_with_a_bill_each(system: System) -> None:
    """Contract 6, Who: 999999999 stands where nobody knew the number, so it names nobody."""
    people = {"S1": ("Plumfield^Ada", "19800101", "F"), "S2": ("Plumfield^Ezra", "19550202", "M")}
    nobody = "999999999^^^USSSA^SS"
    await tell(
        system,
        *(
            er7(
                "A01",
                hl7(ADMITTED),
                control_id=f"placeholder-{number}",
                visit=f"PLACEHOLDER-{number}",
                pid={3: f"{number}^^^GH^MR~{nobody}", 5: name, 7: born, 8: sex},
                pv1={44: hl7(ADMITTED)},
            )
            for number, (name, born, sex) in people.items()
        ),
    )
    for number, (name, _, _) in people.items():
        (found,) = system.get("intake", f"/api/patients?q={number}")["patients"]
        assert f"{found['name']['family']}^{found['name']['given']}" == name
    stated = await system.facts()
    admitted = [f for f in stated if f.value.stay and f.value.stay.id.startswith("PLACEHOLDER-")]
    assert len({fact.value.patient_id for fact in admitted}) == len({fact.subject for fact in admitted}) == 2
    bills = await system.facts("billing.service-periods")
    assert len({f.as_json["episode_id"] for f in bills if f.as_json["stay"]["id"].startswith("PLACEHOLDER-")}) == 2


async def test_a_program_that_the_hospital_filled_by_adt_is_full_for_everybody_and_shown_as_over(
    system: System, patient: Patient
) -> None:
    """Contract 3.6 rule 14: whoever is there takes up a seat, by whichever door; an admission is never refused."""
    detox = system.get("placement", "/api/programs/GH-DETOX")
    room, there = detox["capacity"], detox["taken"]
    await send(system, patient, "A01")
    await tell(
        system,
        *(
            er7(
                "A01",
                hl7(ADMITTED),
                control_id=f"detox-{number}",
                unit="DTX",
                visit=f"DETOX-{number}",
                pid={3: f"{890000 + number}^^^GH^MR", 5: f"Brackwater^{number}"},
                pv1={44: hl7(ADMITTED)},
            )
            for number in range(room + 1 - there)
        ),
    )
    shown = system.get("placement", "/api/programs/GH-DETOX")
    assert (shown["taken"], shown["free"], shown["over"]) == (room + 1, 0, 1)
    somebody = (await about(system, patient))[0].subject
    days = {"from": (NOW + timedelta(days=1)).isoformat(), "until": (NOW + timedelta(days=3)).isoformat()}
    asked = {"episode_id": somebody, "program": "GH-DETOX", **days}
    signed_in = {"authorization": f"Bearer {system.ready['tokens']['coordinator']}"}
    async with httpx.AsyncClient(base_url=system.ready["placement"], headers=signed_in) as desk:
        refused = await desk.post("/api/seats", json=asked)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:stepdown:problem:program-full")
    assert await system.broken() == []
