"""Apache Kafka from its own jars, for slow tests and benchmarks: fetched once with Maven, run with the local Java.

`up` starts the embedded broker instead, and production runs its own Kafka (docs/run-it.md). Knows no topic.
"""

from __future__ import annotations

import asyncio
import base64
import re
import shutil
import socket
import subprocess
import uuid
from pathlib import Path

from shared.errors import SetUpError
from tools.stack.children import Command
from tools.stack.folder import Folder, ports

POM = Path(__file__).parent / "pom.xml"
VERSION: str = re.findall(r"kafka_2\.13</artifactId><version>([\d.]+)", POM.read_text(encoding="utf-8"))[0]
JAVA = 17  # what the brokers of Kafka 4 need
API_VERSIONS = b"\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x01\xff\xff"
"""The request that any broker answers first (Kafka protocol guide, ApiVersions version 0), after its length."""
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


def java() -> str:
    """The local Java's version in words. Raises SetUpError where there is none, or it is older than Kafka needs."""
    try:
        said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True).stderr
    except (OSError, subprocess.CalledProcessError):
        raise SetUpError(f"there is no Java {JAVA} here") from None
    version = re.findall(r'"([\d._]+)', said)
    if not version or int(version[0].split(".")[0]) < JAVA:
        raise SetUpError(f"the Java here is older than {JAVA}")
    return f"Java {version[0]}"


def fetched(cache: Path, pom: Path = POM) -> Path:
    """The folder in `cache` with the jars of a pom.xml, fetched where it is missing. Raises SetUpError where Maven
    cannot fetch them within 300 s."""
    libs: Path = cache / VERSION
    if libs.is_dir():
        return libs
    cache.mkdir(parents=True, exist_ok=True)
    draft = cache / f"{VERSION}.{uuid.uuid4().hex[:8]}"
    maven = ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={draft}"]
    try:
        subprocess.run(maven, capture_output=True, check=True, timeout=300)
        draft.rename(libs)
    except (OSError, subprocess.SubprocessError) as fault:
        shutil.rmtree(draft, ignore_errors=True)
        raise SetUpError(f"Maven did not bring the jars of Apache Kafka ({type(fault).__name__})") from None
    return libs


class ApacheKafka:
    """One broker in `folder`/apache-kafka that is its own controller, on free loopback ports."""

    def __init__(self, folder: Folder, libs: Path) -> None:
        self.place = folder.inside("apache-kafka")
        self.log = folder.log("apache-kafka")
        self.taken = ports({"broker": 0, "controller": 0})
        self.java = ["java", "-Xmx512m", "-cp", f"{libs.absolute()}/*"]
        self.properties = self.place / "server.properties"

    @property
    def bootstrap(self) -> str:
        """Its address, `host:port`."""
        return f"127.0.0.1:{self.taken['broker']}"

    async def prepare(self) -> None:
        """Format its folder the first time. Raises SetUpError where that fails."""
        if self.properties.exists():
            return
        self.properties.write_text(PROPERTIES.format(place=self.place, **self.taken), encoding="utf-8")
        identity = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        named = f"--cluster-id={identity}"  # in one word: it may begin with a hyphen
        how = ["kafka.tools.StorageTool", "format", "--standalone", named, "-c", str(self.properties)]
        done = await asyncio.to_thread(
            subprocess.run, [*self.java, *how], capture_output=True, check=False, timeout=60, cwd=self.place
        )
        if done.returncode:
            self.properties.unlink()
            why = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()[-1:] or ["no word"]
            raise SetUpError(f"Apache Kafka could not format {self.place} (exit {done.returncode}: {why[0]})")

    def command(self) -> Command:
        """How it is started."""
        arguments = [*self.java, "kafka.Kafka", str(self.properties)]
        return Command(name="Apache Kafka", arguments=arguments, log=self.log, folder=self.place)

    def is_ready(self) -> bool:
        """True when it answers a request, which is later than when it begins to listen."""
        try:
            with socket.create_connection(("127.0.0.1", self.taken["broker"]), timeout=1) as asked:
                asked.sendall(API_VERSIONS)
                return len(asked.recv(4)) == 4
        except OSError:
            return False
