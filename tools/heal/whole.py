"""One run over the services that are asked for: fence their relays, read the topics once, compare, mend, and set their
consumers' positions.

Each service is mended by its own `recovery`, in pages that commit by themselves; nothing is remembered between two runs
but what is in tables and outboxes. So a run that was killed is finished by the next one, and one that has nothing to do
writes nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Protocol

from services.aftercare.recovery import heal as aftercare
from services.intake.recovery import heal as intake
from services.placement.recovery import heal as placement
from shared.clock import Clock, system_clock
from shared.messaging import positions
from shared.messaging.outbox import Outgoing
from shared.messaging.positions import StoredPosition
from shared.messaging.reading import Reading, reading
from shared.messaging.relay import Relay
from shared.messaging.spool import Spool
from shared.settings import Settings
from shared.site.config import Site
from shared.storage import audit
from shared.storage.database import Database
from shared.storage.sealing import Seal
from tools.heal.report import Healed
from tools.heal.topics import Reader

SERVICES = ("intake", "aftercare", "placement")
Tick = Callable[[int], None]


class Mending(Protocol):
    """A service's `Healing`."""

    async def compare(self) -> Counter[str]: ...

    async def heal(self) -> Counter[str]: ...

    def gone(self) -> list[str]: ...


@dataclass(slots=True)
class Run:
    """What a run works with; `databases` are those of all three services, `relays` of those that are healed."""

    databases: Mapping[str, Database]
    site: Site
    seals: Mapping[str, Seal]
    clock: Clock
    tick: Tick
    actor: str
    relays: dict[str, Relay] = field(default_factory=dict)

    async def step(self, number: int) -> None:
        """Tell how many were worked off, and go on leading."""
        self.tick(number)
        for relay in self.relays.values():
            await relay.take_over()


async def heal(
    urls: Mapping[str, str],
    settings: Settings,
    site: Site,
    seals: Mapping[str, Seal],
    *,
    services: Iterable[str] = SERVICES,
    dry_run: bool = False,
    actor: str = "heal",
    clock: Clock = system_clock,
    tick: Tick = lambda _: None,
) -> Healed:
    """Heal these services; `dry_run` only counts. `urls`: service → its database's URL, of all three; `seals`: what
    each service's messages and dead letters are sealed with.

    Raises SetUpError or Transient where the broker or a database does not answer; what was done until then stays.
    """
    began, asked = time.monotonic(), [name for name in SERVICES if name in set(services)]
    healed = Healed(dry=dry_run)
    async with AsyncExitStack() as stack:
        databases = {name: Database(url, pool=1, application="stepdown-heal") for name, url in urls.items()}
        for name, database in databases.items():
            stack.push_async_callback(database.close)
            database.outgoing = Outgoing(name, seals[name], settings.kafka_partitions)
        run = Run(databases, site, seals, clock, tick, actor)
        if not dry_run:
            for name in asked:
                run.relays[name] = await _fenced(stack, databases[name], name, settings, seals[name])
        topics = await stack.enter_async_context(reading(settings.kafka_client()))
        await _heal(run, topics, asked, healed)
    healed.seconds = time.monotonic() - began
    return healed


async def _fenced(stack: AsyncExitStack, database: Database, name: str, settings: Settings, seal: Seal) -> Relay:
    """The relay of this run: it leads, and nobody else of this service writes. At the end it sends what waits."""
    outgoing = database.outgoing
    relay = Relay(
        database,
        name,
        settings.kafka_client(),
        partitions=settings.kafka_partitions,
        lease=60.0,
        farewell=30.0,
        seal=seal,
    )
    relay.outgoing = database.outgoing = outgoing
    stack.push_async_callback(relay.stop)
    await relay.take_over()
    return relay


async def _heal(run: Run, topics: Reading, asked: Sequence[str], healed: Healed) -> None:
    spools = {name: Spool(run.databases[name]) for name in asked}
    for spool in spools.values():
        await spool.begin()
    stands = [one for name in asked for one in await _stands(run.databases[name])]
    reader = Reader(topics, spools, stands, run.tick)
    await reader.read()
    for spool in spools.values():
        await spool.add_outbox()
    for name, spool in spools.items():
        mending = await _mending(run, name, spool)
        found = await mending.compare()
        healed.done[name] = found if healed.dry else await mending.heal()
        healed.gone += [f"{name}: {each}" for each in mending.gone()]
    for consumer, why in (await reader.lost()).items():
        service = consumer.partition(".")[0]
        healed.done[service]["consumers that begin anew"] += 1
        if not healed.dry:
            await _begin_anew(run, service, consumer, why)


async def _stands(database: Database) -> list[StoredPosition]:
    async with database.read() as connection:
        return await positions.all_positions(connection)


async def _begin_anew(run: Run, service: str, consumer: str, why: str) -> None:
    async with run.databases[service].begin() as connection:
        await positions.begin_anew(connection, consumer)
        await audit.note(connection, [audit.Entry(run.clock(), run.actor, "positions-reset", consumer, why)])


async def _mending(run: Run, name: str, spool: Spool) -> Mending:
    """A service's healing. Placement's table has the facts of all that it applied."""
    applied = placement.Applied(run.databases["placement"])
    if name == "intake":
        return intake.Healing(spool, run.site, run.seals[name], applied, run.step, run.clock)
    if name == "aftercare":
        return aftercare.Healing(spool, run.site, applied, run.step, run.clock)
    mending = placement.Healing(spool, run.site, run.step, run.clock)
    await mending.seen_by(intake.seen(run.databases["intake"]))
    await mending.seen_by(aftercare.seen(run.databases["aftercare"]))
    return mending
