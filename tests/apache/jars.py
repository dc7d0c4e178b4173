"""Apache Kafka from its own jars (tools/stack/apache_kafka) as a child process of the test run."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tests.servers import running
from tools.stack.apache_kafka import ApacheKafka, Ports
from tools.stack.folder import claim, ports

T = TypeVar("T")


def aside(work: Coroutine[None, None, T]) -> T:
    """What it returns; run in a thread of its own, since the test session has a loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@contextmanager
def running_broker(place: Path, *, libs: Path) -> Iterator[str]:
    """One broker that is its own controller, with its records in `place`: its bootstrap servers."""
    folder = claim(place)
    broker = ApacheKafka(folder, libs, Ports(**ports({"broker": 0, "controller": 0})))
    aside(broker.prepare())
    try:
        with running(broker.command(), broker.is_ready, seconds=90):
            yield broker.bootstrap
    finally:
        folder.release()
