"""Kafka's ids of topics, which aiokafka 0.14 does not ask for: version 12 of the Metadata request (KIP-516).

tests/plumbing/test_topics_now.py fails once aiokafka asks for them itself, or moves what is used here.
"""

from __future__ import annotations

import uuid
from io import BytesIO
from typing import Any, ClassVar, NamedTuple

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

_NONE = uuid.UUID(int=0)
_UNKNOWN_TOPIC = 3  # Kafka protocol error code UNKNOWN_TOPIC_OR_PARTITION


class KafkaMetadata(NamedTuple):
    """The cluster's id, and of each topic its id (None where the broker has none) and its number of partitions.
    `unclear`: topics of which the broker can't tell just now."""

    cluster_id: str | None
    topics: dict[str, tuple[str | None, int]]
    unclear: set[str]


class _Uuid(AbstractType[uuid.UUID]):  # type: ignore[misc]
    @classmethod
    def encode(cls, value: uuid.UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> uuid.UUID:
        return uuid.UUID(bytes=data.read(16))


_BROKER = (
    ("node_id", Int32),
    ("host", CompactString()),
    ("port", Int32),
    ("rack", CompactString()),
    ("tags", TaggedFields),
)
_PARTITION = (
    ("error_code", Int16),
    ("partition", Int32),
    ("leader", Int32),
    ("leader_epoch", Int32),
    ("replicas", CompactArray(Int32)),
    ("isr", CompactArray(Int32)),
    ("offline_replicas", CompactArray(Int32)),
    ("tags", TaggedFields),
)
_TOPIC = (
    ("error_code", Int16),
    ("topic", CompactString()),
    ("topic_id", _Uuid),
    ("is_internal", Boolean),
    ("partitions", CompactArray(*_PARTITION)),
    ("authorized_operations", Int32),
    ("tags", TaggedFields),
)


class _Answer(Response):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 12
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", CompactArray(*_BROKER)),
        ("cluster_id", CompactString()),
        ("controller_id", Int32),
        ("topics", CompactArray(*_TOPIC)),
        ("tags", TaggedFields),
    )


class _Question(RequestStruct):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 12
    RESPONSE_TYPE = _Answer
    FLEXIBLE_VERSION = True
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("topic", CompactString()), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class EveryTopic(Request[_Question]):  # type: ignore[misc]
    """Asks for all topics: asking for one by its name could create it."""

    API_KEY: ClassVar[int] = 3

    def build(self, request_struct_class: type[_Question]) -> _Question:
        """The request of version 12."""
        return request_struct_class(None, False, False, {})


def metadata_in(answer: Any) -> KafkaMetadata:
    """What an answer to `EveryTopic` says."""
    topics = {
        name: (None if topic_id == _NONE else str(topic_id), len(partitions))
        for error, name, topic_id, _, partitions, *_ in answer.topics
        if not error
    }
    unclear = {topic[1] for topic in answer.topics if topic[0] not in {0, _UNKNOWN_TOPIC}}
    return KafkaMetadata(answer.cluster_id, topics, unclear)
