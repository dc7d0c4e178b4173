"""A service's routers on FastStream's broker in memory: each record that is published is a batch, handled at once."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from faststream.kafka import KafkaBroker, TestKafkaBroker

from shared.facts.envelope import Record
from shared.messaging import positions
from shared.messaging.positions import Position, Slot
from shared.messaging.subscription import Subscription

PARTITIONS = range(4)
"""FastStream's broker gives every record offset 0, so a partition carries one record."""


@asynccontextmanager
async def in_memory(*subscriptions: Subscription) -> AsyncIterator[KafkaBroker]:
    """A broker with these routers, and each consumer at the beginning of its topic."""
    broker = KafkaBroker("127.0.0.1:1", allow_auto_create_topics=False, log_level=logging.DEBUG)
    for each in subscriptions:
        broker.include_router(each.router)
        async with each.database.begin() as connection:
            for slot in (Slot(each.lags.topic, number) for number in PARTITIONS):
                await positions.begin_at(connection, each.consumer_name, slot, 0)
                each.places.at[slot] = Position(0)
    async with TestKafkaBroker(broker, connect_only=False):
        yield broker


async def publish(broker: KafkaBroker, record: Record, partition: int) -> None:
    """Put one record on its topic; every consumer of it has handled it afterwards."""
    headers = {name: value.decode() for name, value in record.headers}
    await broker.publish(record.value, record.topic, key=record.key, partition=partition, headers=headers)
