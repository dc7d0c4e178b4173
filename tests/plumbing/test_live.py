"""Open pages are told what kind of thing changed: soon, once, and only those whose readers may see it."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import jwt
import orjson
import pytest
import sqlalchemy as sa
from starlette.applications import Starlette

from shared.storage.changes import CHANNEL, TOO_MANY, Change, ListeningTimes
from shared.storage.database import Database
from shared.web.app import web_app
from shared.web.auth import AUDIENCE, DEV_ISSUER, Caller, Tokens
from shared.web.live import MOST_PATIENTS, Heard, LiveLimits, LivePages
from shared.web.sessions import SESSION
from tests.databases import a_database
from tests.servers import DatabaseServer
from tests.streams import listens, opened, served
from tests.waiting import until

KEY = "a secret of thirty-two characters"
QUICK = LiveLimits(person=2, process=3, every=0.05, beat=0.1)
KILL = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'stepdown-listens'"


def bearer(subject: str = "ann", *facilities: str, seconds: float = 600, role: str = "coordinator") -> dict[str, str]:
    """The header of somebody, for so long."""
    until_then = datetime.now(UTC) + timedelta(seconds=seconds)
    claims = {"sub": subject, "roles": [role], "facilities": facilities or ("*",), "exp": until_then}
    token = jwt.encode({**claims, "iss": DEV_ISSUER, "aud": AUDIENCE}, KEY, algorithm="HS256")
    return {"authorization": f"Bearer {token}"}


def beds(who: Caller, change: Change) -> Heard | None:
    """A service with one list: beds, which its facilities' readers see."""
    seen = who.scope.has_all(change.facilities)
    return Heard(frozenset({"beds"}), change.patients) if seen else None


async def _ready() -> dict[str, str]:
    return {}


def app_of(pages: LivePages) -> Starlette:
    tokens = Tokens(KEY, DEV_ISSUER, ("HS256",))
    return web_app(title="wards", tokens=tokens, ready=_ready, routes=[pages.route()])


class Ward:
    """A service with its database, and its address."""

    def __init__(self, database: Database, pages: LivePages, address: str) -> None:
        self.database, self.pages, self.address = database, pages, address

    async def changes(self, *patients: str, facility: str = "GOODHEALTH") -> None:
        """A commit that changes beds of these patients."""
        await self.tells(orjson.dumps([["bed", "free", [facility], None, None, patients]]).decode())

    async def tells(self, payload: str) -> None:
        async with self.database.begin() as connection:
            await connection.execute(
                sa.text("SELECT pg_notify(:channel, :told)"), {"channel": CHANNEL, "told": payload}
            )

    async def loses_its_connection(self) -> None:
        """An operator, or a restart of the database, ends the connection that listens."""
        async with self.database.begin() as connection:
            assert (await connection.execute(sa.text(KILL))).scalar_one() == 1


@pytest.fixture(scope="module")
async def database(postgres: DatabaseServer) -> AsyncIterator[Database]:
    async with a_database(postgres.url) as made:
        yield made


@asynccontextmanager
async def a_ward(database: Database, limits: LiveLimits = QUICK) -> AsyncIterator[Ward]:
    times = ListeningTimes(pause=0.05, linger=0.05, look=0.2)
    pages = LivePages("wards", database, ("coordinator",), beds, limits, times)
    async with served(app_of(pages), pages) as address:
        yield Ward(database, pages, address)


@pytest.fixture
async def ward(database: Database) -> AsyncIterator[Ward]:
    async with a_ward(database) as made:
        yield made


async def test_a_page_hears_of_a_change_and_a_reader_elsewhere_does_not(ward: Ward) -> None:
    async with (
        opened(ward.address, bearer("ann", "GOODHEALTH")) as here,
        opened(ward.address, bearer("bob", "RIVERBEND")) as there,
    ):
        await listens(ward.pages)
        await ward.changes("P1")
        await until(lambda: here.patients == {"P1"})
        await ward.changes("P2", facility="RIVERBEND")
        await until(lambda: there.patients)
        assert (there.patients, here.patients, here.lists) == ({"P2"}, {"P1"}, {"beds"})


async def test_many_changes_at_once_are_few_events(database: Database) -> None:
    async with a_ward(database, LiveLimits(every=0.3)) as ward, opened(ward.address, bearer()) as page:
        await listens(ward.pages)
        for number in range(40):
            await ward.changes(f"P{number}")
        await until(lambda: len(page.patients) == 40)
        assert len(page.heard()) <= 10


async def test_more_patients_than_an_event_names_are_named_no_more(ward: Ward) -> None:
    async with opened(ward.address, bearer()) as page:
        await listens(ward.pages)
        await ward.changes(*(f"P{number}" for number in range(MOST_PATIENTS + 1)))
        assert await until(page.heard) == [{"lists": ["beds"], "patients": None}]


