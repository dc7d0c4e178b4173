"""Intake's HTTP side as an OpenAPI 3.1 document, made from the models of its requests; served and committed alike."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from services.intake.api import consents, feeds, matches, patients
from services.intake.api.writes import ASKERS
from services.intake.people.identifiers import REASONS, SAME_KEY, SAME_OTHER
from services.intake.people.joining import AGAINST, SAME_BORN, SAME_NAME
from services.intake.receiving import http
from services.intake.receiving.read import ER7
from services.intake.receiving.views import LISTED_NOTES
from services.intake.requests.commands import Assessment, Referral, Stated
from services.intake.requests.consents.commands import ConsentGiven, ConsentStated, ConsentTakenBack
from shared.web.idempotency import LONGEST

Object = dict[str, Any]
FOR = frozenset({*REASONS.values(), SAME_KEY, SAME_OTHER, SAME_BORN, SAME_NAME})
"""What speaks for two patients being one."""

_TEXT: Object = {"type": "string"}
_TIME: Object = {"type": "string", "format": "date-time"}
_NUMBER: Object = {"type": "integer", "minimum": 0}
_NEXT: Object = {"type": ["string", "null"], "description": "cursor of the next page; null: there is none"}


def _list(of: Object) -> Object:
    return {"type": "array", "items": of}


def _object(required: str = "", **fields: Object) -> Object:
    return {"type": "object", "properties": fields, **({"required": required.split()} if required else {})}


_FIELDS = _list(_object(field=_TEXT, problem=_TEXT))
_MESSAGE = _object(
    "message_id facility door since", message_id=_TEXT, facility=_TEXT, door=_TEXT, trigger=_TEXT, since=_TIME,
    reason={**_TEXT, "description": "why it waits"}, code={"type": "integer", "description": "HL7 table 0357"},
    location={**_TEXT, "description": "segment and field of an AE"},
)  # fmt: skip
_CODE = _object(
    "kind field code count",
    kind={**_TEXT, "description": "unit, disposition, admission-type, admission-source, payer, plan"},
    field={**_TEXT, "description": "where it was said"}, code={**_TEXT, "description": "as it was sent"},
    count={**_NUMBER, "description": "visits that say it; of a unit, messages that wait for it"}, last_at=_TIME,
)  # fmt: skip
_COUNT = _object(door=_TEXT, trigger=_TEXT, answer=_TEXT, count=_NUMBER, last_at=_TIME)
SCHEMAS: dict[str, Object] = {
    "Problem": {
        "description": "RFC 9457; no value that was sent is in it.",
        **_object("type title status detail", type=_TEXT, title=_TEXT, status=_NUMBER, detail=_TEXT, fields=_FIELDS),
    },
    "Patient": _object(
        "patient_id facilities episodes",
        patient_id=_TEXT, facilities=_list(_TEXT), episodes=_list(_TEXT),
        identifiers=_list({"$ref": "#/components/schemas/PatientIdentifier"}),
        name=_object(family=_TEXT, given=_TEXT), other_names=_list(_object(family=_TEXT, given=_TEXT)),
        birth_date={"type": "string", "format": "date"}, sex=_TEXT,
        contacts=_list(_object(system=_TEXT, value=_TEXT, use=_TEXT, safe={"type": "boolean"})),
        address={"type": "object", "additionalProperties": _TEXT},
        safe_to_contact={"type": ["boolean", "object"]},
        told_differently={
            "type": "object", "description": "field → facility → what it told, where the caller's facilities differ",
        },
    ),
    "Matches": _object(
        "matches next",
        matches=_list(
            _object(
                "match_id patient_ids for against since state",
                match_id=_TEXT, patient_ids={**_list(_TEXT), "minItems": 2, "maxItems": 2},
                against=_list({"enum": sorted(AGAINST)}), since=_TIME, state={"enum": ["open"]},
                **{"for": _list({"enum": sorted(FOR)})},
            )
        ),
        next=_NEXT,
    ),
    "Patients": _object("patients next", patients=_list({"$ref": "#/components/schemas/Patient"}), next=_NEXT),
    "Feed": _object(
        "facility last_at messages waiting ae unmapped unmapped_units counts oldest_waiting oldest_ae "
        "unmapped_codes",
        facility=_TEXT, last_at={"type": ["string", "null"], "format": "date-time"}, messages=_NUMBER, waiting=_NUMBER,
        ae=_NUMBER, unmapped=_NUMBER, unmapped_units=_NUMBER, counts=_list(_COUNT), oldest_waiting=_list(_MESSAGE),
        oldest_ae=_list(_MESSAGE),
        unmapped_codes={
            **_list(_CODE),
            "description": "what is in no table of the site, for the roles that add it there; empty for an auditor",
        },
    ),
    "Feeds": _object("facilities", facilities=_list({"$ref": "#/components/schemas/Feed"})),
    "Consent": _object(
        "consent_id patient_id facility discloser purpose scope from occurred_at state",
        consent_id=_TEXT, patient_id=_TEXT, facility=_TEXT, discloser=_TEXT, recipient=_TEXT,
        recipient_class=_TEXT, purpose=_TEXT, scope=_list(_TEXT), occurred_at=_TIME, ended_at=_TIME,
        state={
            "enum": ["standing", "revoking", "revoked", "expired"],
            "description": "revoking: taken back, and the gate for what leaves may not have heard of it yet",
        },
        counts_from={**_TIME, "description": "revoked: nothing leaves on it from then on"},
        episodes=_list(_TEXT),
        **{"from": {"type": "string", "format": "date"}, "to": {"type": "string", "format": "date"}},
    ),
    "Consents": _object("consents", consents=_list({"$ref": "#/components/schemas/Consent"})),
    "Messages": _object("messages next", messages=_list(_MESSAGE), next=_NEXT),
}  # fmt: skip
"""What is answered; what is asked comes from the models."""


MODELS: tuple[type[BaseModel], ...] = (Referral, Assessment, Stated, ConsentGiven, ConsentTakenBack, ConsentStated)


def document() -> Object:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Stepdown intake",
            "version": "1.0.0",
            "description": "Messages, requests and consents in; who patients are, and how the feeds do, out.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"bearer": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "schemas": dict(sorted({**_models(*MODELS), **SCHEMAS}.items())),
        },
    }


def _models(*models: type[BaseModel]) -> dict[str, Object]:
    _, found = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    schemas: dict[str, Object] = found["$defs"]
    return schemas


def _paths() -> Object:
    er7 = {"content": {ER7: {"schema": _TEXT}}, "description": "the HL7 acknowledgements, one after the other"}
    page = (
        _query("limit", "entries of a page", {"type": "integer", "minimum": 1}),
        _query("cursor", "`next` of a page"),
    )
    key = {
        "name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": LONGEST},
        "description": "the same key and request again within a week: the first answer; another request: 422",
    }  # fmt: skip
    found = {"name": "patient_id", "in": "path", "required": True, "schema": _TEXT}
    consent = {**found, "name": "id"}
    states = _query("state", "which messages", {"enum": sorted(LISTED_NOTES)}, required=True)
    return {
        "/hl7v2": {
            "post": {
                "summary": "An HL7 v2 message",
                "description": "The status says whether the message was dealt with; MSA-1 says what became of it. "
                f"Roles: {', '.join(http.SENDERS)}.",
                "requestBody": {"required": True, "content": {kind: {"schema": _TEXT} for kind in http.TAKEN}},
                "responses": {
                    "200": er7,
                    "204": {"description": "dealt with; the message wants no acknowledgement"},
                    **_problems(401, 403, 413, 415, 503),
                },
            }
        },
        "/referrals": {"post": _taken("A referral: an episode without ADT", "Referral", key)},
        "/assessments": {"post": _taken("An assessment", "Assessment", key)},
        "/consents": {
            "post": _taken("A consent to disclosures", "ConsentGiven", key, told="ConsentStated", problems=(404,)),
        },
        "/consents/{id}/revoked": {
            "post": _taken(
                "The consent is taken back; 200: nothing leaves on it from now on; 202: the gate has yet to hear of it",
                "ConsentTakenBack", key, consent, told="ConsentStated", status=200, later=True, problems=(404, 409),
            )
        },
        "/consents/{id}": {
            "get": _read("A consent", "Consent", (*ASKERS, "auditor"), consent, problems=(404,))
        },
        "/api/consents": {
            "get": _read(
                "The consents of a patient", "Consents", consents.READERS,
                _query("patient_id", "Stepdown's id of the patient", required=True), problems=(400, 404),
            )
        },
        "/api/patients": {
            "get": _read(
                "Whom a question means, or who patients are", "Patients", patients.READERS,
                _query("q", "whole words: parts of names, birth date, telephone number, patient id; or `ids`"),
                _query("ids", f"Stepdown's ids of up to {patients.MOST_IDS} patients, with commas; no page follows"),
                *page, problems=(400, 429),
            )
        },
        "/api/patients/{patient_id}": {
            "get": _read("Who a patient is", "Patient", patients.READERS, found, problems=(404, 429))
        },
        "/api/matches": {
            "get": _read(
                "Patients who may be one person, by what the caller's facilities told of both", "Matches",
                matches.READERS, *page, problems=(400, 429),
            )
        },
        "/api/feeds": {"get": _read("How the feeds do, by facility", "Feeds", feeds.READERS)},
        "/api/messages": {
            "get": _read(
                "Messages that wait or went wrong", "Messages", feeds.READERS, states,
                _query("facility", "one facility of site config"), *page, problems=(400,),
            )
        },
    }  # fmt: skip


def _query(name: str, about: str, schema: Object | None = None, *, required: bool = False) -> Object:
    return {"name": name, "in": "query", "required": required, "description": about, "schema": schema or _TEXT}


def _taken(
    summary: str,
    model: str,
    *given: Object,
    told: str = "Stated",
    status: int = 201,
    later: bool = False,
    problems: tuple[int, ...] = (),
) -> Object:
    also = {*problems, *([404] if model == "Assessment" else [])}
    return {
        "summary": summary,
        "description": f"Roles: {', '.join(ASKERS)}.",
        "parameters": list(given),
        "requestBody": {"required": True, "content": _json(model)},
        "responses": {
            str(status): {"description": "stated", "content": _json(told)},
            **(
                {"202": {"description": "stated; ask how it stands at `location`", "content": _json(told)}}
                if later
                else {}
            ),
            **_problems(*sorted({400, 401, 403, 413, 415, 422, 429, 503, *also})),
        },
    }


def _read(summary: str, model: str, roles: tuple[str, ...], *given: Object, problems: tuple[int, ...] = ()) -> Object:
    return {
        "summary": summary,
        "description": f"Roles: {', '.join((*roles, 'admin'))}.",
        "parameters": list(given),
        "responses": {
            "200": {"description": "found", "content": _json(model)},
            **_problems(*sorted({401, 403, 503, *problems})),
        },
    }


def _json(model: str) -> Object:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{model}"}}}


_WHY = {
    400: "not understood", 401: "no valid token", 403: "another role or facility is needed", 404: "there is none",
    409: "it has expired",
    413: "too long", 415: "another content-type is needed", 422: "a field does not fit", 429: "asked too often",
    503: "nothing was stored: send it again",
}  # fmt: skip


def _problems(*statuses: int) -> Object:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {str(status): {"description": _WHY[status], "content": content} for status in statuses}
