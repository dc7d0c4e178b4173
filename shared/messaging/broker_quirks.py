"""Every use of private parts of aiokafka and FastStream, each with its reason; no other module may use any, but for
Kafka's format in record_batches.py.

tests/plumbing/test_broker_quirks.py has a test for each that fails once upstream makes it needless or moves it.
"""

from __future__ import annotations

import asyncio
import contextlib
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaProducer
from faststream import StreamMessage
from faststream.kafka.subscriber.usecase import BatchSubscriber

SHORTEST, LONGEST = 0.01, 0.04
"""Seconds: the first pause, and the one after a second or two without anything; the most that is added to the way of a
record."""


def be_patient(consumer: Any) -> None:
    """Make this aiokafka consumer pause after an empty fetch answer that came at once. Call it once for each
    consumer."""
    fetcher = consumer._fetcher  # noqa: SLF001 - aiokafka has no public place for it
    if getattr(fetcher, "patient", False):
        return
    original = fetcher._proc_fetch_request  # noqa: SLF001
    pause = SHORTEST

    async def patiently(assignment: Any, node_id: Any, request: Any) -> Any:
        nonlocal pause
        began = asyncio.get_running_loop().time()
        brought_something = await original(assignment, node_id, request)
        if brought_something:
            pause = SHORTEST
        elif asyncio.get_running_loop().time() - began < pause:
            try:
                await asyncio.sleep(pause)
            except asyncio.CancelledError:  # the consumer closes; aiokafka's own way to say so is to return
                return False
            pause = min(pause * 1.05, LONGEST)
        return brought_something

    fetcher._proc_fetch_request = patiently  # noqa: SLF001
    fetcher.patient = True


class _AtOnce(BatchSubscriber):
    """A batch subscriber that asks again at once after a wait without records."""

    __slots__ = ()

    async def get_msg(self, consumer: Any) -> tuple[Any, ...]:
        found = await consumer.getmany(timeout_ms=self.batch_timeout_ms, max_records=self.max_records)
        return tuple(chain(*found.values()))


def ask_on(subscriber: BatchSubscriber) -> None:
    """Let this FastStream subscriber ask for records again at once after a wait without any.

    FastStream first sleeps for as long as it has waited: what comes meanwhile would lie there for up to a second.
    """
    if type(subscriber) is BatchSubscriber:
        subscriber.__class__ = _AtOnce


def join_as(subscriber: Any, member: str) -> None:
    """Before the start: let this FastStream subscriber join its group as the static member `member`.

    FastStream takes `group_instance_id` where the subscriber is declared, before the instance's name is known.
    """
    subscriber._connection_args = {**subscriber._connection_args, "group_instance_id": member}  # noqa: SLF001


async def give(subscriber: Any, message: StreamMessage[Any], decoder: Any) -> None:
    """Give the handler of this FastStream subscriber a message that its consumer did not fetch (a replayed dead
    letter).

    Middlewares are skipped: the caller does their work.
    """
    (call,) = subscriber.calls
    message.set_decoder(decoder)
    await call.handler.call_wrapped(message)


def is_put_out(consumer: Any) -> bool:
    """True when the group has fenced this aiokafka consumer for good, which it tells only on a fetch."""
    coordinator = consumer and consumer._coordinator  # noqa: SLF001
    return bool(coordinator and coordinator._coordination_task.done())  # noqa: SLF001


async def close_for_good(producer: AIOKafkaProducer) -> None:
    """Make this producer send nothing more and close its connections, whether or not it could stop in order."""
    try:
        async with asyncio.timeout(1):
            await producer.stop()
    except Exception:  # noqa: BLE001 - it is given up; what it still says is fenced by the next one
        await _cut_off(producer)
    transaction = producer._txn_manager._transaction_waiter  # noqa: SLF001 - nobody else waits for it
    if transaction is not None and transaction.done():
        seen(transaction)


async def _cut_off(producer: AIOKafkaProducer) -> None:
    """Cancel each task of aiokafka's sender, which after a `stop` that did not finish goes on and connects anew."""
    parts = (producer._sender, producer._message_accumulator)  # noqa: SLF001 - it tells its tasks to nobody
    tasks = [task for task in asyncio.all_tasks() if any(_its_own(task) is part for part in parts)]
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=1)
    with contextlib.suppress(Exception):
        async with asyncio.timeout(1):
            await producer.client.close()


def _its_own(task: asyncio.Task[Any]) -> Any:
    """The object whose method this task runs."""
    frame = getattr(task.get_coro(), "cr_frame", None)
    return frame.f_locals.get("self") if frame else None


async def ask(consumer: Any, request: Any) -> Any:
    """The answer of some broker of the cluster to a request of Kafka's protocol, on this consumer's connection."""
    client = consumer._client  # noqa: SLF001 - aiokafka asks for what it needs itself, and for nothing else
    return await client.send(client.get_random_node(), request)


def seen(sent: asyncio.Future[Any]) -> None:
    """Mark the future's exception as retrieved: the relay's pass reports one failure, asyncio need not log the
    others."""
    if not sent.cancelled():
        sent.exception()
