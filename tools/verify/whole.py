"""All of contract 5: wait until nothing is on its way, then each service's own check, then databases against topics."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from services.aftercare import checks as aftercare
from services.intake import checks as intake
from services.placement import checks as placement
from services.placement.gate import checks as gate
from shared.clock import Clock, system_clock
from shared.events import topics_of
from shared.invariants import Broken
from shared.messaging import written
from shared.messaging.reading import Reading, reading
from shared.recovery.comparing import held_by
from shared.recovery.losses import sentence
from shared.settings import Settings
from shared.site.config import Site
from shared.storage.database import Database
from tools.verify import disclosures, documents, facts, idle
from tools.verify.facts import FactsOnTopic
from tools.verify.report import Report

Tick = Callable[[int], None]
GATE = "placement.gate"
"""A consumer in placement that applies no facts: placement may have applied what is a dead letter of this one."""
AFTERCARE = {"sequences-have-no-gap": 2, "positions-add-up": 6}
"""Aftercare's name of an invariant → its number; every other name is about what follows from the episode: 3."""


@dataclass(slots=True)
class Verification:
    """One run: the databases by service, the topics, the arguments of Kafka clients, and the report; `tick` gets the
    number of things just checked."""

    databases: Mapping[str, Database]
    topics: Reading
    site: Site
    connect: Mapping[str, Any]
    clock: Clock
    report: Report
    tick: Tick

    def count(self, promise: int, number: int) -> None:
        """Count `number` things as checked, in the report and for the progress bar."""
        self.report.checked(promise, number)
        self.tick(number)


async def verify(
    urls: Mapping[str, str],
    settings: Settings,
    site: Site,
    *,
    settle: float = 20.0,
    clock: Clock = system_clock,
    tick: Tick = lambda _: None,
) -> Report:
    """Check all invariants, reading only. `urls`: service → its database's URL; `settle`: how many seconds to wait at
    most until nothing is on its way; `tick`: called with the number of things just checked.

    Where something moved during the check (such as a service's timer), what seems broken is checked again, as long as
    there are seconds left. Raises SetUpError or Transient where the broker or a database does not answer.
    """
    end = time.monotonic() + settle
    async with AsyncExitStack() as stack:
        topics = await stack.enter_async_context(reading(settings.kafka_client()))
        databases = {service: Database(url, pool=2, application="stepdown-verify") for service, url in urls.items()}
        for database in databases.values():
            stack.push_async_callback(database.close)
        while True:
            run = Verification(databases, topics, site, settings.kafka_client(), clock, Report(), tick)
            moved = await _checked(run, max(0.0, end - time.monotonic()))
            if run.report.ok or not moved or time.monotonic() > end:
                return run.report


async def _checked(run: Verification, settle: float) -> bool:
    """Check everything once; True where something moved meanwhile."""
    at_rest = await idle.until_idle(run.databases, run.topics, settle)
    if at_rest is None:
        run.report.notes.append(f"not at rest after {settle:.0f} s: what is on its way may show as broken")
    for check in (_of_services, _of_facts, _of_documents, _of_disclosures, _of_plumbing, _of_losses):
        await check(run)
    return await idle.all_stands(run.databases) != at_rest or bool(await idle.not_there_yet(run.databases, run.topics))


async def _of_services(run: Verification) -> None:
    """Each service's own check of its database."""
    run.report.notes += await intake.warnings(run.databases["intake"])
    await _add(run, "intake", intake.broken(run.databases["intake"], run.site, checked=run.count))
    await _add(run, "placement", placement.broken_at(run.databases["placement"], run.site, checked=run.count))
    run.report.notes += await placement.warnings_at(run.databases["placement"], run.site)
    async with run.databases["aftercare"].read() as connection:
        for promise, subject, text in await aftercare.broken(connection, run.site, run.clock):
            run.report.add(Broken(AFTERCARE.get(promise, 3), f"aftercare: {subject}", text))


async def _add(run: Verification, service: str, found: AsyncIterator[Broken]) -> None:
    async for one in found:
        if one.subject != "outbox":  # looked at for all three in one place
            run.report.add(one._replace(subject=f"{service}: {one.subject}"))


