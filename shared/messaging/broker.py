"""FastStream's broker for a service, from the settings; each consumer's router is included by the service's app.py."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from shared.settings import Settings

log = logging.getLogger(__name__)

SEES_TOPICS_AGAIN = 10
"""Seconds until a consumer sees that its topic, which was deleted, is there again; aiokafka's own five minutes are long
after a `stepdown heal`."""


def broker_for(settings: Settings, service: str) -> KafkaBroker:
    """FastStream's broker for one service: creates no topics, lets the current batch finish on stop, logs no
    content."""
    return KafkaBroker(
        settings.kafka.split(","),
        security=_security(settings),
        client_id=f"stepdown-{service}",
        allow_auto_create_topics=False,
        graceful_timeout=10,
        logger=logging.getLogger("faststream"),
        log_level=logging.DEBUG,
        metadata_max_age_ms=SEES_TOPICS_AGAIN * 1000,
    )


async def begin_reading(broker: KafkaBroker) -> None:
    """Connect and start all consumers, however long Kafka is away."""
    wait = 0.2
    while True:
        try:
            await broker.connect()
            await _all_at_once(broker)
        except (KafkaError, OSError) as fault:
            log.warning("kafka is away", extra={"fault": type(fault).__name__, "seconds": wait})
            with contextlib.suppress(Exception):
                await broker.stop()
            await asyncio.sleep(wait)
            wait = min(wait * 2, 5.0)
        else:
            return


async def _all_at_once(broker: KafkaBroker) -> None:
    """Start all subscribers at once: `broker.start()` starts one after the other, and each waits for its group to
    settle."""
    started = await asyncio.gather(*(each.start() for each in broker.subscribers), return_exceptions=True)
    for fault in filter(None, started):
        raise fault


_SASL = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}


def _security(settings: Settings) -> BaseSecurity | None:
    """TLS and SASL settings as the object that FastStream takes; aiokafka takes keyword arguments."""
    given = settings.kafka_client()
    tls = given.get("ssl_context")
    if "SASL" in settings.kafka_security_protocol:
        name, password = given["sasl_plain_username"] or "", given["sasl_plain_password"] or ""
        return _SASL[settings.kafka_sasl_mechanism](name, password, tls, use_ssl=tls is not None)
    return BaseSecurity(tls) if tls is not None else None
