"""Makes and alters the topics of contract 2; safe to run again. Reads and writes no record."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from shared.errors import SetUpError
from shared.events import TOPICS, Topic, out_topic
from shared.settings import Settings
from shared.site import config
from shared.site.config import Site

logging.getLogger("aiokafka").addHandler(logging.NullHandler())  # a refusal is told once, in our words
ALREADY_EXISTS = 36  # Kafka protocol error code TOPIC_ALREADY_EXISTS


def of_site(settings: Settings) -> tuple[Topic, ...]:
    """The topics of the contract and of the site config that the settings name."""
    return of(config.load(settings.config))


def of(site: Site) -> tuple[Topic, ...]:
    """The topics of the contract, and out.<id> for each recipient of the site config."""
    return (*TOPICS, *(out_topic(recipient.id) for recipient in site.recipients))


async def apply(settings: Settings, topics: Iterable[Topic] | None = None) -> list[str]:
    """Make the topics that are missing and set the configuration of the others; returns the names of those made.

    `topics` None: those of the contract and of the site. Raises SetUpError where the broker does not answer or refuses,
    or has a topic with another number of partitions: keys would go to other partitions than before.
    """
    admin = await connect(settings)
    try:
        known = await partitions(admin)
        wanted = list(of_site(settings) if topics is None else topics)
        for topic in wanted:
            _same_partitions(topic.name, known.get(topic.name), settings.kafka_partitions)
        await _alter(admin, [topic for topic in wanted if topic.name in known])
        return await _create(admin, [topic for topic in wanted if topic.name not in known], settings)
    except KafkaError as error:
        raise SetUpError(f"the broker at {settings.kafka} refused the topics ({type(error).__name__})") from None
    finally:
        await admin.close()


async def compare(settings: Settings, topics: Iterable[Topic] | None = None) -> str:
    """A sentence where all topics exist with the right number of partitions. Raises SetUpError where one does not, and
    says what to do."""
    admin = await connect(settings)
    try:
        known = await partitions(admin)
    finally:
        await admin.close()
    wanted = list(of_site(settings) if topics is None else topics)
    missing = [topic.name for topic in wanted if topic.name not in known]
    if missing:
        raise SetUpError(f"there is no {', '.join(missing)}: run `stepdown topics apply`")
    for topic in wanted:
        _same_partitions(topic.name, known[topic.name], settings.kafka_partitions)
    return f"{len(wanted)} topics of {settings.kafka_partitions} partitions"


async def connect(settings: Settings) -> AIOKafkaAdminClient:
    """A started admin client, to be closed by the caller. Raises SetUpError where the broker does not answer."""
    admin = AIOKafkaAdminClient(**settings.kafka_client(), request_timeout_ms=15000)
    try:
        await admin.start()
    except (KafkaError, OSError) as error:
        await admin.close()
        raise SetUpError(
            f"the broker at {settings.kafka} can't be reached ({type(error).__name__}): is it running?"
        ) from None
    return admin


async def partitions(admin: AIOKafkaAdminClient) -> dict[str, int]:
    """Topic → number of partitions, of all topics on the broker: asking for one by its name could create it."""
    return {found["topic"]: len(found["partitions"]) for found in await admin.describe_topics()}


def configuration(topic: Topic) -> dict[str, str]:
    """A topic's whole configuration: altering sets everything that is not named to the broker's default."""
    return {
        "cleanup.policy": "compact" if topic.compacted else "delete",
        "retention.ms": str(topic.retention_ms),
        "message.timestamp.type": "CreateTime",
    }


def _same_partitions(name: str, found: int | None, wanted: int) -> None:
    if found is not None and found != wanted:
        raise SetUpError(
            f"the topic {name} has {found} partitions and {wanted} are set, which would move its keys: "
            f"set STEPDOWN_KAFKA_PARTITIONS={found}, or make the topic anew and then `stepdown positions reset`"
        )


async def _alter(admin: AIOKafkaAdminClient, topics: list[Topic]) -> None:
    if not topics:
        return
    changes = [ConfigResource(ConfigResourceType.TOPIC, topic.name, configuration(topic)) for topic in topics]
    answer = await admin.alter_configs(changes)
    for resource in (found for part in answer for found in part.resources):
        _refuse(resource[0], resource[3])


async def _create(admin: AIOKafkaAdminClient, topics: list[Topic], settings: Settings) -> list[str]:
    if not topics:
        return []
    answer = await admin.create_topics(
        [
            NewTopic(
                topic.name, settings.kafka_partitions, settings.kafka_replication, topic_configs=configuration(topic)
            )
            for topic in topics
        ]
    )
    for name, code, *_ in answer.topic_errors:
        if code != ALREADY_EXISTS:  # another `topics apply` was quicker
            _refuse(code, name)
    return [topic.name for topic in topics]


def _refuse(code: int, name: str) -> None:
    if code:
        raise SetUpError(f"the broker refused the topic {name} (Kafka error {code}): see the broker's log")
