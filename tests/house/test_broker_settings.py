"""How a service speaks to Kafka is as its settings say, for FastStream as for aiokafka."""

from __future__ import annotations

from typing import Any

import pytest
from faststream.kafka.security import parse_security

from shared.kafka import _security, broker
from shared.settings import Settings

USER = {"kafka_username": "stepdown", "kafka_password": "a password"}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"kafka_security_protocol": "SSL"},
        {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_mechanism": "PLAIN", **USER},
        {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_mechanism": "SCRAM-SHA-256", **USER},
        {"kafka_security_protocol": "SASL_PLAINTEXT", "kafka_sasl_mechanism": "SCRAM-SHA-512", **USER},
    ],
)
def test_faststream_speaks_to_the_broker_as_the_settings_say(given: dict[str, Any]) -> None:
    settings = Settings(kafka="one:9092,two:9092", **given)
    wanted = settings.kafka_client() | {"ssl_context": None}
    spoken = {"security_protocol": "PLAINTEXT"} | parse_security(_security(settings)) | {"ssl_context": None}
    assert spoken.items() <= wanted.items()
    assert len(spoken) == len(wanted) - 1
    assert broker(settings) is not None
