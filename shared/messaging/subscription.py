"""A subscription: one consumer of one topic, as a FastStream router whose handler handles each record exactly once.

A consumer decorates its handler with `@subscription.router.subscriber(topic, **subscription.options, …)`, and the
service's broker includes the router. The handler gets what was decoded, in order, and the transaction (handlers.py).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, TypedDict, overload

from faststream import AckPolicy
from faststream.kafka import KafkaMessage, KafkaRouter
from faststream.kafka.message import FAKE_CONSUMER

from shared.errors import InvalidMessage
from shared.facts.envelope import Fact, Value, from_record
from shared.facts.values import read_fact
from shared.messaging.batches import Batches, Order
from shared.messaging.broker_quirks import give, is_put_out, join_as
from shared.messaging.dead_letters import RawRecord
from shared.messaging.decoded import Decode, Decoded
from shared.messaging.exactly_once import ExactlyOnce, Retries
from shared.messaging.following import PATIENCE, Follower
from shared.messaging.handlers import body_of, without_headers
from shared.messaging.lag_reader import LagReader
from shared.messaging.places import Places
from shared.messaging.positions import Tally
from shared.pulse import Pulse
from shared.storage.database import Connection, Database
from shared.storage.sealing import Seal

log = logging.getLogger(__name__)


class Options(TypedDict):
    """The arguments of FastStream's subscriber that every subscription has."""

    batch: Literal[True]
    batch_timeout_ms: int
    max_partition_fetch_bytes: int
    auto_offset_reset: Literal["none"]
    isolation_level: Literal["read_committed"]
    ack_policy: AckPolicy
    no_reply: bool
    listener: Places
    title: str


@overload
def decode_fact(record: RawRecord) -> Fact: ...


@overload
def decode_fact(record: RawRecord, read: Callable[[str, bytes], Value]) -> Fact[Value]: ...


def decode_fact(record: RawRecord, read: Callable[[str, bytes], Any] = read_fact) -> Fact[Any]:
    """A record of ours as a fact; `read` makes its value of its ce_type and its body. Raises InvalidMessage."""
    fact = from_record(record.value, record.headers, read)
    if not record.key:
        raise InvalidMessage("the record has no key")
    return fact


class Subscription:
    """One consumer of one topic, named `<service>.<name>`.

    `decode`: makes a fact of a record. `order`: what of a batch goes to the handler now (an Inbox); None: all of it.
    `most`: records in one transaction, of more that are fetched together; None: all of these. `pace`: least seconds
    between two batches that are not full. `patience`: seconds for which a batch is retried while something is
    unavailable, before it is fetched again.
    """

    def __init__(
        self,
        service: str,
        name: str,
        database: Database,
        *,
        decode: Decode = decode_fact,
        order: Order | None = None,
        most: int | None = None,
        pace: float = 0.0,
        patience: float = 60.0,
    ) -> None:
        self.consumer_name, self.database = f"{service}.{name}", database
        self.pulse = Pulse(self.consumer_name)
        self.router = KafkaRouter(parser=without_headers, decoder=body_of)
        self.places = Places(self.consumer_name, database, self.router, self.pulse)
        self.batches = Batches(self.places, dead_topic=f"dead.{service}", decode=decode, order=order, most=most)
        self.retries = Retries(self.places, self.batches, pace=pace, patience=patience)
        self.lags = LagReader(self.places, self.retries.busy)
        self.router.add_middleware(partial(ExactlyOnce, retries=self.retries))

    @property
    def options(self) -> Options:
        """Arguments for the decorator. Nothing is acknowledged to Kafka: positions are in the database (decision
        0106)."""
        return Options(
            batch=True,
            batch_timeout_ms=1000,
            max_partition_fetch_bytes=4 << 20,  # what an episode costs is per batch, so a backlog comes in large ones
            auto_offset_reset="none",
            isolation_level="read_committed",
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
            listener=self.places,
            title=self.consumer_name,
        )

    @property
    def seal(self) -> Seal:
        """What dead letters are encrypted with; a service gives all of its consumers the same."""
        return self.batches.seal

    @seal.setter
    def seal(self, seal: Seal) -> None:
        self.batches.seal = seal

    @property
    def refused(self) -> str | None:
        """A sentence for the operator why nothing is read; None while all is well."""
        return self.places.refused

    def waits_for(self) -> str | None:
        """A sentence why it is not ready; None when it is."""
        return self.refused or self.lags.unread() if self.places.at or self.refused else "no partition is assigned yet"

    def join_as(self, instance: str | None) -> None:
        """Before the start: join the group as a static member, which gets its partitions back at once after a kill.

        Without a name the group waits for the dead member's session to time out (the embedded broker waits for ever).
        """
        if instance:
            join_as(self.places.subscriber, f"{self.consumer_name}.{instance}")

    def follow(self, other: Subscription, *, patience: float = PATIENCE) -> None:
        """Before the start: take what `other`, which reads the same topic in this process and decodes it alike, has
        fetched and decoded (following.py). `patience`: seconds that a batch of the other may take before this one
        fetches by itself."""

        async def take(taken: Callable[[], Decoded]) -> None:
            await self.retries.take_decoded(taken, self.give)

        self.places.following = other.places.follower = Follower(self.places, other.places, take, patience)

    def put_out(self) -> bool:
        """True when the group has fenced this member for good, since another one joined with its name: it reads no
        more."""
        return is_put_out(self.places.subscriber.consumer)

    async def begin_anew_if_asked(self) -> None:
        """For a timer: seek to the beginning of partitions that `stepdown positions reset` marked."""
        if await self.places.reset_asked():
            log.warning("consumer begins anew", extra={"consumer": self.consumer_name})
            await self.retries.begin_anew()

    async def handle_again(self, connection: Connection, record: RawRecord, tally: Tally) -> None:
        """Handle a dead letter inside the caller's transaction. Raises InvalidMessage where it is still wrong."""
        await self.batches.handle_again(connection, record, tally, self.give)

    async def give(self, decoded: Any) -> None:
        """Give the handler something decoded that was not fetched from the topic."""
        message = KafkaMessage((), decoded, consumer=FAKE_CONSUMER)
        await give(self.places.subscriber, message, body_of)
