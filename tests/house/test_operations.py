"""Every operation of every API has a name that stays, and every JSON answer a form that is told field by field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.answers import operations
from tools.cli.export import openapi

DOCUMENTS = {name.removeprefix("openapi/").removesuffix(".json"): json.loads(text) for name, text in openapi().items()}
VERB_NOUN = re.compile(r"[a-z]+([A-Z][a-z]+)+")


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [told["operationId"] for document in DOCUMENTS.values() for _, _, told in operations(document)]
    assert [name for name in names if not VERB_NOUN.fullmatch(name)] == []
    for document in DOCUMENTS.values():
        own = [told["operationId"] for _, _, told in operations(document)]
        assert len(own) == len(set(own))


@pytest.mark.parametrize("service", sorted(DOCUMENTS))
def test_every_answer_that_is_json_is_told_field_by_field(service: str) -> None:
    document = DOCUMENTS[service]
    for method, path, told in operations(document):
        for status, answer in told["responses"].items():
            if status.startswith("2") and "application/json" in answer.get("content", {}):
                schema = answer["content"]["application/json"]["schema"]
                assert fields(schema, document), f"{method} {path} {status} is told as {schema}"


@pytest.mark.parametrize("service", sorted(DOCUMENTS))
def test_every_reference_leads_somewhere_and_every_schema_is_one(service: str) -> None:
    components = DOCUMENTS[service]["components"]
    for schema in components["schemas"].values():
        Draft202012Validator.check_schema(schema)
    there = {f"#/components/{part}/{name}" for part, named in components.items() for name in named}
    assert set(references(DOCUMENTS[service])) <= there


def references(part: Any) -> Iterator[str]:
    """Every $ref in a document."""
    if isinstance(part, dict) and isinstance(part.get("$ref"), str):
        yield part["$ref"]
    for one in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from references(one)


def fields(schema: dict[str, Any], document: dict[str, Any]) -> list[str]:
    """The names of an answer's fields."""
    if "$ref" in schema:
        return fields(document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], document)
    either = schema.get("anyOf", ())
    if either and all(fields(each, document) for each in either):
        return fields(either[0], document)
    return list(schema.get("properties", ()))


def test_the_names_are_those_that_were_given_out() -> None:
    """A name that goes or changes breaks whoever generated a client: operations.txt only grows."""
    told = {
        f"{service} {method.upper()} {path} {one['operationId']}"
        for service, document in DOCUMENTS.items()
        for method, path, one in operations(document)
    }
    given_out = set((Path(__file__).parent / "operations.txt").read_text().splitlines())
    assert told == given_out
