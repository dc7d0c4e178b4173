"""The OpenAPI document says what the service has, and is whole in itself."""

from __future__ import annotations

from pathlib import Path

import httpx
from jsonschema import Draft202012Validator
from starlette.routing import Route

from services.intake.api.openapi import document
from services.intake.desk import taking_in
from services.intake.requests.commands import Assessment, Referral
from services.intake.requests.consents.commands import ConsentGiven, ConsentTakenBack
from shared.run import ServiceProcess
from shared.web import dead_letters
from shared.web.form_posts import address
from tests.intake.conftest import Hospital
from tests.intake.web.conftest import Asking
from tests.intake.web.test_consents import consent
from tests.intake.web.test_requests import assessment, referral
from tools.cli.export import openapi

FOR_PEOPLE = {
    "/",
    "/find",
    "/rail",
    "/matches/{match_id}",
    "/patients/{patient_id}/part",
    "/messages",
    "/messages/found",
    "/messages/try",
    "/messages/{id}",
    "/messages/{id}/text",
    "/messages/{id}/again",
    "/messages/{id}/apply",
    "/sign-in",
    "/sign-in/language",
    "/signed-in",
    "/sign-out",
    "/session",
    "/assets/{name}",
}
"""Pages, and what pages of the three services stand on."""
FORMS = {address(write.path) for write in taking_in.WRITES} | {address(each.path) for each in dead_letters.WRITES}
OF_EVERY_SERVICE = {"/live", "/health/live", "/health/ready", "/metrics", "/asyncapi.json", "/api/openapi.json"}


async def test_it_has_every_path_and_method_of_the_service_and_no_other(
    http: httpx.AsyncClient, service: ServiceProcess
) -> None:
    routes = [route for route in service.web.routes if isinstance(route, Route)]
    own = {
        (route.path, method.lower())
        for route in routes
        for method in route.methods or ()
        if method != "HEAD" and route.path not in {*OF_EVERY_SERVICE, *FOR_PEOPLE, *FORMS}
    }
    told = (await http.get("/api/openapi.json")).json()
    assert {(path, method) for path, methods in told["paths"].items() for method in methods} == own
    assert told == document()


def test_what_the_document_allows_the_models_take(hospital: Hospital) -> None:
    made = document()
    for name, model, body in (
        ("Referral", Referral, referral(hospital)),
        ("Assessment", Assessment, assessment(episode_id="e")),
        ("ConsentGiven", ConsentGiven, consent(hospital, **{"from": "2026-03-01"})),
        ("ConsentTakenBack", ConsentTakenBack, {"occurred_at": "2026-03-01T10:00:00Z"}),
    ):
        schema = {**made["components"]["schemas"][name], "components": made["components"]}
        Draft202012Validator(schema).validate(body)
        model.model_validate(body)
        assert not Draft202012Validator(schema).is_valid({**body, "more": 1})


async def test_patients_and_feeds_are_answered_as_the_document_says(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    await hospital.tells("A03")
    await http.post("/consents", json=consent(hospital, to="2027-01-01"), headers=asking("admin"))
    """Each answer is held against the document by the client itself (tests/answers.py)."""
    for path in (
        f"/api/patients?q={hospital.mrn}",
        "/api/feeds",
        "/api/messages?state=waiting",
        f"/api/consents?patient_id={await hospital.patient_id()}",
    ):
        assert (await http.get(path, headers=asking("admin"))).status_code == 200


def test_what_is_committed_is_what_would_be_written() -> None:
    docs = Path(__file__).resolve().parents[3] / "docs"
    for path, text in openapi().items():
        assert (docs / path).read_text(encoding="utf-8") == text
