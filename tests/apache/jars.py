"""Apache Kafka from its own jars: fetched once with Maven, formatted, run by the local Java as a child process."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.stack.children import Command
from services.stack.folder import answers, ports
from tests.apache.answering import says_it_is_there
from tests.servers import running

POM = Path(__file__).parent / "pom.xml"
JAVA = 17  # what the brokers of Kafka 4 need
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


def java() -> tuple[str | None, str]:
    """(the local Java in words, "") or (None, why it does not do)."""
    try:
        said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True).stderr
    except (OSError, subprocess.CalledProcessError):
        return None, f"there is no Java {JAVA}"
    version = re.findall(r'"([\d._]+)', said)
    if not version or int(version[0].split(".")[0]) < JAVA:
        return None, f"the Java here is older than {JAVA}"
    return f"Java {version[0]}", ""


def fetched(cache: Path, version: str) -> tuple[Path | None, str]:
    """(the folder with the jars, "") or (None, why it can't be had); Maven knows where they come from."""
    libs = cache / version
    if libs.is_dir():
        return libs, ""
    draft = cache / f"{version}.{uuid.uuid4().hex[:8]}"
    maven = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={draft}"]
    try:
        subprocess.run(maven, capture_output=True, check=True, timeout=300)
        draft.rename(libs)
    except (OSError, subprocess.SubprocessError) as fault:
        shutil.rmtree(draft, ignore_errors=True)
        return None, f"Maven did not bring its jars ({type(fault).__name__})"
    return libs, ""


@contextmanager
def running_broker(place: Path, *, libs: Path) -> Iterator[str]:
    """One broker that is its own controller, with its records in `place`: its bootstrap servers."""
    taken = ports({"broker": 0, "controller": 0})
    bootstrap = f"127.0.0.1:{taken['broker']}"
    properties = place / "server.properties"
    properties.write_text(PROPERTIES.format(place=place, **taken), encoding="utf-8")
    classes = ["java", "-Xmx512m", "-cp", f"{libs}/*"]
    identity = base64.urlsafe_b64encode(b"K" + uuid.uuid4().bytes[1:]).decode().rstrip("=")  # never begins with "-"
    made = [*classes, "kafka.tools.StorageTool", "format", "--standalone", "-t", identity, "-c", str(properties)]
    subprocess.run(made, capture_output=True, check=True, timeout=60, cwd=place)
    command = Command(
        name="Apache Kafka",
        arguments=[*classes, "kafka.Kafka", str(properties)],
        log=place / "kafka.log",
        folder=place,
    )
    with running(command, lambda: answers("127.0.0.1", taken["broker"]) and says_it_is_there(bootstrap), seconds=90):
        yield bootstrap
