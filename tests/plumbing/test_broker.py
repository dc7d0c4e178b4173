"""How the services speak to the broker follows the settings, the same for FastStream as for aiokafka."""

from __future__ import annotations

from typing import Any

import pytest
from faststream.kafka.security import parse_security

from shared.messaging.broker import _security, broker_for
from shared.settings import Settings


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"kafka_security_protocol": "SSL"},
        *(
            {"kafka_security_protocol": protocol, "kafka_sasl_mechanism": mechanism}
            for protocol in ("SASL_PLAINTEXT", "SASL_SSL")
            for mechanism in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
        ),
    ],
)
def test_faststream_is_told_the_same_security_as_aiokafka(given: dict[str, Any]) -> None:
    settings = Settings(kafka="one:9092,two:9092", kafka_username="stepdown", kafka_password="pw", **given)
    told, meant = parse_security(_security(settings)), settings.kafka_client()
    assert told.get("security_protocol", "PLAINTEXT") == meant["security_protocol"]
    for name in ("sasl_mechanism", "sasl_plain_username", "sasl_plain_password"):
        assert told.get(name) == meant.get(name)
    assert (told.get("ssl_context") is None) == ("ssl_context" not in meant)
    assert broker_for(settings, "aftercare") is not None
