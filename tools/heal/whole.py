"""One run over the services that are asked for: look; where anything was lost, hold them and fence their relays, read
the topics, compare, mend, and set their consumers' positions and what counts as written.

Each service is mended by its own `recovery`, in pages that commit by themselves; nothing is remembered between two runs
but what is in tables and outboxes. So a run that was killed is finished by the next one, and one that has nothing to do
writes nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Protocol

from aiokafka.errors import ProducerFenced

from services.aftercare.recovery import heal as aftercare
from services.intake.recovery import heal as intake
from services.placement.recovery import heal as placement
from shared.clock import Clock, system_clock
from shared.errors import SetUpError, Transient
from shared.messaging import positions
from shared.messaging.outbox import Outgoing
from shared.messaging.positions import StoredPosition
from shared.messaging.reading import Reading, reading
from shared.messaging.spool import Spool
from shared.messaging.writer_names import AnotherWriter
from shared.recovery.comparing import held_by, in_line, only_writer
from shared.settings import Settings
from shared.site.config import Site
from shared.storage import audit
from shared.storage.database import Database
from shared.storage.sealing import Seal
from tools.heal.looking import written_by
from tools.heal.report import Healed
from tools.heal.topics import TopicsPass

SERVICES = ("intake", "aftercare", "placement")
TRIES = 5
"""How often a run is begun that another writer fences."""
LOOKS = 3
"""How often what no relay's count shows is looked for."""
Tick = Callable[[int], None]


class Mending(Protocol):
    """A service's `Healing`."""

    async def compare(self) -> Counter[str]: ...

    async def heal(self) -> Counter[str]: ...

    def gone(self) -> list[str]: ...


@dataclass(slots=True)
class Run:
    """What a run works with: the databases of all three services, and the topics."""

    databases: Mapping[str, Database]
    topics: Reading
    site: Site
    seals: Mapping[str, Seal]
    clock: Clock
    tick: Tick
    actor: str

    async def step(self, number: int) -> None:
        """Tell how many were worked off."""
        self.tick(number)


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

    It looks first, and writes nothing where nothing was lost. Raises SetUpError where a topic is missing or the broker
    does not answer, Transient where a database does not; what was done until then stays.
    """
    began, asked = time.monotonic(), [name for name in SERVICES if name in set(services)]
    async with AsyncExitStack() as stack:
        databases = {name: Database(url, pool=1, application="stepdown-heal") for name, url in urls.items()}
        for name, database in databases.items():
            stack.push_async_callback(database.close)
            database.outgoing = Outgoing(name, seals[name], settings.kafka_partitions)
        connect = settings.kafka_client()
        topics = await stack.enter_async_context(reading(connect))
        if missing := sorted({topic for name in asked for topic in written_by(name, site)} - {*topics.names("")}):
            raise SetUpError(f"there is no {', '.join(missing)}: run `stepdown topics apply` first")
        run = Run(databases, topics, site, seals, clock, tick, actor)
        held = [name for name in asked if await held_by(databases[name], name, connect, written_by(name, site))]
        healed = Healed(dry=dry_run)
        if dry_run or not held:
            healed = await _looked(run, asked, dry=dry_run, looks=1 if held else LOOKS)
        if not dry_run and (held or not healed.nothing):
            healed = Healed()
            await _until_alone(run, asked, healed, connect)
    healed.seconds = time.monotonic() - began
    return healed


async def _looked(run: Run, asked: Sequence[str], *, dry: bool, looks: int) -> Healed:
    """What would be done. Databases and topics of running services are not read at one instant: where something is
    found, it is looked again, so many times at most."""
    found = Healed(dry=dry)
    await _look(run, asked, found, mend=False)
    if found.nothing or looks == 1:
        return found
    await asyncio.sleep(1)
    return await _looked(run, asked, dry=dry, looks=looks - 1)


async def _until_alone(run: Run, asked: Sequence[str], healed: Healed, connect: Mapping[str, Any]) -> None:
    """Mend; again where a relay that had just begun has fenced this run, or was enrolled after it: it is held by now,
    and does so once."""
    for left in range(TRIES - 1, -1, -1):
        try:
            await _alone(run, asked, healed, connect)
        except (ProducerFenced, AnotherWriter):
            if not left:
                raise Transient(
                    "another relay writes: is a service running that does not look at what is held?"
                ) from None
            await asyncio.sleep(1)
        else:
            return


async def _alone(run: Run, asked: Sequence[str], healed: Healed, connect: Mapping[str, Any]) -> None:
    """Mend, with these services held and their relays fenced; then set what counts as written to what stands."""
    async with AsyncExitStack() as fenced:
        producers = {
            name: await fenced.enter_async_context(only_writer(run.databases[name], name, connect)) for name in asked
        }
        await _look(run, asked, healed, mend=True)
        for name, producer in producers.items():
            await in_line(run.databases[name], name, connect, producer, written_by(name, run.site))


async def _look(run: Run, asked: Sequence[str], healed: Healed, *, mend: bool) -> None:
    """Read and compare, and `mend` what is not in line."""
    spools = {name: Spool(run.databases[name]) for name in asked}
    for spool in spools.values():
        await spool.begin()
    stands = [one for name in asked for one in await _stands(run.databases[name])]
    reader = TopicsPass(run.topics, spools, stands, run.tick)
    await reader.read()
    for name, spool in spools.items():
        await spool.add_outbox()
        mending = await _mending(run, name, spool)
        found = await mending.compare()
        healed.add(name, await mending.heal() if mend else found, mending.gone())
    for consumer, why in (await reader.lost()).items():
        service = consumer.partition(".")[0]
        healed.add(service, Counter({"consumers that begin anew": 1}))
        if mend:
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
    mending = placement.Healing(spool, run.site, run.seals[name], run.step, run.clock, run.actor)
    await mending.seen_by(intake.seen(run.databases["intake"]))
    await mending.seen_by(aftercare.seen(run.databases["aftercare"]))
    return mending
