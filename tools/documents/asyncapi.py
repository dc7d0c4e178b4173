"""The AsyncAPI 3.0 document of every topic, from `shared.events`. Writes no file.

FastStream could make one, but without record keys, headers and groups, and with an array for a batch (decision 0102).
"""

from __future__ import annotations

import inspect
from typing import Any

import yaml

from shared.events import BILLING, CARE_FACTS, EPISODE_TYPE, OUT, OUT_TYPE, TOPICS, Topic
from tools.documents.examples import example_headers, examples
from tools.documents.schemas import TYPES, Schema, components

SERVICES = ("intake", "placement", "aftercare")
EVERY = (*TOPICS, OUT)
_BINDING = "0.5.0"
_TEXT = {"type": "string"}
_KEY = {
    "kafka": {
        "key": {**_TEXT, "description": "the id that the channel's description names, UTF-8"},
        "bindingVersion": _BINDING,
    }
}

HEADERS: Schema = {
    "title": "CloudEvents headers",
    "description": "CloudEvents 1.0, Kafka binary mode; every header is UTF-8 text.",
    "type": "object",
    "properties": {
        "content-type": {"const": "application/json"},
        "ce_specversion": {"const": "1.0"},
        "ce_id": {**_TEXT, "description": "unique; the same ce_id again is the same fact"},
        "ce_source": {"enum": [f"/stepdown/{service}" for service in SERVICES], "description": "who wrote it"},
        "ce_type": {**_TEXT, "description": "name and version, `care.admitted.v1`"},
        "ce_subject": {**_TEXT, "description": "the episode; for billing the period"},
        "ce_time": {**_TEXT, "format": "date-time", "description": "when it was recorded, RFC 3339 with offset"},
        "ce_sequence": {
            **_TEXT,
            "pattern": "^[1-9][0-9]*$",
            "description": "1,2,3… for each source and subject, without a gap",
        },
        "ce_sequencetype": {"const": "Integer"},
        "ce_correlationid": {**_TEXT, "description": "what all records of one cause have in common"},
        "ce_causationid": {**_TEXT, "description": "ce_id of the fact that caused this one"},
        "traceparent": {**_TEXT, "description": "W3C Trace Context, the same trace from the door to the bill"},
        "ce_copyof": {
            **_TEXT,
            "description": "ce_id of the retired episode's fact that this one copies after a merge",
        },
    },
    "required": [
        "content-type",
        "ce_specversion",
        "ce_id",
        "ce_source",
        "ce_type",
        "ce_subject",
        "ce_time",
        "ce_sequence",
        "ce_sequencetype",
    ],
}

_HL7: dict[str, Schema] = {
    "hl7-v2": {
        "title": "HL7 v2 message",
        "summary": "HL7 v2 ER7 text; segments end with CR.",
        "contentType": "x-application/hl7-v2+er7",
        "payload": {"type": "string"},
        "bindings": _KEY,
    },
    "fhir-r4": {
        "title": "FHIR R4 message",
        "summary": "FHIR R4 message Bundle, or OperationOutcome as its answer.",
        "contentType": "application/fhir+json",
        "payload": {"type": "object", "required": ["resourceType"], "properties": {"resourceType": _TEXT}},
        "bindings": _KEY,
    },
}
_DEAD: Schema = {
    "title": "Dead letter",
    "summary": "The original bytes of a record, and why it was put aside; no value of it in a header.",
    "contentType": "application/octet-stream",
    "headers": {
        "type": "object",
        "properties": {
            "x-error": {**_TEXT, "description": "what is wrong, in words"},
            "x-origin": {**_TEXT, "description": "topic/partition/offset"},
            "x-attempts": {**_TEXT, "description": "how often it was tried"},
        },
        "required": ["x-error", "x-origin", "x-attempts"],
    },
    "payload": {"description": "as received"},
    "bindings": _KEY,
}
_COUNT = {"type": "integer", "minimum": 0}
_WRITER: Schema = {
    "title": "How far a service has written",
    "summary": "In the Kafka transaction of the records that it counts. All records of a service are on one partition.",
    "contentType": "application/json",
    "payload": {
        "type": "object",
        "properties": {
            "service": {"enum": list(SERVICES), "description": "who writes"},
            "topic": {**_TEXT, "description": "where to"},
            "partition": {**_COUNT, "description": "the number of the partition there"},
            "records": {**_COUNT, "description": "how many records it has written there since it began to count"},
            "last_offset": {
                "type": "integer",
                "minimum": -1,
                "description": "where the last of them was before this transaction; -1: nowhere yet",
            },
        },
        "required": ["service", "topic", "partition", "records", "last_offset"],
    },
    "bindings": _KEY,
}


