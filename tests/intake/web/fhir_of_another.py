"""What a hospital might tell by FHIR of another facility's patient, for every door below /fhir."""

from __future__ import annotations

from typing import Any


def told(kind: str, mrn: str, facility: str) -> dict[str, Any]:
    """A resource of this type about a patient of a facility, under the id `x1`."""
    here = {"display": facility}
    who = {"identifier": {"system": "GH", "value": mrn}}
    patient = {"resourceType": "Patient", "id": "p", "managingOrganization": here, "identifier": [who["identifier"]]}
    head: dict[str, Any] = {"resourceType": kind, "id": "x1", "contained": [patient], "subject": {"reference": "#p"}}
    match kind:
        case "Encounter":
            place = {"class": {"code": "IMP"}, "location": [{"location": {"display": "3W"}}]}
            return {
                **head,
                **place,
                "status": "finished",
                "serviceProvider": here,
                "identifier": [{"value": f"V1-{mrn}"}],
            }
        case "Patient":
            return {**patient, "id": "x1"}
        case "Coverage":
            return {**head, "status": "active", "beneficiary": {"reference": "#p"}, "payor": [{"display": "ACME"}]}
        case "Condition":
            return {**head, "code": {"coding": [{"code": "F33.2"}]}}
        case "ServiceRequest":
            return {**head, "status": "active", "intent": "order", "performer": [here]}
        case "Observation":
            return {**head, "status": "final", "code": {"coding": [{"code": "PHQ-9"}]}, "performer": [here]}
        case "QuestionnaireResponse":
            return {**head, "status": "completed", "questionnaire": "http://q.example/LOCUS|20", "author": here}
    allowed = {"purpose": [{"code": "TREAT"}], "securityLabel": [{"code": "PSY"}], "actor": [
        {"role": {"coding": [{"code": "IRCP"}]}, "reference": {"identifier": {"value": "valley-clinic"}}}]}  # fmt: skip
    return {**head, "status": "active", "patient": {"reference": "#p"}, "organization": [here], "provision": allowed}


def body_for(path: str, mrn: str, facility: str) -> dict[str, Any]:
    """The body for a door."""
    kind = path.removeprefix("/fhir").strip("/").split("/")[0]
    encounter = told("Encounter", mrn, facility)
    if kind == "$process-message":
        header = {"resourceType": "MessageHeader", "id": "h", "eventCoding": {"code": "notification-admit"}}
        return {"resourceType": "Bundle", "type": "message", "entry": [{"resource": header}, {"resource": encounter}]}
    if not kind:
        entry = {"resource": encounter, "request": {"method": "POST", "url": "Encounter"}}
        return {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    return told(kind, mrn, facility)