async def _of_facts(run: Verification) -> None:
    """care.events against the tables of what intake, placement and aftercare stated, and of what placement applied."""
    kept, discarded, dead = await idle.kept_aside(run.databases["placement"], but=GATE)
    if dead:
        run.report.notes.append(f"{dead} dead letters or waiting facts of placement: `stepdown dead-letters list`")
    topic = FactsOnTopic(kept, discarded)
    await _read(run, facts.TOPIC, topic.take)
    for one in topic.gaps():
        run.report.add(one)
    run.report.checked(2, topic.records)
    for writer, stored in (
        ("intake", intake.facts(run.databases["intake"])),
        ("placement", placement.stated(run.databases["placement"])),
        ("aftercare", aftercare.stated(run.databases["aftercare"])),
    ):
        text = "{}'s own table and care.events hold other facts"
        await _all(run, facts.unlike(stored, topic.of(writer), 2, text))
    applied = placement.facts(run.databases["placement"])
    await _all(run, facts.unlike(applied, topic.to_apply(), 1, "placement applied other facts of {} than were told"))
    await _repeats(run, topic.repeats)


async def _repeats(run: Verification, repeats: Sequence[facts.Repeat]) -> None:
    places = [(episode, writer, sequence) for (writer, episode), sequence, _ in repeats]
    known = await placement.applied_at(run.databases["placement"], places)
    for place, repeat in zip(places, repeats, strict=True):
        if known.get(place) != repeat.ce_id:
            text = f"{place[1]}'s sequence {place[2]} was told twice, with another ce_id"
            run.report.add(Broken(2, f"episode {place[0]}", text))


async def _of_documents(run: Verification) -> None:
    aside = [await idle.kept_aside(database) for database in run.databases.values()]
    kept = set().union(*(one | other for one, other, _ in aside))
    told, every, latest = documents.Documents(kept), documents.EveryVersion(kept), documents.Documents(kept)
    for name, into in ((documents.EPISODES, told), (documents.VERSIONS, every), (documents.LATEST, latest)):
        await _read(run, name, into.take)
    for one in every.gaps():
        run.report.add(one)
    run.report.checked(4, every.records)
    for who, stored in (
        ("placement", placement.episodes(run.databases["placement"])),
        ("intake", intake.episodes(run.databases["intake"])),
        ("aftercare", aftercare.told(run.databases["aftercare"])),
    ):
        await _all(run, documents.other_versions(stored, told, who))
    await _all(run, documents.other_periods(placement.latest_periods(run.databases["placement"]), every, latest))


async def _of_disclosures(run: Verification) -> None:
    """The ledger against consents and revocations that were answered, and every topic out.* against the ledger."""
    database = run.databases["placement"]
    await _all(run, gate.broken(database, run.site, checked=run.count))
    async for ends in disclosures.by_many(intake.revoked(run.databases["intake"])):
        for one in await gate.late(database, ends):
            run.report.add(one)
    kept, _, _ = await idle.kept_aside(database)
    out = disclosures.DisclosuresOnTopics(kept)
    for topic in run.topics.names(disclosures.OUT):
        await _read(run, topic, out.take)
    run.report.checked(7, out.records)
    await _all(run, disclosures.unlike_the_ledger(gate.sent(database), out))
    known = await gate.known(database, [disclosure for _, disclosure in out.again])
    for one in disclosures.not_in_the_ledger(out, known):
        run.report.add(one)


async def _of_plumbing(run: Verification) -> None:
    for one in await idle.not_there_yet(run.databases, run.topics):
        run.report.add(one)
    for database in run.databases.values():
        run.report.checked(6, 1 + len(await idle.stands(database)))


async def _of_losses(run: Verification) -> None:
    """Databases against what relays told of themselves, and against the topics as they are now."""
    recipients = [each.id for each in run.site.recipients]
    for service, database in run.databases.items():
        found = await held_by(database, service, run.connect, topics_of(service, recipients), told="all")
        run.report.checked(8, len(await written.load(database)))
        if found:
            run.report.add(Broken(8, service, sentence(found, service)))


async def _read(run: Verification, topic: str, take: Callable[[facts.RawRecord], Iterator[Broken]]) -> None:
    async for batch in run.topics.to_the_end(topic):
        for record in batch:
            for one in take(record):
                run.report.add(one)
        run.tick(len(batch))


async def _all(run: Verification, found: AsyncIterator[Broken]) -> None:
    async for one in found:
        run.report.add(one)
