"""Reads and searches of FHIR in an OpenAPI document, from the same tables as their routes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from shared.fhir.outcomes import MEDIA
from shared.fhir.searching import MOST, SearchParameter, always
from shared.web import openapi as api

RESOURCE = {"type": "object", "required": ["resourceType"], "properties": {"resourceType": {"type": "string"}}}
_FAULTS = {
    400: "a parameter is not known, or not as it must be",
    401: "sign in first",
    403: "this needs another role, scope or facility",
    404: "there is none that you may see",
    413: "it is longer than is taken",
    415: "the content-type is another one",
    503: "it can't be read now; ask again",
}
_RESULT = (
    api.query("_count", {"type": "integer", "minimum": 1}, about=f"resources of a page; {MOST} at most"),
    api.query("_cursor", about="as the link `next` of a page has it"),
    api.query("_summary", {"enum": ["true", "text", "data", "false"]}),
    api.query("_elements", about="names of elements, with commas between"),
    api.query("_format", {"enum": ["json", MEDIA]}),
)
_FOLLOWED = (
    api.query("_include", about="Type:parameter whose references are followed"),
    api.query("_revinclude", about="Type:parameter of resources that refer to what is found"),
)


def metadata() -> dict[str, Any]:
    """The path of the CapabilityStatement."""
    answers = {"200": {"description": "a CapabilityStatement", "content": {MEDIA: {"schema": RESOURCE}}}}
    told = {"operationId": "readCapability", "summary": "What can be done by FHIR", "security": [], "parameters": []}
    return {"/fhir/metadata": {"get": {**told, "responses": answers}}}


def paths(
    kind: str, roles: Iterable[str], parameters: Sequence[SearchParameter], *, stamped: bool = True
) -> dict[str, Any]:
    """The paths of a type: search by GET and by POST, and one by its id."""
    named = [api.query(one.name, about=one.about or None) for one in (*always(stamped=stamped), *parameters)]
    asked = [*named, *_FOLLOWED, *_RESULT]
    form = {"application/x-www-form-urlencoded": {"schema": {"type": "object"}}}
    posted = _operation(f"post{kind}Search", f"Search {kind}, the parameters in the body", roles, 413, 415)
    one = _operation(f"read{kind}", f"One {kind}", roles, 404)
    return {
        f"/fhir/{kind}": {"get": {**_operation(f"search{kind}", f"Search {kind}", roles), "parameters": asked}},
        f"/fhir/{kind}/_search": {
            "post": {**posted, "parameters": [], "requestBody": {"required": True, "content": form}}
        },
        f"/fhir/{kind}/{{id}}": {"get": {**one, "parameters": [api.parameter("Id"), *_RESULT[2:]]}},
    }


def _operation(name: str, summary: str, roles: Iterable[str], *more: int) -> dict[str, Any]:
    content = {MEDIA: {"schema": RESOURCE}}
    answers: dict[str, Any] = {"200": {"description": "done", "content": content}}
    if 404 in more:
        answers["304"] = {"description": "it is what you have"}
    answers |= {
        str(each): {"description": _FAULTS[each], "content": content} for each in sorted({400, 401, 403, 503, *more})
    }
    about = f"Roles: {', '.join((*roles, 'admin'))}. Errors are OperationOutcome."
    return {"operationId": name, "summary": summary, "description": about, "parameters": [], "responses": answers}
