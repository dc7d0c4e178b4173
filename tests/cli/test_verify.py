"""What `verify` says of a system that was damaged by hand, and of one that was not."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import sqlalchemy as sa

from shared.site.config import load
from shared.storage.database import Database
from tests.cli.conftest import RunningSystem
from tests.cli.messages import stay
from tests.intake.sender import Sender
from tools.stack.access import reach
from tools.stack.databases import owner_urls
from tools.verify import verify

DAMAGE = {
    "intake": (
        ("5.1", "messages", "note = 'waiting'", "note = 'applied'", "control_id = 'A01-{mrn}'", "what is noted"),
        ("5.2", "facts", "ce_id = ce_id || 'x'", "ce_id = rtrim(ce_id, 'x')",
         "sequence = 1 AND episode_id = '{episode}'", "intake's own table and care.events"),
        ("5.8", "written", "records = records - 1", "records = records + 1",
         "topic = 'care.events' AND last_offset >= 0", "the database is older than its topics"),
    ),
    "placement": (
        ("5.1", "facts", "ce_id = ce_id || 'x'", "ce_id = rtrim(ce_id, 'x')",
         "writer = 'intake' AND sequence = 2 AND episode_id = '{episode}'", "placement applied other facts"),
        ("5.3", "episodes", "state = 'closed'", "state = 'between'", "episode_id = '{episode}'", "columns of lists"),
        ("5.4", "periods", "voided = true", "voided = false", "episode_id = '{episode}'", "latest service periods"),
        ("5.4", "periods", "version = version + 1", "version = version - 1", "episode_id = '{episode}'",
         "placement stored another version"),
        ("5.6", "positions", "received = received + 1", "received = received - 1", "partition = 0", "received is not"),
        ("5.7", "disclosures", "labels = '{{PART2}}'", "labels = '{{}}'", "episode_id = '{visitor}'",
         "its service-agreement did not hold then (not-in-scope)"),
        ("5.7", "disclosures", "fact_id = fact_id || 'x'", "fact_id = rtrim(fact_id, 'x')", "episode_id = '{visitor}'",
         "the ledger and out.valley-clinic hold other disclosures"),
    ),
    "aftercare": (
        ("5.3", "episodes", "version = version + 1", "version = version - 1", "episode_id = '{episode}'",
         "aftercare stored version"),
        ("5.6", "positions", "dead = dead + 1", "dead = dead - 1", "partition = 0", "counts do not add up"),
    ),
}  # fmt: skip
"""Service → (promise, table, what is done to it, how it is undone, to which row, what verify says)."""


async def hurt(system: RunningSystem, names: dict[str, str], *, undo: bool) -> None:
    urls = owner_urls(system.data)  # the services themselves may not change what they wrote down for ever
    for service, damages in DAMAGE.items():
        database = Database(urls[service], pool=1)
        async with database.begin() as connection:
            for _, table, done, undone, where, _ in damages:
                statement = f"UPDATE {table} SET {undone if undo else done} WHERE {where}".format(**names)
                assert (await connection.execute(sa.text(statement))).rowcount
        await database.close()


async def test_every_damage_is_named_under_its_promise_and_nothing_once_it_is_undone(
    system: RunningSystem, tmp_path: Path
) -> None:
    # no follow-up windows after an IOP stay: no timer mends the row while it is looked at
    # and a visit to the emergency department, which has no label: the recipient gets it by its agreement
    told = [*stay("2001", unit="IOP1"), *stay("2002", unit="ED", ends=False)]
    (tmp_path / "day.hl7").write_bytes(b"".join(told))
    system.stepdown("send", str(tmp_path / "day.hl7"))
    assert system.stepdown("verify").code == 0
    episode = system.told("V2001")["key"]
    names = {"episode": episode, "mrn": "2001", "visitor": system.told("V2002")["key"]}

    await hurt(system, names, undo=False)
    said = system.stepdown("verify --json --settle 0")
    shown = system.stepdown("verify --settle 0").out
    await hurt(system, names, undo=True)

    assert said.code == 1
    broken = {one["number"]: "\n".join(one["broken"]) for one in said.lines[0]["promises"]}
    for damages in DAMAGE.values():
        for promise, *_, says in damages:
            assert says in broken[promise]
    assert "✗ 5.4" in shown
    assert episode in shown
    whole = system.stepdown("verify --json").lines[0]
    assert (whole["ok"], [one["broken"] for one in whole["promises"]]) == (True, [[]] * 8)
    assert all(one["checked"] for one in whole["promises"])


async def test_what_is_broken_at_rest_is_told_at_once(system: RunningSystem, tmp_path: Path) -> None:
    """Only what moved meanwhile is looked at again: the seconds to settle are no seconds to wait."""
    (tmp_path / "day.hl7").write_bytes(b"".join(stay("2003", unit="IOP1")))
    system.stepdown("send", str(tmp_path / "day.hl7"))
    ready = json.loads((system.data / "ready.json").read_text())
    reached, site = reach(system.data), load(Path(ready["config"]["folder"]))

    async def looked() -> tuple[bool, int]:
        ticks: list[int] = []
        report = await verify(reached.urls, reached.settings, site, tick=ticks.append)
        return report.ok, len(ticks)

    clean = await looked()
    owner = Database(owner_urls(system.data)["placement"], pool=1)
    statement = "UPDATE periods SET version = version {} 1 WHERE episode_id = :episode"
    episode = {"episode": system.told("V2003")["key"]}
    async with owner.begin() as connection:
        await connection.execute(sa.text(statement.format("+")), episode)
    broken = await looked()
    async with owner.begin() as connection:
        await connection.execute(sa.text(statement.format("-")), episode)
    await owner.close()
    assert (clean[0], broken[0]) == (True, False)
    assert broken[1] < 3 * clean[1]


async def test_what_moves_while_it_is_looked_at_is_looked_at_again(system: RunningSystem) -> None:
    """Timers act when their time has come, and hospitals send: nothing of that is broken."""
    ready = json.loads((system.data / "ready.json").read_text())
    looked = asyncio.Event()

    async def feed() -> None:
        await looked.wait()
        host, port = ready["mllp"].split(":")
        door = await Sender.to((host, int(port)))
        for mrn in range(2100, 2112):
            (begun,) = stay(str(mrn), ends=False)
            assert b"MSA|AA|" in await door.send(begun)
        await door.close()

    feeding = asyncio.create_task(feed())
    reached, site = reach(system.data), load(Path(ready["config"]["folder"]))
    report = await verify(reached.urls, reached.settings, site, tick=lambda _: looked.set())
    await feeding
    assert report.ok, [one.broken for one in report.promises.values()]
