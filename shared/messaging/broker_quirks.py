"""Every reach into what aiokafka and FastStream keep to themselves, and why; nobody else in the project reaches there.

tests/plumbing/test_broker_quirks.py has a test for each that fails when upstream makes it needless, or moves it.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from aiokafka import AIOKafkaProducer
from faststream import StreamMessage

SHORTEST, LONGEST = 0.01, 0.04
"""Seconds: the first pause, and the one after a second or two without anything; the most that is added to the way of a
record."""


def be_patient(consumer: Any) -> None:
    """Let this aiokafka consumer pause after an empty answer that came at once. Once for each consumer."""
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


def join_as(subscriber: Any, member: str) -> None:
    """Before the start: this FastStream subscriber joins its group under a name of its own.

    FastStream takes `group_instance_id` where the subscriber is declared, and there nobody knows the instance yet.
    """
    subscriber._connection_args = {**subscriber._connection_args, "group_instance_id": member}  # noqa: SLF001


async def give(subscriber: Any, message: StreamMessage[Any], decoder: Any) -> None:
    """Give the handler of this FastStream subscriber a message that its consumer did not fetch (a dead letter again).

    It goes by no middleware: who gives it has done what they do.
    """
    (call,) = subscriber.calls
    message.set_decoder(decoder)
    await call.handler.call_wrapped(message)


def is_put_out(consumer: Any) -> bool:
    """Whether the group has put this aiokafka consumer out for good: it tells nobody but who asks it for records."""
    coordinator = consumer and consumer._coordinator  # noqa: SLF001
    return bool(coordinator and coordinator._coordination_task.done())  # noqa: SLF001


async def close_for_good(producer: AIOKafkaProducer) -> None:
    """It sends no more and has no connection any more, whether it could say goodbye or not."""
    try:
        async with asyncio.timeout(1):
            await producer.stop()
    except Exception:  # noqa: BLE001 - it is given up; what it still says is fenced by the next one
        await _cut_off(producer)
    transaction = producer._txn_manager._transaction_waiter  # noqa: SLF001 - nobody else waits for it
    if transaction is not None and transaction.done():
        seen(transaction)


async def _cut_off(producer: AIOKafkaProducer) -> None:
    """aiokafka's sender goes on after a `stop` that did not end, and connects anew: so each of its tasks is ended."""
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
    """The object whose method the task runs."""
    frame = getattr(task.get_coro(), "cr_frame", None)
    return frame.f_locals.get("self") if frame else None


def seen(sent: asyncio.Future[Any]) -> None:
    """One failure of a pass is told, by the pass; asyncio need not tell the others when they are collected."""
    if not sent.cancelled():
        sent.exception()
