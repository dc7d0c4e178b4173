"""Whether a broker answers a client: later than it listens, earlier than anything is asked of it."""

from __future__ import annotations

from importlib import import_module


def says_it_is_there(bootstrap: str) -> bool:
    """Whether it tells of itself."""
    client = import_module("confluent_kafka.admin")
    try:
        topics = client.AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}).list_topics(timeout=1)
    except import_module("confluent_kafka").KafkaException:
        return False
    return bool(topics.brokers)
