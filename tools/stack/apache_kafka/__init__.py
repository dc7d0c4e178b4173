"""Apache Kafka from its own jars (jars.py), run with the local Java: for `up --kafka apache`, slow tests, benchmarks.

One process that is broker and controller (KRaft), on loopback, with one copy of everything: not what production runs
(docs/run-it.md). Knows no topic.
"""

from __future__ import annotations

import asyncio
import base64
import socket
import subprocess
import uuid
from pathlib import Path
from typing import NamedTuple

from shared.errors import SetUpError
from tools.stack.apache_kafka.jars import VERSION as VERSION
from tools.stack.apache_kafka.jars import fetched as fetched
from tools.stack.apache_kafka.jars import java as java
from tools.stack.children import Command
from tools.stack.folder import Folder

FOLDER = "kafka-apache"
"""Where it keeps its records, inside the data directory."""
METADATA = b"\x00\x00\x00\x0e\x00\x03\x00\x01\x00\x00\x00\x01\xff\xff\x00\x00\x00\x00"
"""A request, after its length: Metadata version 1 about no topic (Kafka protocol guide). The answer begins with its
length, the correlation id and the number of brokers, which is 0 until the controller knows this one."""
LOGGING = ("defaultLogLevel=warn", "showDateTime=true", "dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX")
"""What slf4j-simple logs to standard error, and so to the log file."""
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listeners=BROKER://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=BROKER://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
log.dirs={place}/log
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
"""


class Ports(NamedTuple):
    """The loopback ports that it listens on; a restart on the same folder has the same ones."""

    broker: int
    controller: int


class ApacheKafka:
    """One broker that is its own controller, with its records in `folder`/kafka-apache."""

    def __init__(self, folder: Folder, libs: Path, ports: Ports) -> None:
        self.place = folder.inside(FOLDER)
        self.log = folder.log("apache-kafka")
        self.ports = ports
        logging = [f"-Dorg.slf4j.simpleLogger.{one}" for one in LOGGING]
        self.java = ["java", "-Xmx512m", *logging, "-cp", f"{libs.absolute()}/*"]
        self.properties = self.place / "server.properties"

    @property
    def bootstrap(self) -> str:
        """Its address, `host:port`."""
        return f"127.0.0.1:{self.ports.broker}"

    async def prepare(self) -> None:
        """Write its configuration, and format its folder the first time. Raises SetUpError where that fails."""
        properties = PROPERTIES.format(place=self.place, **self.ports._asdict())
        self.properties.write_text(properties, encoding="utf-8")
        if (self.place / "log" / "meta.properties").exists():
            return
        identity = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        named = f"--cluster-id={identity}"  # in one word: it may begin with a hyphen
        how = ["kafka.tools.StorageTool", "format", "--standalone", named, "-c", str(self.properties)]
        done = await asyncio.to_thread(
            subprocess.run, [*self.java, *how], capture_output=True, check=False, timeout=60, cwd=self.place
        )
        if done.returncode:
            why = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()[-1:] or ["no word"]
            raise SetUpError(f"Apache Kafka could not format {self.place} (exit {done.returncode}: {why[0]})")

    def command(self) -> Command:
        """How it is started."""
        arguments = [*self.java, "kafka.Kafka", str(self.properties)]
        return Command(name="Apache Kafka", arguments=arguments, log=self.log, folder=self.place)

    def is_ready(self) -> bool:
        """True when it tells clients of itself: later than it listens, when its controller knows it."""
        return tells_of_itself(self.ports.broker)


def tells_of_itself(port: int) -> bool:
    """True when the broker on this port of loopback names at least one broker."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as asked:
            asked.sendall(METADATA)
            with asked.makefile("rb") as answer:
                return int.from_bytes(answer.read(12)[8:]) > 0
    except OSError:
        return False
