"""The producer that a service writes with: begun under a name of its own after all earlier ones are fenced, and used in
transactions of at most a minute."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from shared.messaging.broker_quirks import close_for_good, seen
from shared.messaging.record_batches import LARGEST, RecordBatch, SendableBatch
from shared.messaging.writer_names import WriterNames

Producer = AIOKafkaProducer
_ENDING: set[asyncio.Task[None]] = set()
"""Producers that were given up while they began; a loop keeps no task by itself."""


def named(connect: Mapping[str, Any], name: str) -> AIOKafkaProducer:
    """A producer of this transactional id, not started."""
    return AIOKafkaProducer(
        **connect,
        transactional_id=name,
        enable_idempotence=True,
        acks="all",
        max_batch_size=LARGEST,
        max_request_size=LARGEST,
        transaction_timeout_ms=30_000,
        request_timeout_ms=20_000,
    )


async def fenced_producer(names: WriterNames, connect: Mapping[str, Any]) -> AIOKafkaProducer:
    """A started producer that may write: earlier ones are fenced, and their open transactions aborted.

    Raises Transient where another writer was enrolled meanwhile, KafkaError or OSError where the broker is away.
    """
    name, earlier = await names.enroll()
    for each in earlier:
        await close_for_good(await _started(connect, each))
    await names.fenced(earlier)
    producer = await _started(connect, name)
    try:
        await names.confirm(name)
    except BaseException:
        await close_for_good(producer)
        raise
    return producer


async def _started(connect: Mapping[str, Any], name: str) -> AIOKafkaProducer:
    """A producer that has begun. Where the caller is cancelled meanwhile, it ends by itself: aiokafka leaves a
    connection open whose first answer is not waited for."""
    producer = named(connect, name)
    start = asyncio.create_task(producer.start())
    try:
        await asyncio.shield(start)
    except asyncio.CancelledError:
        ending = asyncio.create_task(_ended(start, producer))
        _ENDING.add(ending)
        ending.add_done_callback(_ENDING.discard)
        raise
    except BaseException:
        await close_for_good(producer)
        raise
    return producer


async def _ended(start: asyncio.Task[None], producer: AIOKafkaProducer) -> None:
    await asyncio.wait([start])
    seen(start)
    await close_for_good(producer)


@contextlib.asynccontextmanager
async def kafka_transaction(producer: AIOKafkaProducer) -> AsyncIterator[None]:
    """A Kafka transaction of at most a minute: committed at the end, aborted on any error."""
    async with asyncio.timeout(60):
        await producer.begin_transaction()
        try:
            yield
            await producer.commit_transaction()
        except BaseException:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(1):  # it would wait for a broker that is away
                    await producer.abort_transaction()
            raise


async def deliver(producer: AIOKafkaProducer, topic: str, partition: int, parts: Iterable[RecordBatch]) -> int:
    """Send the batches of one partition, in their order; the offset of the last record. One of the first version may be
    too large."""
    sent, last = [], 0
    for batch in parts:
        if not batch.fits:
            raise MessageSizeTooLargeError
        sent.append(await producer.send_batch(SendableBatch(batch), topic, partition=partition))
        sent[-1].add_done_callback(seen)
        last = batch.records - 1
    done = await asyncio.gather(*sent)
    return int(done[-1].offset) + last
