"""JSON Schemas (draft 2020-12) of the values on Kafka, from the types of `shared.events`. Writes no file."""

from __future__ import annotations

import inspect
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from pydantic_core import core_schema

from shared.events import (
    BILLING,
    CARE_FACTS,
    EPISODE_TYPE,
    OUT_TYPE,
    Disclosed,
    EpisodeState,
    Published,
    PublishedStruct,
)
from shared.events.published import model_of

Schema = dict[str, Any]

STRUCTS: dict[str, type[PublishedStruct]] = {**CARE_FACTS, EPISODE_TYPE: EpisodeState, **BILLING, OUT_TYPE: Disclosed}
"""ce_type → the type of its value."""
TYPES: dict[str, type[Published]] = {name: model_of(struct) for name, struct in STRUCTS.items()}
"""ce_type → the pydantic model of its value."""


class OnTheWire(GenerateJsonSchema):
    """Makes the schema of a value as it is written: a field is absent instead of null, and a field with a default other
    than None is always there."""

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,
    ) -> bool:
        """True for a field that a writer always writes: only one whose default is None is left out."""
        schema = field["schema"]
        return total and not (schema["type"] == "default" and schema.get("default", ...) is None)

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        """False: no title that only repeats the field's name."""
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> Schema:
        """The schema without null: a field that is None is absent."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> Schema:
        """The schema without the default, which only the writer uses: a reader gets the value."""
        return self.generate_inner(schema["schema"])


def schemas() -> dict[str, Schema]:
    """ce_type → its schema, with all parts that it refers to under `$defs`; unknown fields are allowed."""
    return {ce_type: _schema(ce_type, model) for ce_type, model in sorted(TYPES.items())}


def components() -> tuple[dict[str, str], dict[str, Schema]]:
    """(ce_type → the reference of its schema, `#/components/schemas/…`; name → schema of all models and parts)."""
    models: list[tuple[type[BaseModel], Literal["serialization"]]]
    models = [(model, "serialization") for _, model in sorted(TYPES.items())]
    places, found = models_json_schema(models, schema_generator=OnTheWire, ref_template="#/components/schemas/{model}")
    named = {name: _plain(part) for name, part in sorted(found["$defs"].items())}
    return {ce_type: places[(model, "serialization")]["$ref"] for ce_type, model in TYPES.items()}, named


def _schema(ce_type: str, model: type[Published]) -> Schema:
    found = _plain(model.model_json_schema(by_alias=True, mode="serialization", schema_generator=OnTheWire))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:stepdown:schema:{ce_type}",
        **found,
        "title": ce_type,
        "description": inspect.cleandoc(model.__doc__ or ""),
    }


def _plain(schema: Schema) -> Schema:
    """The schema with its keys in a fixed order, so that the document does not depend on pydantic's order."""
    return {key: schema[key] for key in sorted(schema, key=_rank)}


_ORDER = ("$schema", "$id", "title", "description", "type", "properties", "required", "additionalProperties", "$defs")


def _rank(key: str) -> tuple[int, str]:
    return (_ORDER.index(key) if key in _ORDER else len(_ORDER), key)
