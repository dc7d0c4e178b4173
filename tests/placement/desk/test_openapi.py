"""The document of the desk's API has every route and no other, and is whole in itself."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator
from starlette.routing import Route

from services.placement.desk.api import SUBJECTS, document
from tests.placement.desk.conftest import Desk


async def test_it_has_every_path_and_method_and_no_other(desk: Desk) -> None:
    told = (await desk.client.get("/api/openapi.json")).json()
    assert told == document()
    app: Any = desk.client._transport
    served = {
        (route.path, method.lower())
        for route in app.app.routes
        if isinstance(route, Route) and route.path.startswith(("/api/", "/fhir/")) and route.path != "/api/openapi.json"
        for method in route.methods or ()
        if method != "HEAD"
    }
    assert {(path, method) for path, methods in told["paths"].items() for method in methods} == served


def test_what_the_document_allows_the_models_take_and_nothing_more() -> None:
    made = document()
    for subject in SUBJECTS:
        for write in subject.writes:
            schema = {**made["components"]["schemas"][write.asks.__name__], "components": made["components"]}
            assert not Draft202012Validator(schema).is_valid({"more": 1}), write.path