async def test_more_changes_than_fit_into_a_notification_make_pages_look_anew(ward: Ward) -> None:
    async with opened(ward.address, bearer()) as page:
        await listens(ward.pages)
        before = len(page.heard("refresh"))
        await ward.tells(TOO_MANY)
        await until(lambda: len(page.heard("refresh")) > before)


async def test_after_its_connection_was_ended_it_listens_again_and_pages_look_anew(ward: Ward) -> None:
    async with opened(ward.address, bearer()) as page:
        await until(lambda: page.heard("refresh"))
        before = len(page.heard("refresh"))
        await ward.loses_its_connection()
        await until(lambda: len(page.heard("refresh")) > before)
        await ward.changes("P1")
        await until(lambda: page.patients == {"P1"})


async def test_nobody_listens_once_no_page_is_open(ward: Ward) -> None:
    async with opened(ward.address, bearer()):
        await listens(ward.pages)
    await until(lambda: not ward.pages.listener.listening)
    async with opened(ward.address, bearer()) as page:
        await listens(ward.pages)
        await ward.changes("P1")
        await until(lambda: page.patients == {"P1"})


async def test_what_changed_between_a_page_and_its_stream_is_told(ward: Ward) -> None:
    async with opened(ward.address, bearer()) as first:
        await listens(ward.pages)
        await ward.changes("P1")
        await until(lambda: first.patients)
        async with opened(ward.address, bearer(), age=0) as later:
            await until(lambda: later.patients == {"P1"} or later.heard("refresh"))
        async with opened(ward.address, bearer(), age=3600) as old:
            await until(lambda: old.heard("refresh"))


async def test_a_stream_ends_with_the_session(ward: Ward) -> None:
    async with opened(ward.address, bearer(seconds=1.5)) as page:
        await until(lambda: page.over)
        assert page.told[-1] == ("ended", {})
    await until(lambda: ward.pages.number == 0)


async def test_a_browsers_session_may_listen_too(ward: Ward) -> None:
    token = bearer()["authorization"].removeprefix("Bearer ")
    async with opened(ward.address, {"cookie": f"{SESSION}={token}"}) as page:
        await listens(ward.pages)
        await ward.changes("P1")
        await until(lambda: page.patients == {"P1"})


async def test_streams_end_at_once_when_the_service_stops(ward: Ward) -> None:
    async with opened(ward.address, bearer()) as page:
        await ward.pages.stop()
        await until(lambda: page.over, seconds=2)
        assert await status(ward, bearer()) == (503, "too-many-pages")


async def status(ward: Ward, headers: dict[str, str], query: str = "") -> tuple[int, str]:
    """(status, what is wrong) of an answer that is no stream."""
    async with httpx.AsyncClient(base_url=ward.address) as client:
        answer = await client.get(f"/live{query}", headers=headers)
        return answer.status_code, answer.json()["type"].rsplit(":")[-1]


async def test_a_person_and_a_process_have_so_many_streams(ward: Ward) -> None:
    async with opened(ward.address, bearer()), opened(ward.address, bearer()):
        assert await status(ward, bearer()) == (429, "too-many-pages")
        async with opened(ward.address, bearer("bob")):
            assert await status(ward, bearer("eve")) == (503, "too-many-pages")
    await until(lambda: ward.pages.number == 0)
    async with opened(ward.address, bearer()):
        pass


@pytest.mark.parametrize(
    ("headers", "query", "answer"),
    [
        ({}, "", (401, "not-signed-in")),
        (bearer(role="billing"), "", (403, "forbidden")),
        (bearer(), "?since=1", (422, "unfit")),
        (bearer(), "?age=soon", (422, "unfit")),
    ],
)
async def test_who_may_not_listen_is_told(
    ward: Ward, headers: dict[str, str], query: str, answer: tuple[int, str]
) -> None:
    assert await status(ward, headers, query) == answer


async def test_a_reader_who_takes_nothing_is_given_up_and_the_others_hear_on(ward: Ward) -> None:
    host, port = ward.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        asked = [f"{name}: {value}" for name, value in bearer("slow").items()]
        deaf.sendall("\r\n".join(["GET /live HTTP/1.1", "host: x", *asked, "", ""]).encode())
        await until(lambda: ward.pages.number == 1)
        async with opened(ward.address, bearer()) as page:
            await listens(ward.pages)

            async def given_up() -> bool:
                await ward.changes(*(f"{number}-{'P' * 60}" for number in range(MOST_PATIENTS)))
                return ward.pages.number == 1

            await until(given_up, seconds=60, every=0.06)
            await ward.changes("P1")
            await until(lambda: "P1" in page.patients)
