"""Apache Kafka and PostgreSQL in containers, where a Docker engine answers; the images are those of docker-compose.yml.

STEPDOWN_TEST_CONTAINERS=1 makes every test use them (tests/servers.py); else only those that want Apache Kafka do.
"""

from __future__ import annotations

import functools
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from tools.stack.folder import ports

COMPOSE = Path(__file__).resolve().parents[1] / "docker-compose.yml"
STARTED = r".*Kafka Server started.*"
INSIDE = 9092


def composed(service: str) -> dict[str, Any]:
    """A service as docker-compose.yml has it."""
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"][service]
    return found


@functools.cache
def engine_answers() -> bool:
    """Whether there is a Docker engine to start containers with."""
    place = urlsplit(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"))
    if place.scheme == "unix" and not _listens(place.path):
        return False  # the client would leave its socket open, which is a warning and so an error
    docker = import_module("docker")
    try:
        docker.from_env().ping()
    except docker.errors.DockerException:
        return False
    return True


def _listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as door:
        return door.connect_ex(path) == 0


@contextmanager
def apache_kafka() -> Iterator[str]:
    """A broker of its own: bootstrap servers. It has the port that it tells clients, so that is chosen before."""
    core = import_module("testcontainers.core.container")
    port = ports({"broker": 0})["broker"]
    host = import_module("testcontainers.core.docker_client").DockerClient().host()
    started = import_module("testcontainers.core.wait_strategies").LogMessageWaitStrategy(re.compile(STARTED))
    made = core.DockerContainer(composed("kafka")["image"]).with_bind_ports(INSIDE, port).waiting_for(started)
    for name, value in kafka_environment(f"{host}:{port}").items():
        made = made.with_env(name, value)
    with made:
        yield f"{host}:{port}"


def kafka_environment(advertised: str) -> dict[str, str]:
    """What docker-compose.yml sets, but for where the broker says that it is, and where it keeps its data."""
    own = {
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{advertised}",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "PLAINTEXT",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_LOG_DIRS": "/tmp/kafka",
    }
    return {name: str(value) for name, value in (composed("kafka")["environment"] | own).items()}


@contextmanager
def postgres() -> Iterator[str]:
    """A server of its own: its administrator's URL."""
    module = import_module("testcontainers.community.postgres")
    with module.PostgresContainer(composed("postgres")["image"], driver=None) as made:
        yield made.get_connection_url()
