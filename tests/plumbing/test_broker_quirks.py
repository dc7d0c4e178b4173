"""Each reach into aiokafka and FastStream is still needed, and still finds what it reaches for."""

from __future__ import annotations

import asyncio
import inspect
import re
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.producer.message_accumulator import MessageAccumulator
from aiokafka.producer.sender import Sender
from aiokafka.producer.transaction_manager import TransactionManager
from faststream.kafka import KafkaBroker

from shared.messaging import broker_quirks

ROOT = Path(__file__).resolve().parents[2]
REACHES = re.compile(
    r"\._(connection_args|coordinator|coordination_task|fetcher|proc_fetch_request|sender|txn_manager"
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
