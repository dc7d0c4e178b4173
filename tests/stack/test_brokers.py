"""Which broker `up` starts: the embedded one or Apache Kafka itself, and a data directory keeps the one that it had."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.errors import SetUpError
from tests.apache import Apache
from tests.delivery.load import deliver_all, feed, patients
from tests.stack.test_backup import stepdown
from tests.system import ROOT, System, a_system
from tests.waiting import until
from tools.stack import apache_kafka, brokers
from tools.stack.apache_kafka.jars import kept_in, user_cache

JAVA = "#!/bin/sh\necho 'openjdk version \"{}\"' >&2\n"
MAVEN = """#!/bin/sh
for word; do case "$word" in -DoutputDirectory=*) place=${{word#*=}};; esac; done
mkdir -p "$place" && echo jar > "$place/kafka.jar"
echo "[INFO] Copying kafka.jar to $place/kafka.jar"
exit {}
"""
Told = list[str]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Puts a program on a PATH that has no other Java and Maven; the user's cache is empty."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "mkdir", "sleep"):
        (folder / name).symlink_to(Path("/bin") / name)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def put(name: str, text: str) -> None:
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)

    return put


def test_apache_kafka_without_java_is_refused_with_what_to_do(
    programs: Callable[[str, str], None], tmp_path: Path
) -> None:
    said = stepdown("up", "--kafka", "apache", "--data", tmp_path / "data")
    assert said.code == 1
    assert said.err.startswith("stepdown: there is no Java 17 here: --kafka apache needs Java 17 or newer and")
    assert "--kafka HOST:PORT" in said.err
    assert len(said.err.splitlines()) == 1


async def test_an_older_java_and_a_missing_or_failing_maven_are_told(programs: Callable[[str, str], None]) -> None:
    steps: Told = []
    programs("java", JAVA.format("11.0.2"))
    with pytest.raises(SetUpError, match="the Java here is older than 17"):
        await brokers.jars(steps.append, steps.append)
    programs("java", JAVA.format("17.0.2"))
    with pytest.raises(SetUpError, match=r"there is no Maven \(mvn\) here: --kafka apache needs"):
        await brokers.jars(steps.append, steps.append)
    programs("mvn", MAVEN.format(1))
    with pytest.raises(SetUpError, match=r"Maven did not bring the jars of Apache Kafka \(exit 1\)"):
        await brokers.jars(steps.append, steps.append)
    assert list(user_cache().iterdir()) == [], "half of the jars is none"


async def test_jars_are_fetched_once_and_each_file_is_told(programs: Callable[[str, str], None]) -> None:
    steps, events = list[str](), list[str]()
    programs("java", JAVA.format("21"))
    programs("mvn", MAVEN.format(0))
    found = await brokers.jars(steps.append, events.append)
    assert [path.name for path in found.iterdir()] == ["kafka.jar"]
    assert steps == [f"fetching Apache Kafka {apache_kafka.VERSION}, 1 files"]
    assert events == [f"fetching Apache Kafka {apache_kafka.VERSION} with Maven into {user_cache()}, once (some 45 MB)"]
    programs("mvn", MAVEN.format(1))
    assert await brokers.jars(steps.append, events.append) == found == kept_in(user_cache())
    assert len(events) == 1


async def test_up_ends_at_once_while_jars_are_fetched(programs: Callable[[str, str], None], tmp_path: Path) -> None:
    programs("java", JAVA.format("17.0.2"))
    programs("mvn", "#!/bin/sh\nexec ${0%/*}/sleep 300\n")
    with _up_with_apache_kafka(tmp_path / "data") as started:
        assert started.stderr is not None
        assert "with Maven into" in started.stderr.readline()
        await until(lambda: _maven(tmp_path))
        started.terminate()
        assert started.wait(20) == 0
    assert not _maven(tmp_path)


def _up_with_apache_kafka(data: Path) -> subprocess.Popen[str]:
    words = ["-m", "tools.cli.main", "up", "--kafka", "apache", "--data", str(data)]
    return subprocess.Popen([sys.executable, *words], cwd=ROOT, stderr=subprocess.PIPE, text=True)


def _maven(place: Path) -> bool:
    return any(line.endswith("/bin/sleep 300 ") for line in _running(place))


@pytest.mark.parametrize(
    ("begun", "kafka", "why"),
    [
        ("kafka", "apache", "was begun with the embedded broker"),
        ("kafka-apache", None, "was begun with Apache Kafka"),
    ],
)
def test_a_data_directory_keeps_its_broker(tmp_path: Path, begun: str, kafka: str | None, why: str) -> None:
    brokers.same_as_before(tmp_path, kafka)
    (tmp_path / begun).mkdir()
    brokers.same_as_before(tmp_path, kafka)  # nothing is in it
    (tmp_path / begun / "records").touch()
    with pytest.raises(SetUpError, match=why):
        brokers.same_as_before(tmp_path, kafka)
    brokers.same_as_before(tmp_path, None if kafka else "apache")
    brokers.same_as_before(tmp_path, "elsewhere:9092")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_system_on_apache_kafka_goes_on_after_a_kill_and_a_stop_and_refuses_the_embedded_broker(
    apache_kafka: Apache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if "jars" not in apache_kafka.told:
        pytest.skip("the slow tests run in containers here: whether Java and Maven are there is not known")
    (tmp_path / "stepdown").mkdir()
    assert request.config.cache is not None
    (tmp_path / "stepdown" / "apache-kafka").symlink_to(request.config.cache.mkdir("apache-kafka"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    data = tmp_path / "data"
    for first in (0, 20):
        with a_system(data, kafka="apache") as system:
            asyncio.run(_as_promised(system, first))
    assert not any("kafka.Kafka" in line for line in _running(data)), "it outlived `up`"
    assert "was begun with Apache Kafka" in stepdown("up", "--data", data).err


async def _as_promised(system: System, first: int) -> None:
    """Twenty patients more, while the broker is killed, and all that is promised holds across databases and topics."""
    async with system.database("intake") as database:
        before = len(await database.alone("SELECT FROM facts"))
        sending = asyncio.create_task(deliver_all(system, feed(patients(20, first))))
        await until(lambda: database.alone("SELECT FROM facts OFFSET $1", before + 5))
    assert system.kill("kafka.Kafka")
    await sending
    await system.idle(120)
    said = await asyncio.to_thread(stepdown, "verify", "--data", system.data)
    assert said.code == 0, said.out
    admitted = {fact.subject for fact in await system.facts() if fact.name == "admitted"}
    assert len(admitted) == first + 20


def _running(data: Path) -> list[str]:
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
        if str(data) in line and process.name != str(os.getpid()):
            lines.append(line)
    return lines
