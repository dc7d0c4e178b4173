"""FHIR on hospital.adt: its content-type says so, and the answer on hospital.acks is an OperationOutcome."""

from __future__ import annotations

import orjson

from shared.run import ServiceProcess
from tests.intake.fhir_stories import by_fhir, happens
from tests.intake.test_kafka_door import acks, broker, facts_of, sent, service  # noqa: F401 - fixtures
from tests.waiting import until

FHIR = b"application/fhir+json"


async def test_an_encounter_on_the_topic_is_taken_and_answered(broker: str, service: ServiceProcess) -> None:  # noqa: F811
    admitted, ended = happens([("discharge", "")])
    for number, event in enumerate((admitted, ended)):
        resource = by_fhir(event, visit="VF-1", mrn="MFHIR1")
        told = {"resourceType": "Bundle", "id": f"b{number}", "type": "message", "entry": [{"resource": resource}]}
        headers = [("content-type", FHIR), ("correlationid", b"fhir-1")]
        await sent(broker, (orjson.dumps(told), headers))
    wrong = {"resourceType": "Encounter", "status": "MARKERVALUE"}
    await sent(broker, (orjson.dumps(wrong), [("content-type", FHIR), ("correlationid", b"fhir-1")]))
    answers = await acks(broker, "fhir-1", 3)
    assert {dict(one.headers)["content-type"] for one in answers} == {FHIR}
    issues = [orjson.loads(one.value)["issue"][0] for one in answers]
    assert [one["severity"] for one in issues] == ["information", "information", "error"]
    assert issues[2]["expression"] == ["Encounter.status"]
    assert b"MARKERVALUE" not in answers[2].value

    async def both() -> bool:
        return [fact.name for fact in await facts_of(broker, "MFHIR1")] != []

    await until(both)
    assert {"admitted"} <= {fact.name for fact in await facts_of(broker, "MFHIR1")}
