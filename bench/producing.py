"""Records onto a topic as fast as they can be made, by librdkafka, keyed as Java's and aiokafka's clients key."""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import Producer

from shared.facts.envelope import Record


def produce(kafka: str, made: Iterable[Record]) -> int:
    """Send all of them and wait until the broker has them; how many there were."""
    producer = Producer(
        {
            "bootstrap.servers": kafka,
            "partitioner": "murmur2_random",
            "enable.idempotence": True,
            "linger.ms": 20,
            "queue.buffering.max.messages": 200_000,
            "log_level": 0,
        }
    )
    number = 0
    for one in made:
        while True:
            try:
                producer.produce(one.topic, one.value, one.key, headers=[*one.headers])
                break
            except BufferError:
                producer.poll(0.1)
        number += 1
        if number % 1000 == 0:
            producer.poll(0)
    left = producer.flush(120)
    assert not left, "the broker did not take all records"
    return number
