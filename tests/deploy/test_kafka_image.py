"""The broker of docker-compose.yml on a root file system that is only read: what the image's start writes, and where.

The image starts with `kafka.docker.KafkaDockerWrapper setup`, which is in Apache Kafka's own jars: it makes the
configuration from the environment and from /mnt/shared/config, in /opt/kafka/config, which is empty at each start.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from shared.errors import SetUpError
from tests import containers
from tests.deploy.composed import ROOT, SERVICES
from tests.servers import running
from tools.stack import apache_kafka
from tools.stack.children import Command
from tools.stack.folder import ports

MOUNTED = ROOT / "deploy" / "kafka"
CLUSTER = "5L6g3nShT-eMCtK--X86sw"
FILES = ("log4j2.yaml", "tools-log4j2.yaml")
THEIRS = """\
Configuration:
  Appenders:
    File: {name: FILE, fileName: "${sys:kafka.logs.dir}/server.log"}
  Loggers:
    Root: {level: INFO, AppenderRef: [{ref: FILE}]}
"""
"""As the image's own configuration, in short: it writes files."""


def test_the_configuration_of_its_log_is_where_the_image_looks_for_it() -> None:
    assert f"./{MOUNTED.relative_to(ROOT)}:/mnt/shared/config:ro" in SERVICES["kafka"]["volumes"]
    assert [file.name for file in MOUNTED.iterdir()] == [FILES[0]]


@pytest.fixture(scope="module")
def classpath(request: pytest.FixtureRequest) -> str:
    """Apache Kafka's jars, with the ones that it logs through in its distribution."""
    cache = request.config.cache
    assert cache is not None
    try:
        apache_kafka.java()
        broker = asyncio.run(apache_kafka.fetched(cache.mkdir("apache-kafka")))
        pom = Path(__file__).parent / "kafka_log" / "pom.xml"
        log = asyncio.run(apache_kafka.fetched(cache.mkdir("apache-kafka-log"), pom=pom))
    except SetUpError as why:
        pytest.skip(str(why))
    jars = [*broker.glob("*.jar"), *log.glob("log4j-slf4j-impl-*.jar")]
    return ":".join(str(jar.absolute()) for jar in jars if not jar.name.startswith("slf4j-nop"))


def java(classpath: str, *words: str) -> list[str]:
    return ["java", "-Xmx512m", "-cp", classpath, *words]


def environment(place: Path, taken: dict[str, int]) -> dict[str, str]:
    """That of docker-compose.yml, on free ports of this machine and with records in `place`."""
    broker, controller = taken["broker"], taken["controller"]
    own = {
        "KAFKA_LISTENERS": f"PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": f"1@127.0.0.1:{controller}",
        "KAFKA_LOG_DIRS": str(place / "data"),
    }
    return (
        containers.kafka_environment(f"127.0.0.1:{broker}") | own | {"CLUSTER_ID": CLUSTER, "PATH": os.environ["PATH"]}
    )


@pytest.mark.slow
def test_a_broker_starts_from_an_empty_folder_and_writes_no_file_of_its_log(classpath: str, tmp_path: Path) -> None:
    for folder in ("defaults", "configuration", "data", "logs"):
        (tmp_path / folder).mkdir()
    for name in FILES:  # the image's own, which write files too
        (tmp_path / "defaults" / name).write_text(
            "Configuration: {Loggers: {Root: {level: 'OFF'}}}\n", encoding="utf-8"
        )
    taken = ports({"broker": 0, "controller": 0})
    given, configuration = environment(tmp_path, taken), tmp_path / "configuration"
    setup = [
        "kafka.docker.KafkaDockerWrapper", "setup", "--default-configs-dir", str(tmp_path / "defaults"),
        "--mounted-configs-dir", str(MOUNTED), "--final-configs-dir", str(configuration),
    ]  # fmt: skip
    done = subprocess.run(java(classpath, *setup), env=given, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert {file.name for file in configuration.iterdir()} == {"server.properties", *FILES}
    assert "STDOUT" in (configuration / FILES[0]).read_text(encoding="utf-8")

    options = [
        f"-Dlog4j2.configurationFile={configuration / FILES[0]}", f"-Dkafka.logs.dir={tmp_path / 'logs'}",
        given["KAFKA_GC_LOG_OPTS"],
    ]  # fmt: skip
    command = Command(
        name="Apache Kafka",
        arguments=java(classpath, *options, "kafka.Kafka", str(configuration / "server.properties")),
        log=tmp_path / "printed",
        folder=tmp_path,
    )
    with running(command, lambda: apache_kafka.tells_of_itself(taken["broker"]), seconds=90):
        assert "Kafka Server started" in command.log.read_text(encoding="utf-8", errors="replace")
    assert list((tmp_path / "logs").iterdir()) == []
