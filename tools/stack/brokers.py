"""Which broker `up` starts on a data directory: the embedded one, or Apache Kafka; and that it stays that one, since
each has topics of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from shared.errors import SetUpError
from tools.stack import apache_kafka
from tools.stack.apache_kafka.jars import JAVA, is_there, kept_in, user_cache
from tools.stack.broker import FOLDER as EMBEDDED_FOLDER
from tools.stack.broker import Broker
from tools.stack.folder import Folder
from tools.stack.supervise import Child

APACHE = "apache"
"""What `--kafka` is given for Apache Kafka from its own jars, instead of bootstrap servers."""


def began(data: Path) -> set[str]:
    """The folders of a data directory in which a broker has kept something."""
    return {
        name
        for name in (EMBEDDED_FOLDER, apache_kafka.FOLDER)
        if (data / name).is_dir() and any((data / name).iterdir())
    }


def same_as_before(data: Path, kafka: str | None) -> None:
    """Raise SetUpError where a data directory was begun with the other one of the two brokers: its consumers would find
    other topics than they read before."""
    before = began(data)
    if kafka == APACHE and EMBEDDED_FOLDER in before:
        raise SetUpError(
            f"{data} was begun with the embedded broker, which has its topics: start it without --kafka {APACHE}, or "
            "name another directory with --data"
        )
    if kafka is None and apache_kafka.FOLDER in before:
        raise SetUpError(
            f"{data} was begun with Apache Kafka, which has its topics: start it with --kafka {APACHE}, or name "
            "another directory with --data"
        )


async def jars(step: Callable[[str], None], event: Callable[[str], None]) -> Path:
    """The folder with Apache Kafka's jars, fetched into the user's cache the first time; `step` gets a few words for
    each file, `event` a sentence before the first. Raises SetUpError where Java or Maven is missing, or fails."""
    cache = user_cache()
    try:
        apache_kafka.java()
        if not is_there(kept_in(cache)):
            event(f"fetching Apache Kafka {apache_kafka.VERSION} with Maven into {cache}, once (some 45 MB)")
        return await apache_kafka.fetched(cache, step)
    except SetUpError as why:
        raise SetUpError(
            f"{why}: --kafka {APACHE} needs Java {JAVA} or newer and, the first time, Maven and a Maven repository; "
            "install them, or name a running broker with --kafka HOST:PORT"
        ) from None


def embedded(folder: Folder, port: int) -> tuple[str, Child]:
    """(Bootstrap servers, how it is run.)"""
    broker = Broker(folder, port)
    return broker.bootstrap, Child(broker.command(), broker.is_ready, broker.prepare)


def apache(folder: Folder, libs: Path, broker_port: int, controller_port: int) -> tuple[str, Child]:
    """The same for Apache Kafka from the jars in `libs`."""
    broker = apache_kafka.ApacheKafka(folder, libs, apache_kafka.Ports(broker_port, controller_port))
    child = Child(broker.command(), broker.is_ready, broker.prepare, patience=90.0, grace=30.0)
    return broker.bootstrap, child
