"""With 100,000 messages a list answers in 150 ms, and another site config is compared in under two minutes."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from services.intake.console import asking
from services.intake.console.question import MessageQuestion
from services.intake.receiving.receive import Intake
from shared.scope import EVERYTHING, Scope
from shared.site.config import SAMPLE
from shared.storage.database import Connection
from tests.databases import a_database, migrate
from tests.intake.conftest import made_database
from tests.intake.test_other_config import some_stories, with_newwing
from tests.servers import DatabaseServer
from tools.site_diff.whole import compare, stored_patients

pytestmark = pytest.mark.slow
COPIES = 6_250
"""Of four patients with four messages each: 100,000 messages."""
LONGEST = 0.15
PROCESSES = min(4, os.cpu_count() or 1)
_COPY = (
    "INSERT INTO patients SELECT patient_id || n, made_at, unsure, joined FROM patients, {n}",
    "INSERT INTO episodes SELECT episode_id || n, patient_id || n, sequence, made_at FROM episodes, {n}",
    """INSERT INTO visits SELECT visit_id || n, patient_id || n, facility, visit_key || n, episode_id || n, begun_at,
    ended_at, mapping, unmapped FROM visits, {n}""",
    """INSERT INTO messages SELECT message_id || n, ids || n::text::bytea, body, door, arrived_at, facility,
    trigger, control_id || n, charset, answer, replies, note, reason, warnings, patient_id || n, visit_id || n, said,
    sealed FROM messages, {n}""",
    """INSERT INTO facts SELECT ce_id || n, episode_id || n, sequence, visit_id || n, key, type, stay_id, occurred_at,
    value, message_id || n, standing FROM facts, {n}""",
)


@pytest.fixture(scope="module")
async def many(postgres: DatabaseServer, intake: Intake) -> AsyncIterator[Intake]:
    """Intake with 100,000 messages: copies of a few stories, as rows."""
    async with made_database(postgres.url) as database:
        made = Intake(database, intake.site, intake.seal, intake.clock)
        await some_stories(made)
        async with database.begin() as connection:
            for each in _COPY:
                await connection.execute(sa.text(each.format(n=f"generate_series(2, {COPIES}) AS n")))
        for table in ("messages", "facts", "visits"):
            await database.alone(f"ANALYZE {table}")
        yield made


@pytest.mark.parametrize(
    ("asked", "scope"),
    [
        ({}, EVERYTHING),
        ({}, Scope(frozenset({"GOODHEALTH"}))),
        ({}, Scope(frozenset({"RIVERBEND"}))),
        ({"trigger": "A03"}, EVERYTHING),
        ({"trigger": "A17"}, EVERYTHING),
        ({"note": "unmapped"}, EVERYTHING),
        ({"note": "kept"}, EVERYTHING),
        ({"note": "applied"}, EVERYTHING),
        ({"answer": "AE"}, EVERYTHING),
        ({"answer": "AR"}, EVERYTHING),
        ({"control_id": "nothing"}, EVERYTHING),
        ({"since": "2027-01-01T00:00:00Z"}, EVERYTHING),
        ({"mrn": "nobody's"}, EVERYTHING),
        ({"visit_number": "V1-nobody's"}, EVERYTHING),
    ],
)
async def test_a_list_answers_at_once(many: Intake, asked: dict[str, str], scope: Scope) -> None:
    question = MessageQuestion.model_validate(asked)
    took = []
    async with many.database.read() as connection:
        for _ in range(3):
            begun = time.perf_counter()
            await asking.asked(connection, question, scope, many, after=None, most=51)
            took.append(time.perf_counter() - begun)
    assert min(took) < LONGEST, took


async def _messages(connection: Connection) -> int:
    found: int = (await connection.execute(sa.text("SELECT count(*) FROM messages"))).scalar_one()
    return found


@pytest.mark.timeout(900)
async def test_another_config_is_compared_in_under_two_minutes(
    many: Intake, postgres: DatabaseServer, tmp_path: Path
) -> None:
    with_newwing(tmp_path)
    async with many.database.read() as connection:
        assert await _messages(connection) > 100_000
    url = many.database.engine.url.render_as_string(hide_password=False)
    async with a_database(postgres.url) as placement:
        await migrate(placement, "placement")
        place = placement.engine.url.render_as_string(hide_password=False)
        begun, spent = time.perf_counter(), _spent()
        patients = await stored_patients(url)
        found = compare({"intake": url, "placement": place}, (SAMPLE, tmp_path), patients, lambda _: None)
        took, spent = time.perf_counter() - begun, _spent() - spent
    print(f"100,000 messages in {took:.0f} s, {spent:.0f} s of them CPU of {PROCESSES} processes")
    assert len(patients) == found.patients == 4 * COPIES
    assert len(found.visits) > 2 * COPIES  # each copy has facts under the keys of the first
    assert spent / PROCESSES < 120  # on a machine that does nothing else this is the time


def _spent() -> float:
    """Seconds of CPU that processes which have ended had."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
