"""Apache Kafka from its own jars (tools/stack/apache_kafka) as a child process of the test run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.apache.answering import says_it_is_there
from tests.servers import running
from tools.stack.apache_kafka import ApacheKafka
from tools.stack.folder import claim


@contextmanager
def running_broker(place: Path, *, libs: Path) -> Iterator[str]:
    """One broker that is its own controller, with its records in `place`: its bootstrap servers."""
    folder = claim(place)
    broker = ApacheKafka(folder, libs)
    with ThreadPoolExecutor(1) as aside:  # the test session has a loop of its own in this thread
        aside.submit(asyncio.run, broker.prepare()).result()
    ready = lambda: broker.is_ready() and says_it_is_there(broker.bootstrap)  # noqa: E731
    try:
        with running(broker.command(), ready, seconds=90):
            yield broker.bootstrap
    finally:
        folder.release()
