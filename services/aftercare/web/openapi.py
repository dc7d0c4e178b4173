"""GET /api/openapi.json: the API told by the same tables that make its routes (OpenAPI 3.1)."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.aftercare.domain import STATES as WINDOW_STATES
from services.aftercare.entries import STATES
from services.aftercare.web.reading import LISTS
from services.aftercare.web.writing import WRITES, Write
from shared.web import JSON

_PROBLEM = {
    "description": "a problem (RFC 9457)",
    "content": {"application/problem+json": {"schema": {"type": "object"}}},
}
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "maxLength": 200},
    "description": "sent again with the same body, the first answer comes again",
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "schema": {"type": "string"},
    "description": "the ETag that was seen; 412 when the episode's aftercare went on since",
}


def route() -> Route:
    """The document, made once."""
    told = document()

    async def openapi(_: Request) -> Response:
        return JSON(told)

    return Route("/api/openapi.json", openapi, methods=["GET"])


def document() -> dict[str, Any]:
    """The whole document."""
    asks = list(dict.fromkeys(write.asks for write in WRITES))
    _, schemas = models_json_schema(
        [(each, "validation") for each in asks], ref_template="#/components/schemas/{model}"
    )
    paths: dict[str, Any] = {}
    for name, kind in {**LISTS, "follow-ups": "follow-up"}.items():
        states = WINDOW_STATES if kind == "follow-up" else STATES[LISTS[name]]
        paths[f"/api/{name}"] = {"get": _list(name, states)}
        paths[f"/api/{name}/{{id}}"] = {
            "get": _answers(f"One of the {name}, with its ETag", [_ID], "200", "401 403 404")
        }
    paths["/api/measures"] = {
        "get": _answers("Follow-ups kept, by facility and measure", _days(), "200", "401 403 422")
    }
    for write in WRITES:
        paths.setdefault(write.path, {})["post"] = _write(write)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Stepdown aftercare", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": schemas.get("$defs", {}),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"bearer": []}],
    }


def _list(name: str, states: tuple[str, ...]) -> dict[str, Any]:
    asked = [_query("state", {"enum": list(states)}), _query("limit", {"type": "integer"}), _query("cursor")]
    if name != "follow-ups":
        asked.append(_query("episode_id"))
    return _answers(f"The {name} of the caller's facilities, page by page", asked, "200", "401 403 422")


def _write(write: Write) -> dict[str, Any]:
    asked: list[dict[str, Any]] = [*([] if write.makes else [_ID]), _KEY, _IF_MATCH]
    told = _answers(write.summary, asked, "201" if write.makes else "200", "400 401 403 404 409 412 413 422")
    schema = {"$ref": f"#/components/schemas/{write.asks.__name__}"}
    return {**told, "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _days() -> list[dict[str, Any]]:
    needed = [{**_query(name, {"type": "string", "format": "date"}), "required": True} for name in ("from", "to")]
    return [*needed, _query("facility"), _query("measure")]


def _query(name: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": {"type": "string", **(schema or {})}}


def _answers(summary: str, asked: list[dict[str, Any]], good: str, problems: str) -> dict[str, Any]:
    fine = {"description": "done", "content": {"application/json": {"schema": {"type": "object"}}}}
    return {
        "summary": summary,
        "parameters": asked,
        "responses": {good: fine, **dict.fromkeys(problems.split(), _PROBLEM)},
    }
