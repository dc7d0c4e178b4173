"""Intake with an issuer at which people sign in, and browsers that do."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
import yaml

from services.intake.app import assemble
from shared.clock import SetClock
from shared.run import ServiceProcess
from shared.site.config import SAMPLE
from shared.storage.database import Database
from tests.databases import a_database, migrate
from tests.intake.test_app import settings
from tests.servers import DatabaseServer, running
from tests.sign_in.people import CLIENT, DESK, SECRET, TABLE, Browser
from tools.stack.children import Command
from tools.stack.folder import ports


@pytest.fixture(scope="session")
async def database(postgres: DatabaseServer) -> AsyncIterator[Database]:
    """Intake's database, for all tests here."""
    async with a_database(postgres.url) as made:
        await migrate(made, "intake")
        yield made


@pytest.fixture(autouse=True)
async def nobody_is_signed_in(database: Database) -> None:
    """Each test begins without sessions."""
    async with database.begin() as connection:
        await connection.execute(sa.text("DELETE FROM sessions"))


@pytest.fixture(scope="session")
def mock_issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An OpenID issuer of others (oidc-provider-mock) in a process of its own: its address."""
    port, place = ports({"issuer": 0})["issuer"], tmp_path_factory.mktemp("issuer")
    url = f"http://127.0.0.1:{port}"
    arguments = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]

    def is_ready() -> bool:
        try:
            return httpx.get(f"{url}/.well-known/openid-configuration", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    with running(Command(name="issuer", arguments=arguments, log=place / "issuer.log"), is_ready):
        yield url


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample site with a table of what claims mean, in a file of its own."""
    place = tmp_path_factory.mktemp("site") / "config"
    shutil.copytree(SAMPLE, place)
    (place / "sign-in.yml").write_text(yaml.safe_dump({"sign_in": TABLE}), encoding="utf-8")
    return place


@pytest.fixture
def clock() -> SetClock:
    """The time at intake: now, until a test moves it on."""
    return SetClock(datetime.now(UTC))


@asynccontextmanager
async def intake_with(
    database: Database, clock: SetClock, issuer: str | None, **more: object
) -> AsyncIterator[ServiceProcess]:
    """Intake at whose pages people sign in at this issuer."""
    url = database.engine.url.render_as_string(hide_password=False)
    given = {"issuer": issuer, "client_id": CLIENT, "client_secret": SECRET, "desk_url": DESK, "token_secret": None}
    made = assemble(settings(url, **given | more), clock=clock)
    yield made
    await made.database.close()


@pytest.fixture
async def intake(database: Database, clock: SetClock, mock_issuer: str, site: Path) -> AsyncIterator[ServiceProcess]:
    """Intake with the issuer of others."""
    async with intake_with(database, clock, mock_issuer, config=site) as made:
        yield made


@pytest.fixture
async def browser(intake: ServiceProcess) -> AsyncIterator[Browser]:
    """A browser that opens intake's pages."""
    async with Browser.of(intake.web) as made:
        yield made
