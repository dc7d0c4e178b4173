"""Each reach into aiokafka and FastStream is still needed, and still finds what it reaches for."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.producer.message_accumulator import MessageAccumulator
from aiokafka.producer.sender import Sender
from aiokafka.producer.transaction_manager import TransactionManager
from faststream import AckPolicy, StreamMessage
from faststream.kafka import KafkaBroker, KafkaMessage, TestKafkaBroker
from faststream.kafka.message import FAKE_CONSUMER

from shared.messaging import broker_quirks
from shared.messaging.handlers import Records, body_of, without_headers

ROOT = Path(__file__).resolve().parents[2]
Reader = Callable[[Any], Awaitable[Any]]
REACHES = re.compile(
    r"\.call_wrapped\b|\.set_decoder\b|\._(connection_args|coordinator|coordination_task|fetcher|proc_fetch_request|sender|txn_manager"
    r"|message_accumulator|transaction_waiter)\b|f_locals"
)


def test_nobody_else_reaches_there() -> None:
    reaching = {
        path.relative_to(ROOT).as_posix()
        for part in ("services", "shared", "tools")
        for path in (ROOT / part).rglob("*.py")
        if REACHES.search(path.read_text())
    }
    assert reaching == {"shared/messaging/broker_quirks.py"}


def test_an_empty_fetch_is_asked_again_at_once_by_aiokafka() -> None:
    """Once it pauses by itself, `be_patient` can go."""
    parameters = inspect.signature(Fetcher._proc_fetch_request).parameters
    assert list(parameters) == ["self", "assignment", "node_id", "request"]
    assert "sleep" not in inspect.getsource(Fetcher._fetch_requests_routine)


async def test_a_subscriber_takes_its_members_name_only_where_it_is_declared() -> None:
    """Once FastStream takes it at the start, `join_as` can go."""
    assert "group_instance_id" in inspect.signature(KafkaBroker.subscriber).parameters
    subscriber = KafkaBroker("127.0.0.1:1").subscriber("care.events", group_id="g")
    assert "group_instance_id" not in inspect.signature(subscriber.start).parameters
    broker_quirks.join_as(subscriber, "me")
    assert subscriber._connection_args["group_instance_id"] == "me"


async def test_a_handler_gets_messages_from_its_consumer_alone() -> None:
    """Once a subscriber takes a message from whoever has one, and past its middlewares, `give` can go."""
    broker, got = KafkaBroker("127.0.0.1:1"), list[Any]()

    @broker.subscriber("care.events", batch=True, group_id="g")
    async def on_records(batch: Records[int]) -> None:
        got.append(batch)

    async with TestKafkaBroker(broker, connect_only=False):
        (subscriber,) = broker.subscribers
        await broker_quirks.give(subscriber, KafkaMessage((), [1, 2], consumer=FAKE_CONSUMER), body_of)
    assert got == [[1, 2]]
    assert list(inspect.signature(subscriber.process_message).parameters) == ["msg"]


@pytest.mark.parametrize("value", [None, b"\xff"])
async def test_faststreams_parser_drops_a_batch_for_one_header_and_says_nothing(value: bytes | None) -> None:
    """Once it hands the batch over, `without_headers` can go."""
    records = (a_record([]), a_record([("x", value)]), a_record([]))
    assert await handed_over(records) == []
    assert await handed_over(records, parser=without_headers, decoder=raw_of) == [records]


def a_record(headers: list[tuple[str, bytes | None]]) -> ConsumerRecord:
    return ConsumerRecord("care.events", 0, 7, 0, 0, b"k", b"{}", 0, 0, 0, tuple(headers))


async def handed_over(
    records: tuple[ConsumerRecord, ...], parser: Reader | None = None, decoder: Reader | None = None
) -> list[Any]:
    """What a handler gets when FastStream's consumer has fetched these."""
    broker, got = KafkaBroker("127.0.0.1:1"), list[Any]()

    @broker.subscriber(
        "care.events",
        batch=True,
        group_id="g",
        ack_policy=AckPolicy.NACK_ON_ERROR,
        parser=parser,
        decoder=decoder,
    )
    async def on_records(batch: Records[Any]) -> None:
        got.append(batch)

    async with TestKafkaBroker(broker, connect_only=False):
        (subscriber,) = broker.subscribers
        await subscriber.consume(records)
    return got


async def raw_of(message: StreamMessage[Any]) -> Any:
    return message.raw_message


def test_aiokafka_tells_only_who_asks_for_records_that_a_member_was_put_out() -> None:
    """Once a consumer says it itself, `is_put_out` can go."""
    public = {name for name in dir(AIOKafkaConsumer) if not name.startswith("_")}
    assert not {name for name in public if re.search("fenced|member|alive|closed|error", name)}
    assert "self._coordination_task" in inspect.getsource(GroupCoordinator)
    assert broker_quirks.is_put_out(None) is False


async def test_a_producer_whose_stop_is_cut_short_goes_on_sending() -> None:
    """Once `stop` ends its tasks whatever happens, `close_for_good` can go."""
    source = inspect.getsource(AIOKafkaProducer.stop)
    assert "finally" not in source
    for part, kept in (
        (Sender, "_sender_task"),
        (MessageAccumulator, "close"),
        (TransactionManager, "_transaction_waiter"),
    ):
        assert kept in inspect.getsource(part)


@pytest.mark.parametrize("cancelled", [True, False])
async def test_a_failure_that_nobody_asks_for_is_not_told_when_it_is_collected(cancelled: bool) -> None:
    sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    if cancelled:
        sent.cancel()
    else:
        sent.set_exception(ConnectionError())
    broker_quirks.seen(sent)
    assert sent.done()


class Empty:
    """A consumer's topic on which nothing comes; how often it was asked."""

    asked = 0

    async def getmany(self, **_: Any) -> dict[Any, Any]:
        self.asked += 1
        return {}


@pytest.mark.parametrize(("asks_on", "asked"), [(False, 1), (True, 20)], ids=["FastStream's own", "ours"])
async def test_after_a_wait_without_records_the_next_begins_at_once(asks_on: bool, asked: int) -> None:
    subscriber: Any = KafkaBroker().subscriber("t", group_id="g", batch=True, batch_timeout_ms=60_000)
    consumer = Empty()
    if asks_on:
        broker_quirks.ask_on(subscriber)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.5):
            while consumer.asked < asked or not asks_on:
                assert await subscriber.get_msg(consumer) == ()
    assert consumer.asked == asked