def asyncapi() -> dict[str, Any]:
    """The document, its keys in the order in which people read it."""
    places, models = components()
    return {
        "asyncapi": "3.0.0",
        "id": "urn:stepdown",
        "info": {
            "title": "Stepdown",
            "version": "1.0.0",
            "description": "Care transitions in behavioral health: what is on Kafka, who writes it and who reads it.\n"
            "Only optional fields are ever added to a v1; keep and ignore a type you do not know.\n"
            "Records are written in transactions: read with isolation.level=read_committed.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {_name(topic): _channel(topic) for topic in EVERY},
        "operations": {name: operation for topic in EVERY for name, operation in _operations(topic).items()},
        "components": {
            "messages": _messages(places),
            "schemas": {"CloudEventsHeaders": HEADERS, **models},
        },
    }


def as_yaml() -> str:
    """The document as YAML text."""
    head = "# Generated by `stepdown export`; change shared/events instead.\n"
    return head + yaml.dump(asyncapi(), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)


class _Plain(yaml.SafeDumper):
    """Writes YAML without anchors: each part is written out wherever it is used."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def types_on(topic: str) -> list[str]:
    """The names of a topic's messages: ce_types, or the names of other formats."""
    if topic.startswith("hospital."):
        return list(_HL7)
    if topic.startswith("dead."):
        return ["dead-letter"]
    if topic == "ops.writers":
        return ["writer"]
    if topic.startswith("out."):
        return [OUT_TYPE]
    return {"care.events": list(CARE_FACTS), "care.episodes": [EPISODE_TYPE]}.get(topic, list(BILLING))


def writers_of(ce_type: str) -> tuple[str, ...]:
    """The services that write a type; placement for a type that is not a fact."""
    fact = CARE_FACTS.get(ce_type)
    return tuple(fact.WRITERS) if fact else ("placement",)


def _name(topic: Topic) -> str:
    """A topic's name as references have it, without brackets: `out.<recipient>` → `out.recipient`."""
    return topic.name.replace("<", "").replace(">", "")


def _channel(topic: Topic) -> dict[str, Any]:
    address = topic.name.replace("<", "{").replace(">", "}")
    given = {"parameters": {"recipient": {"description": "id of a recipient of site config"}}} if topic is OUT else {}
    return {
        "address": address,
        "title": topic.name,
        **given,
        "description": f"{topic.about}. Key: {topic.key}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in types_on(topic.name)},
        "bindings": {
            "kafka": {
                "topic": address,
                "topicConfiguration": {
                    "cleanup.policy": ["compact" if topic.compacted else "delete"],
                    "retention.ms": topic.retention_ms,
                },
                "bindingVersion": _BINDING,
            }
        },
    }


def _operations(topic: Topic) -> dict[str, Any]:
    """One operation for each service and outside party that sends to or receives from the topic."""
    sends = {f"{who}.sends.{_name(topic)}": _operation(topic, who, "send") for who in topic.writers}
    return sends | {f"{who}.receives.{_name(topic)}": _operation(topic, who, "receive") for who in topic.readers}


def _operation(topic: Topic, who: str, action: str) -> dict[str, Any]:
    names = types_on(topic.name)
    if topic.name == "care.events" and action == "send":
        names = [name for name in names if who in writers_of(name)]
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{_name(topic)}"},
        "title": f"{who} {action}s {topic.name}",
        "summary": f"{who}: {topic.about}",
        "tags": [{"name": who}],
        "messages": [{"$ref": f"#/channels/{_name(topic)}/messages/{name}"} for name in names],
    }


def _messages(places: dict[str, str]) -> dict[str, Any]:
    shown = examples()
    facts = {ce_type: _message(ce_type, places[ce_type], shown[ce_type]) for ce_type in places}
    return {**_HL7, **facts, "dead-letter": _DEAD, "writer": _WRITER}


def _message(ce_type: str, place: str, example: dict[str, Any]) -> dict[str, Any]:
    about = inspect.cleandoc(TYPES[ce_type].__doc__ or "").split("\n\n")[0].replace("\n", " ")
    return {
        "name": ce_type,
        "title": ce_type,
        "summary": about,
        "contentType": "application/json",
        "headers": {
            "allOf": [
                {"$ref": "#/components/schemas/CloudEventsHeaders"},
                {"type": "object", "properties": {"ce_type": {"const": ce_type}}},
            ]
        },
        "payload": {"$ref": place},
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "bindings": _KEY,
        "examples": [{"headers": example_headers(ce_type, writers_of(ce_type)[0]), "payload": example}],
    }
