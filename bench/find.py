"""Finding a patient among many: the question from the box to the list below it, as intake's page answers it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median, quantiles

import asyncpg
import httpx
import jwt
import sqlalchemy as sa
from starlette.applications import Starlette

from bench.asked import Asked
from bench.people import FACILITIES, Person, people
from bench.report import Report, at_most, row
from bench.sizes import FIND_QUESTIONS, NEW_PATIENTS
from bench.stage import staged
from services.intake.api.rate_limits import RateLimits
from services.intake.desk.page import Finding
from services.intake.people.finding import store as index
from services.intake.people.finding.folding import name_words
from services.intake.people.finding.words import hashes, words_of
from services.intake.people.names import place
from services.intake.people.person import packed
from services.intake.receiving.receive import Intake
from shared.clock import system_clock
from shared.errors import StepdownError
from shared.site import config
from shared.storage.database import Database
from shared.storage.sealing import Seal
from shared.storage.statements import at_once
from shared.web.app import web_app
from shared.web.auth import AUDIENCE, DEV_ISSUER, Tokens
from shared.web.pages import Pages
from shared.web.sessions import SESSION, token_of
from tools.stack.databases import on_database

BROKERS = ("embedded",)
LIMITS = "All who have a word are read, counted and sorted by their last visit before a few are unsealed and shown."
TRIED = "An array with a GIN index for a patient and a facility, in place of a row for each word (decision 0193)."
KEY = "b" * 32
AT_ONCE = 2_000


async def measure(asked: Asked, report: Report) -> None:
    """Questions of every kind, one after the other, in a database of so many patients; then what a new one costs."""
    async with staged("embedded") as stage, stage.database("intake") as database:
        url, seal = on_database(stage.system.admin_url, "intake"), Seal.of_this_process()
        every = await _filled(url, asked, seal)
        intake = Intake(database, config.load(None), seal, system_clock)
        transport = httpx.ASGITransport(_app(intake))
        async with httpx.AsyncClient(transport=transport, base_url="http://bench") as client:
            for kind, questions in _questions(every, FIND_QUESTIONS // (10 if asked.quick else 1)).items():
                await _timed(client, questions[: len(questions) // 2])  # to warm up
                took = [await _timed(client, questions) for _ in range(asked.runs)]
                asked.say(f"{kind}: {median(median(one) for one in took):.1f} ms")
                for part, figure in (("median", median), ("95 of 100 within", _p95)):
                    report.rows.append(row(f"{kind}: {part}", "ms", [figure(one) for one in took]))
        size = f"{asked.size:,} patients"
        report.rows.append(row(f"index and its rows, {size}", "bytes a patient", [await _bytes(database) / asked.size]))
        costs = [await _written(database, seal, run) for run in range(asked.runs)]
        report.rows.append(row("a new patient's words, hashed and written in a statement of its own", "µs", costs))
    slowest = report.rows[1].value
    report.goals.append(at_most(f"of mixed questions, 95 of 100 within 100 ms with {size}", slowest, 100))


async def _filled(url: str, asked: Asked, seal: Seal) -> list[Person]:
    """So many patients as messages would have left them: sealed fields, the index, one visit each."""
    every = list(people(asked.size))
    connection = await asyncpg.connect(url)
    try:
        for begin in range(0, len(every), AT_ONCE):
            await _copied(connection, every[begin : begin + AT_ONCE], seal)
        for table in ("patients", "identities", "identity_words", "patient_facilities", "visits"):
            await connection.execute(f"VACUUM (ANALYZE) {table}")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
    return every


async def _copied(connection: asyncpg.Connection, some: Sequence[Person], seal: Seal) -> None:
    async def copy(table: str, columns: str, rows: Sequence[tuple[object, ...]]) -> None:
        await connection.copy_records_to_table(table, columns=columns.split(), records=rows)

    told = [(each.patient_id, each.facility, each.fields) for each in some]
    now = datetime.now(UTC)
    await copy("patients", "patient_id", [(patient,) for patient, _, _ in told])
    await copy("patient_facilities", "patient_id facility", [(patient, facility) for patient, facility, _ in told])
    sealed = [(one, there, seal.close(packed(fields), place(one, there)), now) for one, there, fields in told]
    await copy("identities", "patient_id facility sealed stated_at", sealed)
    words = [(one, there, hashes(words_of(fields), seal)) for one, there, fields in told]
    await copy("identity_words", "patient_id facility words", words)
    visits = [
        (f"visit-{each.visit}", each.patient_id, each.facility, each.visit, each.begun_at, "bench") for each in some
    ]
    await copy("visits", "visit_id patient_id facility visit_key begun_at mapping", visits)


def _app(intake: Intake) -> Starlette:
    async def ready() -> dict[str, str]:
        return {}

    routes = Finding(intake, RateLimits(intake.site.limits), Pages("Intake")).routes()
    return web_app(title="intake", tokens=Tokens(KEY, DEV_ISSUER, ("HS256",)), ready=ready, routes=routes, logged=False)


def _questions(every: Sequence[Person], number: int) -> dict[str, list[str]]:
    """Kind → questions; `mixed` are of all kinds, as people ask."""
    chance = random.Random(11)
    some = [chance.choice(every) for _ in range(number)]
    kinds: dict[str, Callable[[Person], str]] = {
        "three letters of a family name": lambda one: name_words(one.family)[0][:3],
        "beginnings of both names": lambda one: f"{one.given[:3]} {one.family[:4]}",
        "a family name and a birth date": lambda one: f"{one.family} {one.born:%m/%d/%Y}",
        "a record number": lambda one: one.mrn,
        "a telephone number": lambda one: one.telephone,
        "a visit number": lambda one: one.visit,
        "a whole name": lambda one: f"{one.family}, {one.given}",
    }
    found = {kind: [ask(one) for one in some] for kind, ask in kinds.items()}
    mixed = [chance.choice(each) for each in zip(*found.values(), strict=True)]
    return {"mixed questions": mixed, **found}


async def _timed(client: httpx.AsyncClient, questions: Sequence[str]) -> list[float]:
    """Milliseconds of each. Raises StepdownError where a question finds nobody: every one is of somebody."""
    return [await _asked(client, question) for question in questions]


async def _asked(client: httpx.AsyncClient, question: str) -> float:
    token = _token()
    client.cookies.set(SESSION, token)
    form = {"form_token": token_of(token), "q": question}
    began = time.perf_counter()
    answer = await client.post("/find", data=form, headers={"hx-request": "true"})
    took = time.perf_counter() - began
    if answer.status_code != 200 or "/placement/patients/" not in answer.text:
        raise StepdownError(f"a question of the benchmark was answered {answer.status_code}, and found nobody")
    return 1000 * took


def _token() -> str:
    """Of another person for each question: nobody is slowed down."""
    who = {"sub": f"bench-{random.getrandbits(64)}", "roles": ["coordinator"], "facilities": list(FACILITIES)}
    until = datetime.now(UTC) + timedelta(hours=1)
    return jwt.encode({**who, "iss": DEV_ISSUER, "aud": AUDIENCE, "exp": until}, KEY, algorithm="HS256")


def _p95(found: Sequence[float]) -> float:
    return quantiles(found, n=20)[-1] if len(found) > 1 else found[0]


async def _written(database: Database, seal: Seal, run: int) -> float:
    """Microseconds a new patient: words, hashes and the row, one statement each as in a message's transaction."""
    new = list(people(NEW_PATIENTS, seed=20 + run))
    async with database.begin() as connection:
        began = time.perf_counter()
        for each in new:
            words = hashes(words_of(each.fields), seal)
            await at_once(connection, index.keep([((each.patient_id, each.facility), words)]))
        return 1e6 * (time.perf_counter() - began) / len(new)


async def _bytes(database: Database) -> int:
    async with database.read() as connection:
        query = sa.text("SELECT pg_total_relation_size('identity_words')")
        return int((await connection.execute(query)).scalar_one())
