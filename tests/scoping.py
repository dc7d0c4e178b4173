"""Every route of a service, and what of an answer is another facility's: for the tests of scope."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

import httpx
from starlette.applications import Starlette
from starlette.routing import Route

from shared.roles import ROLES

OPEN = {
    "/fhir/metadata": "says what can be done by FHIR",
    "/fhir/.well-known/smart-configuration": "says at which issuer",
    "/health/live": "says that the process lives",
    "/health/ready": "says what the service waits for",
    "/metrics": "counts, with no patient's label",
    "/api/openapi.json": "the API's own description",
    "/asyncapi.json": "the published language",
    "/assets/{name}": "files of the product",
    "/live": "a stream, which the tests of live pages read",
    "/sign-in": "leads to the issuer, or takes a token",
    "/sign-in/language": "chooses the language of the pages",
    "/signed-in": "takes what the issuer leads people back with",
    "/session": "tells who the caller is",
    "/sign-out": "forgets it",
    "/views": "keeps the caller's own way to see a list",
    "/views/{id}/deleted": "forgets it; of nobody else",
}
"""Routes that tell of no patient, each with the reason."""
IDS = re.compile(r"[\w#:.|-]+")
ASKED = re.compile(r'(?<="relation":"self","url":")[^"]*')
"""The link of a Bundle that repeats what was asked."""
OFFERED = re.compile(r'<option value="[^"]*">[^<]*</option>')
"""What a form offers to choose from, chosen by nobody: the site's own words, said of no patient."""


def routes_of(app: Starlette) -> set[tuple[str, str]]:
    """(method, path) of every route that tells of patients; one that is no plain route fails the test."""
    found = set()
    for route in app.routes:
        assert isinstance(route, Route), f"{route} is tried by no test of scope"
        if route.path not in OPEN:
            found |= {(method, route.path) for method in (route.methods or {"GET"}) - {"HEAD"}}
    return found


MARKS = {"GOODHEALTH": "ghsecret", "RIVERBEND": "rbsecret"}
"""What every value that a facility tells in these tests begins with."""


class Tried(NamedTuple):
    """One request: as whom, and what."""

    role: str
    method: str
    path: str
    query: Mapping[str, str] | None = None
    body: Any = None


def reads(path: str, ids: Collection[str], queries: Collection[Mapping[str, str]]) -> Iterator[Tried]:
    """A GET as every role with the first of these ids; as admin, who may what all may, with each id and query."""
    named = [re.sub(r"\{[^}]+\}", each, path) for each in ids] if "{" in path else [path]
    for role in ROLES:
        yield Tried(role, "GET", named[0])
    for where in named[1:]:
        yield Tried("admin", "GET", where)
    for query in () if "{" in path else queries:
        yield Tried("admin", "GET", path, query)


MOST_AND_LEAST = frozenset({"admin", "program"})
"""Admin may what every role may; a program's staff see what is of their programs alone."""


def told_of(answer: httpx.Response, secrets: Collection[str]) -> set[str]:
    """Which of the other's words, or ids, stand in an answer: whole ids, and words anywhere in it."""
    said = ASKED.sub("", OFFERED.sub("", answer.text))
    text = "\n".join([said, *(f"{name}: {value}" for name, value in answer.headers.items())])
    words = set(IDS.findall(text))
    if answer.is_redirect:  # a form's address leads to the page, with the question that was asked
        words -= set(IDS.findall(answer.request.url.query.decode()))
    return {each for each in secrets if each in words or (len(each) > 9 and each.lower() in text.lower())}
