"""Dead letters and positions as an operator meets them, on a running system."""

from __future__ import annotations

import json
import uuid
from typing import Any

import sqlalchemy as sa

from shared.facts.envelope import Fact, to_record
from shared.storage.database import Database
from tests.builders import admitted
from tests.cli.conftest import RunningSystem
from tests.databases import everything, produce
from tests.waiting import until


def of_nowhere() -> Fact:
    """A fact about a facility that the site doesn't have."""
    unique = {"ce_id": uuid.uuid4().hex, "episode": uuid.uuid4().hex}
    return admitted(**unique, writer="elsewhere", sequence=1, facility="NOWHERE")


async def letters(system: RunningSystem, number: int, *state: str) -> list[Any]:
    def look() -> list[Any] | None:
        found = system.stepdown("dead-letters list --json", *state).lines
        return found if len(found) == number else None

    found: list[Any] = await until(look)
    return found


async def test_a_dead_letter_is_listed_looked_at_replayed_and_discarded(system: RunningSystem) -> None:
    fact = of_nowhere()
    record = to_record(fact, "care.events")
    unreadable = (b"x", b"secret, not JSON", record.headers)
    await produce(system.kafka, "care.events", [(record.key, record.value, record.headers), unreadable])
    found = await letters(system, 4, "--state", "dead")  # placement's own consumer and the gate each have both
    about = {letter["error"]: letter for letter in found}
    nowhere = next(letter for error, letter in about.items() if "no such facility" in error)

    shown = system.stepdown("dead-letters show", nowhere["id"][:8]).out
    assert "no such facility" in shown
    assert "NOWHERE" not in shown
    assert "NOWHERE" not in json.dumps(found)
    inside = system.stepdown("dead-letters show --json --content --why looking", nowhere["id"]).lines[0]
    assert json.loads(inside["value"])["facility"] == "NOWHERE"
    assert inside["headers"]["ce_id"] == fact.id
    assert await acts(system, nowhere["id"]) == ["dead-letter-read"]

    replayed = system.stepdown("dead-letters replay --json --all")
    assert replayed.code == 1
    assert {(one["state"], one["attempts"]) for one in replayed.lines} == {("dead", 2)}
    checked = system.stepdown("verify --json")
    assert checked.code == 0
    assert any("dead letters" in note for note in checked.lines[0]["notes"])

    assert system.stepdown("dead-letters discard --reason facility --why test").code == 0
    again = system.stepdown("dead-letters discard", nowhere["id"])
    assert "only what is dead" in again.err
    assert system.stepdown("dead-letters discard --all").code == 0
    assert system.stepdown("dead-letters list --json --state dead").lines == []
    assert await acts(system, nowhere["id"]) == ["dead-letter-read", "dead-letter-replay", "dead-letter-discarded"]
    assert system.stepdown("verify").code == 0


async def acts(system: RunningSystem, letter: str) -> list[str]:
    database = Database(system.url("placement"), pool=1)
    async with database.read() as connection:
        wanted = sa.text("SELECT action FROM audit WHERE subject = :letter ORDER BY id")
        found = list((await connection.execute(wanted, {"letter": letter})).scalars())
    await database.close()
    return found


def test_which_letters_are_meant_must_be_said(system: RunningSystem) -> None:
    assert system.stepdown("dead-letters replay").code == 2
    assert system.stepdown("dead-letters discard --all --reason x").code == 2
    assert system.stepdown("dead-letters show ffffffff").code == 1


async def test_a_consumer_that_was_reset_reads_its_topic_again_while_it_runs(system: RunningSystem) -> None:
    def stands() -> list[Any]:
        rows = system.stepdown("positions show --json").lines
        return [row for row in rows if row["consumer"] == "aftercare.care.episodes"]

    before = sum(row["received"] for row in stands())
    assert system.stepdown("positions reset aftercare.care.episodes --yes").code == 0
    await until(lambda: all(row["next_offset"] >= 0 and row["lag"] == 0 for row in stands()))
    after = stands()
    told = len(await everything(system.kafka, "care.episodes"))
    assert sum(row["received"] for row in after) >= before
    assert sum(row["applied"] for row in after) <= told  # read twice, applied once
    assert system.stepdown("verify").code == 0


def test_a_reset_is_asked_for_twice_and_needs_a_name_that_is_known(system: RunningSystem) -> None:
    assert system.stepdown("positions reset aftercare.care.episodes").code == 1  # nobody answers the question
    assert "no consumer" in system.stepdown("positions reset aftercare.nothing --yes").err
