"""Every JSON answer that a test gets is held against the service's OpenAPI document, and has no field beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from tools.cli.export import openapi

Document = dict[str, Any]
METHODS = ("get", "post", "put", "delete")


def operations(document: Document) -> list[tuple[str, str, Document]]:
    """(method, path, operation) of a document."""
    return [(method, path, told) for path, item in document["paths"].items() for method, told in item.items()]


def strict(part: Any) -> Any:
    """The same schema, where an object has the fields that are named and no other."""
    if isinstance(part, list):
        return [strict(each) for each in part]
    if not isinstance(part, dict):
        return part
    closed = {name: strict(each) for name, each in part.items()}
    if isinstance(part.get("properties"), dict):
        closed.setdefault("additionalProperties", False)
    return closed


def client_of(app: Any, service: str, base_url: str) -> httpx.AsyncClient:
    """A client of a service's application; every answer is held against the service's document."""
    hooks: Any = {"response": [_holding(service)]}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base_url, event_hooks=hooks)


@cache
def _holding(service: str) -> Callable[[httpx.Response], Awaitable[None]]:
    return held_against(json.loads(openapi()[f"openapi/{service}.json"]))


def held_against(document: Document) -> Callable[[httpx.Response], Awaitable[None]]:
    """For `event_hooks` of a client: fails where an answer is not one that the document tells of."""
    components = strict(document["components"])
    known = [
        (re.compile(re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(path))), method, told)
        for method, path, told in sorted(operations(document), key=lambda each: "{" in each[1])
    ]

    async def hold(response: httpx.Response) -> None:
        """Nothing where the document does not tell of the address: pages, health."""
        path, method = response.request.url.path, response.request.method.lower()
        found = next((told for pattern, each, told in known if each == method and pattern.fullmatch(path)), None)
        if found is None:
            return
        told = found["responses"].get(str(response.status_code))
        assert told is not None, f"{method} {path} answers {response.status_code}: the document does not say so"
        schema = told.get("content", {}).get("application/json", {}).get("schema")
        if schema is not None:
            await response.aread()
            whole = {**strict(schema), "components": components}
            errors = [
                f"{error.json_path}: {error.message}"
                for error in Draft202012Validator(whole).iter_errors(response.json())
            ]
            assert not errors, (method, path, errors)

    return hold
