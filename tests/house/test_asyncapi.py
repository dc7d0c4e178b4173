"""The AsyncAPI document has the shape of AsyncAPI 3.0, its references lead somewhere, it says what records are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator, FormatChecker

from shared.events import BILLING, CARE_FACTS, EPISODE_TYPE, OUT, OUT_TYPE, TOPICS
from shared.facts.envelope import headers
from tests.builders import admitted
from tools.documents.asyncapi import as_yaml, asyncapi
from tools.documents.examples import examples

Value = dict[str, Any]


@cache
def document() -> Value:
    """The document, made when it is first asked for."""
    return asyncapi()


ALLOWED = {
    "root": "asyncapi id info servers defaultContentType channels operations components",
    "info": "title version description termsOfService contact license tags externalDocs",
    "channel": "address title summary description servers messages parameters tags externalDocs bindings",
    "operation": "action channel title summary description security tags externalDocs bindings traits messages reply",
    "message": "headers payload correlationId contentType name title summary description tags externalDocs bindings "
    "examples traits",
    "example": "headers payload name summary",
    "components": "schemas servers channels operations messages securitySchemes serverVariables parameters "
    "correlationIds replies replyAddresses externalDocs tags operationTraits messageTraits serverBindings "
    "channelBindings operationBindings messageBindings",
    "channel binding": "topic partitions replicas topicConfiguration bindingVersion",
    "message binding": "key schemaIdLocation schemaIdPayloadEncoding schemaLookupStrategy bindingVersion",
    "topic configuration": "cleanup.policy retention.ms retention.bytes delete.retention.ms max.message.bytes",
}
"""The fields of each object of AsyncAPI 3.0.0 and of its Kafka binding 0.5.0."""


def only(kind: str, found: Value) -> None:
    """Fails for a field that the object does not have."""
    assert found.keys() <= set(ALLOWED[kind].split()), kind


def resolve(reference: str) -> Any:
    """What a `#/…` reference leads to; KeyError where it leads nowhere."""
    found: Any = document()
    assert reference.startswith("#/")
    for step in reference[2:].split("/"):
        found = found[step]
    return found


def references(part: Any) -> Iterator[str]:
    """Every `$ref` in a part of the document."""
    if isinstance(part, dict):
        yield from ([part["$ref"]] if isinstance(part.get("$ref"), str) else [])
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_the_yaml_says_what_was_made_and_has_no_anchors() -> None:
    text = as_yaml()
    assert yaml.load(text, Loader=yaml.CSafeLoader) == json.loads(json.dumps(document()))
    assert not re.search(r"^\s*\S+: [&*]id", text, re.MULTILINE)


def test_the_document_and_its_parts_have_the_fields_of_asyncapi_3() -> None:
    only("root", document())
    only("info", document()["info"])
    only("components", document()["components"])
    assert document()["asyncapi"] == "3.0.0"
    for channel in document()["channels"].values():
        only("channel", channel)
        only("channel binding", channel["bindings"]["kafka"])
        only("topic configuration", channel["bindings"]["kafka"]["topicConfiguration"])
    for message in document()["components"]["messages"].values():
        only("message", message)
        only("message binding", message["bindings"]["kafka"])
        for example in message.get("examples", ()):
            only("example", example)


def test_names_are_such_that_a_reference_can_name_them() -> None:
    named = [*document()["channels"], *document()["operations"], *document()["components"]["messages"]]
    named += document()["components"]["schemas"]
    assert [name for name in named if not re.fullmatch(r"[A-Za-z0-9._-]+", name)] == []


def test_every_reference_leads_somewhere() -> None:
    found = set(references(document()))
    assert len(found) > 50
    for reference in found:
        assert resolve(reference) is not None, reference


def test_every_message_and_schema_is_used() -> None:
    used = set(references(document()))
    for kind in ("messages", "schemas"):
        assert [name for name in document()["components"][kind] if f"#/components/{kind}/{name}" not in used] == []


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_every_topic_has_its_channel_with_key_and_retention(topic: Any) -> None:
    channel = document()["channels"][topic.name]
    kafka = channel["bindings"]["kafka"]
    assert channel["address"] == kafka["topic"] == topic.name
    assert topic.key in channel["description"]
    assert kafka["topicConfiguration"] == {
        "cleanup.policy": ["compact" if topic.compacted else "delete"],
        "retention.ms": topic.retention_ms,
    }


def test_the_topics_of_recipients_are_one_channel_with_the_recipient_as_its_parameter() -> None:
    channel = document()["channels"]["out.recipient"]
    assert channel["address"] == "out.{recipient}"
    assert channel["parameters"].keys() == {"recipient"}
    assert set(channel["messages"]) == {OUT_TYPE}
    assert document()["operations"]["placement.sends.out.recipient"]["action"] == "send"
    assert OUT.retention_ms == -1


def test_every_type_is_on_its_topic() -> None:
    on = {name: set(channel["messages"]) for name, channel in document()["channels"].items()}
    assert on["care.events"] == set(CARE_FACTS)
    assert on["care.episodes"] == {EPISODE_TYPE}
    assert on["billing.service-periods"] == on["billing.periods"] == set(BILLING)
    assert on["hospital.adt"] == {"hl7-v2", "fhir-r4"}
    assert on["dead.intake"] == {"dead-letter"}


def test_an_operation_names_messages_of_its_own_channel_only() -> None:
    for name, operation in document()["operations"].items():
        only("operation", operation)
        assert operation["action"] in {"send", "receive"}, name
        place = operation["channel"]["$ref"]
        assert operation["messages"], name
        assert all(each["$ref"].startswith(f"{place}/messages/") for each in operation["messages"]), name


@pytest.mark.parametrize(("ce_type", "fact"), CARE_FACTS.items())
def test_a_service_sends_what_it_may_write_and_nothing_else(ce_type: str, fact: Any) -> None:
    place = {"$ref": f"#/channels/care.events/messages/{ce_type}"}
    for service in ("intake", "placement", "aftercare"):
        sends = document()["operations"][f"{service}.sends.care.events"]["messages"]
        assert (place in sends) is (service in fact.WRITERS)


def test_every_reader_of_a_topic_receives_from_it() -> None:
    for topic in TOPICS:
        assert topic.readers
        for reader in topic.readers:
            assert document()["operations"][f"{reader}.receives.{topic.name}"]["action"] == "receive"


@pytest.mark.parametrize("ce_type", sorted(examples()))
def test_the_examples_in_the_document_are_valid_by_the_document(ce_type: str) -> None:
    message = document()["components"]["messages"][ce_type]
    (example,) = message["examples"]
    for part in ("payload", "headers"):
        schema = {**message[part], "components": document()["components"]}
        Draft7Validator.check_schema(schema)
        wrong = Draft7Validator(schema, format_checker=FormatChecker()).iter_errors(example[part])
        assert [error.message for error in wrong] == []


def test_the_headers_of_a_real_record_are_those_of_the_document() -> None:
    fact = replace(admitted(), correlation_id="m-1", causation_id="f-0", traceparent="00-ab-cd-01", copy_of="f-9")
    sent = {name: raw.decode() for name, raw in headers(fact)}
    schema = document()["components"]["schemas"]["CloudEventsHeaders"]
    assert list(sent) == list(schema["properties"])
    assert Draft7Validator(schema, format_checker=FormatChecker()).is_valid(sent)
    for name in schema["required"]:
        assert not Draft7Validator(schema).is_valid({key: text for key, text in sent.items() if key != name})
