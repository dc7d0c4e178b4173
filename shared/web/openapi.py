"""Parts of an OpenAPI 3.1 document, so that a service tells of its API by the same tables that make its routes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.web.app import JSON
from shared.web.idempotency import LONGEST
from shared.web.paging import MOST
from shared.web.posts import Write

Object = dict[str, Any]
TEXT: Object = {"type": "string"}
PARAMETERS: dict[str, Object] = {
    "Id": {"name": "id", "in": "path", "required": True, "schema": TEXT},
    "Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "schema": {"type": "string", "maxLength": LONGEST},
        "description": "sent again with the same body, the first answer comes again",
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "schema": TEXT,
        "description": "the ETag that was seen; 412 when the episode went on since",
    },
    "Limit": {
        "name": "limit",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": MOST},
        "description": "entries of a page",
    },
    "Cursor": {"name": "cursor", "in": "query", "schema": TEXT, "description": "`next` of the page before"},
}
_FIELD: Object = {"type": "object", "properties": {"field": TEXT, "problem": TEXT}}
PROBLEM: Object = {
    "type": "object",
    "description": "RFC 9457; no value that was sent is in it.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": TEXT,
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT,
        "fields": {"type": "array", "items": _FIELD, "description": "what does not fit, by our own names"},
        "state": {"type": "string", "description": "what is so now"},
        "possible": {"type": "array", "items": TEXT, "description": "what may be done about it"},
    },
}
WHY = {
    400: "not understood", 401: "no valid token", 403: "another role or facility is needed", 404: "there is none",
    409: "not possible now: the state, and what is possible", 412: "it went on since it was seen", 413: "too long",
    422: "a field does not fit", 503: "nothing was stored: send it again",
}  # fmt: skip


def document(title: str, about: str, paths: Object, models: Iterable[type[BaseModel]]) -> Object:
    """The whole document; `models` are what is asked."""
    asked = [(each, "validation") for each in dict.fromkeys(models)]
    _, found = models_json_schema(asked, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": "1.0.0",
            "description": about,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "parameters": PARAMETERS,
            "responses": {f"Problem{status}": _problem(words) for status, words in WHY.items()},
            "schemas": dict(sorted({**found.get("$defs", {}), "Problem": PROBLEM}.items())),
        },
    }


def _problem(words: str) -> Object:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": words, "content": content}


def parameter(name: str) -> Object:
    """A parameter that many operations have."""
    return {"$ref": f"#/components/parameters/{name}"}


def route(document: Callable[[], Object]) -> Route:
    """GET /api/openapi.json, for everybody; the document is made when it is first asked for."""
    told = cache(document)

    async def openapi(_: Request) -> Response:
        return JSON(told())

    return Route("/api/openapi.json", openapi, methods=["GET"])


def written(writes: Iterable[Write[Any]]) -> Object:
    """The paths of a table of writes."""
    return {write.path: {"post": _write(write)} for write in writes}


def _write(write: Write[Any]) -> Object:
    asked = [parameter(name) for name in (*(() if write.makes else ("Id",)), "Key", "IfMatch")]
    good, problems = ("201" if write.makes else "200"), (400, 401, 403, 404, 409, 412, 413, 422, 503)
    schema = {"$ref": f"#/components/schemas/{write.asks.__name__}"}
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    return {**operation(write.summary, write.roles, asked, problems, good=good), "requestBody": body}


def one(summary: str, roles: Iterable[str]) -> Object:
    """GET of one, by its id."""
    return {"get": operation(summary, roles, [parameter("Id")], (401, 403, 404, 503))}


def listed(summary: str, roles: Iterable[str], *asked: Object) -> Object:
    """GET of a list in pages."""
    pages = (parameter("Limit"), parameter("Cursor"))
    return {"get": operation(summary, roles, [*asked, *pages], (401, 403, 422, 503))}


def query(name: str, schema: Object | None = None, *, required: bool = False) -> Object:
    """A parameter of the query."""
    return {"name": name, "in": "query", "required": required, "schema": {**TEXT, **(schema or {})}}


def operation(
    summary: str, roles: Iterable[str], asked: Iterable[Object], problems: Iterable[int], *, good: str = "200"
) -> Object:
    """What one method of a path asks and answers."""
    fine = {"description": "done", "content": {"application/json": {"schema": {"type": "object"}}}}
    wrong = {str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in problems}
    return {
        "summary": summary,
        "description": f"Roles: {', '.join((*roles, 'admin'))}.",
        "parameters": list(asked),
        "responses": {good: fine, **wrong},
    }
