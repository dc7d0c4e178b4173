"""FHIR at the services' own doors, 20 connections: Encounters created and acknowledged, and a patient's searched."""

from __future__ import annotations

import asyncio
import sys

import sqlalchemy as sa

from bench import peers
from bench.asked import Asked
from bench.report import Goal, Report, row
from bench.stage import Stage, at_rest, staged, until
from services.placement.tables import episodes
from shared.errors import StepdownError
from tools.stack import tokens

BROKERS = ("embedded",)
LIMITS = (
    "One Python process of intake reads, seals, derives and writes for all connections, and a create is stored with "
    "what follows from it before it is answered; a search folds the facts that its reader may see, and is audited "
    "in a transaction with fsync. The client takes a part of the second core."
)
TRIED = "Nothing yet."
CONNECTIONS = 20
WARMING = 2
"""Seconds of traffic before it is measured."""
SECONDS = 6
"""Seconds of searches."""
PEER = "a HAPI FHIR JPA server"
NO_PEER = (
    "hapi-fhir-jpaserver-base can be had from Maven Central, but is a library; the server of it "
    "(Spring, Hibernate, a servlet container, their configuration) is not written yet"
)
WIRE = peers.Peer("client of FHIR", None, (sys.executable, "-m", "bench.fhir_wire"))
Told = dict[str, float]


async def measure(asked: Asked, report: Report) -> None:
    """Creates, until placement has them all, then searches; each run on a fresh stage."""
    creates, searches, cpu, search_cpu = list[Told](), list[Told](), list[float](), list[float]()
    for _ in range(asked.runs):
        async with staged(asked.broker) as stage:
            report.broker = stage.broker
            await stage.begin("intake", "placement")
            token = tokens.issue(stage.system.folder)["coordinator"]
            warm = await _asked(stage, "intake", token, WARMING, "1")
            before = stage.cpu("intake")
            creates.append(await _asked(stage, "intake", token, asked.size, "1000000"))
            cpu.append(1e6 * (stage.cpu("intake") - before) / creates[-1]["count"])
            await _followed(stage, int(warm["count"] + creates[-1]["count"]))
            ids = stage.data / "patients.txt"
            await asyncio.to_thread(ids.write_text, "\n".join(await _patients(stage)), "utf-8")
            await _asked(stage, "placement", token, WARMING, str(ids))
            before = stage.cpu("placement")
            searches.append(await _asked(stage, "placement", token, SECONDS, str(ids)))
            search_cpu.append(1e6 * (stage.cpu("placement") - before) / searches[-1]["count"])
            await stage.end("placement", "intake")
            await stage.checked("intake")
        asked.say(f"{creates[-1]['count'] / creates[-1]['seconds']:.0f} creates/s, "
                  f"{searches[-1]['count'] / searches[-1]['seconds']:.0f} searches/s")  # fmt: skip
    for name, told, took in (("create", creates, cpu), ("search of a patient's", searches, search_cpu)):
        what = f"Encounter {name}, {CONNECTIONS} connections"
        report.rows.append(row(what, "requests/s", [one["count"] / one["seconds"] for one in told]))
        report.rows.append(row(f"{what}, p99", "ms", [one["p99"] for one in told]))
        report.rows.append(row(f"{what}, CPU of the service", "µs a request", took))
    report.goals += [
        Goal(f"Encounter create: ≥ 2 × {PEER}", None, NO_PEER),
        Goal(f"search of a patient's Encounters: ≥ 3 × {PEER}", None, NO_PEER),
    ]


async def _asked(stage: Stage, service: str, token: str, seconds: int, what: str) -> Told:
    """What the client measured; refusals make it void."""
    port = stage.system.doors[service]
    told = await peers.told_by(WIRE, str(port), "/fhir", str(CONNECTIONS), str(seconds), token, what)
    if told["refused"]:
        raise StepdownError(f"{told['refused']} of {told['count']} requests were refused")
    return told


async def _followed(stage: Stage, number: int) -> None:
    """Wait until placement has an episode of each patient, and nothing is under way."""
    query = sa.select(sa.func.count()).select_from(episodes)

    async def done() -> bool:
        async with stage.database("placement") as database:
            async with database.read() as connection:
                if int((await connection.execute(query)).scalar_one()) < number:
                    return False
            return await at_rest(database, "care.events", number)

    await until(done, "placement")


async def _patients(stage: Stage) -> list[str]:
    """The ids of all patients, in an order of chance."""
    query = sa.select(episodes.c.patient_id).order_by(sa.func.md5(episodes.c.patient_id))
    async with stage.database("placement") as database, database.read() as connection:
        return list((await connection.execute(query)).scalars())
