"""Records onto a topic as fast as they can be made, by librdkafka, keyed as Java's and aiokafka's clients key."""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from shared.facts.envelope import Record

PARTITIONS = 8  # as the product's topics have (STEPDOWN_KAFKA_PARTITIONS)


def produce(kafka: str, made: Iterable[Record]) -> int:
    """Send all of them and wait until the broker has them; how many there were."""
    return send(producer(kafka), made)


def producer(kafka: str, linger: int = 20) -> Producer:
    """One that gathers records for `linger` milliseconds."""
    return Producer(
        {
            "bootstrap.servers": kafka,
            "partitioner": "murmur2_random",
            "enable.idempotence": True,
            "linger.ms": linger,
            "queue.buffering.max.messages": 200_000,
            "log_level": 0,
        }
    )


def send(sender: Producer, made: Iterable[Record]) -> int:
    """The same by a producer that goes on."""
    number = 0
    for one in made:
        while True:
            try:
                sender.produce(one.topic, one.value, one.key, headers=[*one.headers])
                break
            except BufferError:
                sender.poll(0.1)
        number += 1
        if number % 1000 == 0:
            sender.poll(0)
    left = sender.flush(120)
    assert not left, "the broker did not take all records"
    return number


def make_topic(kafka: str, name: str) -> None:
    """A topic of a benchmark's own. Raises KafkaException."""
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})  # asked no more once nobody holds it
    admin.create_topics([NewTopic(name, PARTITIONS, 1)])[name].result(30)
