"""Apache Kafka 4 for the slow tests: a container where a Docker engine answers, else its own jars and the local Java.

A broker of its own for each system under test, for every system makes the same topics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from shared.errors import SetUpError
from tests import containers
from tests.apache import jars
from tools.stack import apache_kafka

VERSION = apache_kafka.VERSION
"""The same as docker-compose.yml starts (tests/deploy/test_engine.py)."""


@dataclass(frozen=True)
class Apache:
    """`run(place)` is one broker, ready: its bootstrap servers; `told` says what it is."""

    told: str
    run: Callable[[Path], AbstractContextManager[str]]


def found(cache: Path) -> Apache | str:
    """The way that there is on this machine, or why there is none; `cache` keeps the jars."""
    if containers.engine_answers():
        return Apache(f"Apache Kafka {VERSION} in a container", _contained)
    try:
        java, libs = apache_kafka.java(), jars.aside(apache_kafka.fetched(cache))
    except SetUpError as why:
        return f"no Apache Kafka: no Docker engine answers, and {why}"
    return Apache(f"Apache Kafka {VERSION} from its jars, on {java}", partial(jars.running_broker, libs=libs))


@contextmanager
def _contained(place: Path) -> Iterator[str]:
    with containers.apache_kafka() as bootstrap:
        yield bootstrap
