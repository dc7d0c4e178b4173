"""Parts of an OpenAPI 3.1 document, so that a service describes its API by the tables that its routes are made from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, Literal

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.web.app import JSON
from shared.web.idempotency import LONGEST
from shared.web.paging import MOST
from shared.web.posts import Write

Object = dict[str, Any]
TEXT: Object = {"type": "string"}
NEXT: Object = {"type": ["string", "null"], "description": "cursor of the next page; null: there is none"}
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
    415: "another content-type is needed", 422: "a field does not fit", 429: "asked too often",
    503: "nothing was stored: send it again",
}  # fmt: skip


def document(title: str, about: str, paths: Object) -> Object:
    """The whole document. `about`: the API's description. A Python type within `paths` is replaced by a reference to
    its schema, which stands under `components`."""
    types = list(dict.fromkeys(_types(paths)))
    adapters: list[tuple[Any, Any, TypeAdapter[Any]]] = [(each, _MODE, TypeAdapter(each)) for each in types]
    found, defined = TypeAdapter.json_schemas(adapters, ref_template="#/components/schemas/{model}")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": "1.0.0",
            "description": about,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"bearer": []}],
        "paths": _placed(paths, {each: found[each, _MODE] for each in types}),
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "parameters": PARAMETERS,
            "responses": {f"Problem{status}": _problem(words) for status, words in WHY.items()},
            "schemas": dict(sorted({**defined.get("$defs", {}), "Problem": PROBLEM}.items())),
        },
    }


_MODE: Literal["validation"] = "validation"


def _types(part: Any) -> Iterator[type]:
    if isinstance(part, type):
        yield part
    for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _types(each)


def _placed(part: Any, schemas: dict[type, Object]) -> Any:
    if isinstance(part, type):
        return schemas[part]
    if isinstance(part, dict):
        return {name: _placed(each, schemas) for name, each in part.items()}
    return [_placed(each, schemas) for each in part] if isinstance(part, list) else part


def _problem(words: str) -> Object:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": words, "content": content}


def parameter(name: str) -> Object:
    """A reference to one of PARAMETERS."""
    return {"$ref": f"#/components/parameters/{name}"}


def route(document: Callable[[], Object]) -> Route:
    """GET /api/openapi.json, without signing in; the document is made at the first request."""
    told = cache(document)

    async def openapi(_: Request) -> Response:
        return JSON(told())

    return Route("/api/openapi.json", openapi, methods=["GET"])


def written(writes: Iterable[Write[Any]], *problems: int) -> Object:
    """The paths of a table of writes. `problems`: statuses of this service besides those that every write may have."""
    return {write.path: {"post": _write(write, problems)} for write in writes}


def _write(write: Write[Any], more: Iterable[int]) -> Object:
    asked = [*(() if write.makes else ("Id",)), "Key", *(("IfMatch",) if write.tagged else ())]
    problems = sorted({400, 401, 403, 404, 409, 413, 422, 503, *more, *((412,) if write.tagged else ())})
    named = [{**PARAMETERS["Id"], "name": "name"}] if "{name}" in write.path else []
    told = operation(
        write.operation, write.summary, write.roles, write.told, asked=[*named, *map(parameter, asked)],
        problems=problems,
        good="201" if write.makes else "200",
    )  # fmt: skip
    return {**told, "requestBody": {"required": write.needs_body, "content": json(write.asks)}}


def one(name: str, summary: str, roles: Iterable[str], told: Any) -> Object:
    """GET of one entry by its id; `told` is the type of its answer."""
    return {"get": operation(name, summary, roles, told, asked=[parameter("Id")], problems=(401, 403, 404, 503))}


def listed(name: str, summary: str, roles: Iterable[str], told: Object, *asked: Object) -> Object:
    """GET of a list in pages; `told` is the schema of a page, `asked` the list's parameters besides limit and
    cursor."""
    pages = (parameter("Limit"), parameter("Cursor"))
    return {"get": operation(name, summary, roles, told, asked=[*asked, *pages], problems=(401, 403, 422, 503))}


def worklists(about: str, roles: Iterable[str], names: Iterable[str], items: Iterable[type]) -> Object:
    """The two paths of a service's worklists: the number of entries in each, and the entries of the one that is named.
    `items`: the types that an entry may have."""
    name = {**PARAMETERS["Id"], "name": "name", "schema": {"enum": list(names)}}
    asked = [name, query("facility"), parameter("Limit"), parameter("Cursor")]
    one = anonymous(name=TEXT, title=TEXT, count={"type": "integer", "minimum": 0})
    counts = anonymous(worklists={"type": "array", "items": one})
    lines = page("items", {"anyOf": list(items)}, name=TEXT, title=TEXT)
    counted = operation(
        "countWorklists", "How many things wait for somebody, list by list", roles, counts,
        asked=[query("facility")], problems=(401, 403, 422, 503),
    )  # fmt: skip
    listed = operation("listWork", about, roles, lines, asked=asked, problems=(401, 403, 404, 422, 503))
    return {"/api/worklists": {"get": counted}, "/api/worklists/{name}": {"get": listed}}


def query(name: str, schema: Object | None = None, *, required: bool = False, about: str | None = None) -> Object:
    """A parameter of an address's query; a text where `schema` says nothing else."""
    told = {"name": name, "in": "query", "required": required, "schema": {**TEXT, **(schema or {})}}
    return told if about is None else {**told, "description": about}


def page(name: str, of: Any, /, **more: Object) -> Object:
    """The schema of a page of a list: its entries, of the type `of`, in the field `name`, and the next page's
    cursor."""
    return anonymous(**more, **{name: {"type": "array", "items": of}, "next": NEXT})


def anonymous(**fields: Any) -> Object:
    """The schema of an object without a name of its own, in which all of these fields are required."""
    return {"type": "object", "required": list(fields), "properties": fields}


def json(told: Any) -> Object:
    """The content of a body that is JSON of this schema or type."""
    return {"application/json": {"schema": told}}


def operation(
    name: str, summary: str, roles: Iterable[str], told: Any, *,
    problems: Iterable[int], asked: Iterable[Object] = (), good: str = "200",
) -> Object:  # fmt: skip
    """One method of a path. `name`: its operationId, a verb and a noun, which never changes; `told`: the schema or type
    of its answer; `asked`: its parameters; `problems`: the statuses of its errors; `good`: the status of its answer."""
    wrong = {str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in problems}
    return {
        "operationId": name,
        "summary": summary,
        "description": f"Roles: {', '.join((*roles, 'admin'))}.",
        "parameters": list(asked),
        "responses": {good: {"description": "done", "content": json(told)}, **wrong},
    }
