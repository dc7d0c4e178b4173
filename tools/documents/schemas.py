"""JSON Schemas (draft 2020-12) of what is on the wire, from the models of `shared.events`; writes no file."""

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
"""Every ce_type and its value."""
TYPES: dict[str, type[Published]] = {name: model_of(struct) for name, struct in STRUCTS.items()}
"""Every ce_type and the model of its value."""


class OnTheWire(GenerateJsonSchema):
    """A value as it is written: never null, and whatever has a default that is something is always there."""

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,
    ) -> bool:
        """Required is what a writer always writes; only what is None by default is left out (`stating.said`)."""
        schema = field["schema"]
        return total and not (schema["type"] == "default" and schema.get("default", ...) is None)

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        """No title that only repeats the field's name."""
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> Schema:
        """Absent, not null."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> Schema:
        """A default is the writer's business; the reader gets the value."""
        return self.generate_inner(schema["schema"])


def schemas() -> dict[str, Schema]:
    """The schema of each ce_type, whole in itself (shared parts under `$defs`), open to unknown fields."""
    return {ce_type: _schema(ce_type, model) for ce_type, model in sorted(TYPES.items())}


def components() -> tuple[dict[str, str], dict[str, Schema]]:
    """Where each ce_type's schema is (`#/components/schemas/…`), and the schemas of all models and parts by name."""
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
    """The same in a settled order of keys, whatever order pydantic made them in."""
    return {key: schema[key] for key in sorted(schema, key=_rank)}


_ORDER = ("$schema", "$id", "title", "description", "type", "properties", "required", "additionalProperties", "$defs")


def _rank(key: str) -> tuple[int, str]:
    return (_ORDER.index(key) if key in _ORDER else len(_ORDER), key)
