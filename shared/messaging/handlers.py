"""The parameters that a handler can ask for besides its records, and how it gets the batch, by FastStream's own means.

A handler's first parameter is what was decoded, in order. Others are asked for by type, through FastStream's `Depends`:
`connection: Transaction`, `tally: Outcomes`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from aiokafka import ConsumerRecord
from faststream import Depends, StreamMessage
from faststream.kafka import KafkaMessage
from faststream.kafka.message import FAKE_CONSUMER
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from shared.messaging.inbox import HasSeen, InLine
from shared.messaging.positions import Incoming, Tally
from shared.storage.database import Connection

Handle = Callable[[Any], Awaitable[None]]
"""Gives a consumer's handler what it is to handle, through FastStream."""


@dataclass(slots=True)
class _Batch:
    """What belongs to the current batch; emptied at its end, since tasks started meanwhile keep a copy of the
    context."""

    connection: Connection | None
    tally: Tally | None


_BATCH: ContextVar[_Batch] = ContextVar("batch")


@contextmanager
def in_transaction(connection: Connection, tally: Tally) -> Iterator[None]:
    """While a handler runs: gives it the Transaction and the Outcomes that it asks for."""
    batch = _Batch(connection, tally)
    token = _BATCH.set(batch)
    try:
        yield
    finally:
        _BATCH.reset(token)
        batch.connection = batch.tally = None


async def _connection() -> Any:
    return _BATCH.get().connection


async def _tally() -> Any:
    return _BATCH.get().tally


Transaction = Annotated[Connection, Depends(_connection, cast=False)]
"""The connection inside the batch's transaction: what is written there commits together with the positions.

An async `Depends`, and no `Context`: for each of those FastDepends goes through a thread (0.2 ms a batch).
"""
Outcomes = Annotated[Tally, Depends(_tally, cast=False)]
"""Where a handler of records that go by no sequence counts what came of each."""


class AsDecoded:
    """Marks a handler's first parameter, which is passed on as it was decoded.

    FastStream would have pydantic validate every record of a batch again for each try, although what `decode` made is
    typed and checked. Its AsyncAPI document of the service therefore names only the topic; docs/asyncapi.yaml has the
    payloads.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.any_schema()

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"description": "docs/asyncapi.yaml says what the records of this topic hold"}


Row = TypeVar("Row", bound=HasSeen)
Carried = TypeVar("Carried")
InOrder = Annotated[dict[str, InLine[Row]], AsDecoded()]
"""A handler's first parameter where an Inbox orders: episode → its locked row, and its facts whose turn it is."""
Records = Annotated[Sequence[Incoming[Carried]], AsDecoded()]
"""A handler's first parameter where nothing does: the decoded records of a batch, as they came."""


async def without_headers(records: tuple[ConsumerRecord, ...]) -> KafkaMessage:
    """The parser of a batch. FastStream's own decodes every header as text, and drops the batch where one is not UTF-8.

    It does so silently and goes on with the next batch. Headers are read by `decode` instead.
    """
    first = records[0]
    place = f"{first.topic}/{first.partition}/{first.offset}"
    return KafkaMessage(raw_message=records, body=(), message_id=place, consumer=FAKE_CONSUMER)


async def body_of(message: StreamMessage[Any]) -> Any:
    """The decoder of a batch: returns the body that the middleware made of the records (exactly_once.py)."""
    return message.body
