"""Roles and topics are made once, and made again without harm; the application role can't change a schema."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from shared.errors import SetUpError
from shared.events import TOPICS, Topic
from shared.settings import load
from tests.servers import DatabaseServer
from tools.stack import databases, topics
from tools.stack.folder import Folder, claim


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    claimed = claim(tmp_path)
    yield claimed
    claimed.release()


async def test_the_application_role_writes_rows_and_no_schema(postgres: DatabaseServer, folder: Folder) -> None:
    await databases.make(postgres.url, folder)
    await databases.make(postgres.url, folder)  # again, without harm
    owner = await asyncpg.connect(databases.owner_urls(folder.path)["placement"])
    secret = folder.path / "secrets" / "placement.url"
    application = await asyncpg.connect(secret.read_text())
    try:
        await owner.execute("CREATE TABLE seats (id bigint GENERATED ALWAYS AS IDENTITY, program text)")
        await application.execute("INSERT INTO seats (program) VALUES ('iop')")
        assert await application.fetchval("SELECT count(*) FROM seats") == 1
        for forbidden in ("DROP TABLE seats", "CREATE TABLE mine ()", "ALTER TABLE seats ADD x int", "TRUNCATE seats"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await application.execute(forbidden)
    finally:
        await owner.execute("DROP TABLE seats")
        await owner.close()
        await application.close()
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


async def test_one_service_can_not_enter_the_database_of_another(postgres: DatabaseServer, folder: Folder) -> None:
    await databases.make(postgres.url, folder)
    url = (folder.path / "secrets" / "intake.url").read_text()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(databases.on_database(url, "placement"))


async def test_a_wrong_password_is_told_without_it(postgres: DatabaseServer, folder: Folder) -> None:
    if "127.0.0.1" not in postgres.url:
        pytest.skip("a given server may trust whoever asks")
    wrong = databases._as_role(postgres.url, "postgres", "not-this-one")
    with pytest.raises(SetUpError, match="refuses the user or the password") as refused:
        await databases.make(wrong, folder)
    assert "not-this-one" not in str(refused.value)


async def test_topics_are_made_once_and_another_partition_count_is_refused(kafka: str) -> None:
    wanted = [a_topic(name) for name in ("applied-1", "applied-2")]
    settings = load(kafka=kafka, kafka_partitions=3)
    assert await topics.apply(settings, wanted) == ["applied-1", "applied-2"]
    assert await topics.apply(settings, wanted) == []
    with pytest.raises(SetUpError, match=r"has 3 partitions and 4 are set.*STEPDOWN_KAFKA_PARTITIONS=3"):
        await topics.apply(load(kafka=kafka, kafka_partitions=4), wanted)


def a_topic(name: str) -> Topic:
    return TOPICS[0]._replace(name=name)


async def test_a_compacted_topic_keeps_the_last_record_of_each_key_for_ever() -> None:
    found = {topic.name: topics.configuration(topic) for topic in TOPICS}
    assert found["care.episodes"]["cleanup.policy"] == "compact"
    assert found["billing.periods"]["cleanup.policy"] == "compact"
    assert found["care.events"] == {
        "cleanup.policy": "delete",
        "retention.ms": "-1",
        "message.timestamp.type": "CreateTime",
    }
