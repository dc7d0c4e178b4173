"""A message that would be read otherwise: its page shows what would change of facts and, asked of placement by the
browser, of bills; where placement does not answer it says so. `stepdown messages read-again` says the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from tests.browser.chromium import PROGRAM, Chromium
from tests.browser.test_find import axe
from tests.browser.test_intake_desk import opened
from tests.system import System, a_system
from tests.waiting import until
from tools.cli.messages import command
from tools.simulator.messages import Person, Visit

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium on this machine: apt-get install chromium"),
]
AGAIN = "document.querySelector('form[action$=\"/again\"] button').click()"


@pytest.fixture(scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """A running system with one patient, whose admission was read as one to residential care."""
    with a_system(tmp_path_factory.mktemp("bills")) as running:
        person = Person("Q-79100", "Quillb", "Ada", date(1980, 1, 1), "F", "ACME", "F33.2")
        visit = Visit(person, "QB-1", ZoneInfo("America/New_York"), lambda: "B1")
        sender = await running.sender()
        raw = visit.says("A01", datetime.now(UTC) - timedelta(days=3), "3W").raw
        assert b"MSA|AA" in await sender.send(raw)
        await sender.close()
        await running.idle()
        async with running.database("intake") as database, database.begin() as connection:
            old = "UPDATE messages SET said = replace(convert_from(said, 'UTF8'), '3W', 'RES')::bytea"
            await connection.execute(sa.text(old))  # as an older parser might have read it
            await connection.execute(sa.text("UPDATE visits SET mapping = 'another'"))
        await until(lambda: _level(running) == "residential", 90)
        await running.idle()
        yield running


def _level(system: System) -> str:
    [episode] = system.get("placement", "/api/episodes")["episodes"]
    return str(episode["level"])


async def test_the_page_shows_the_bills_and_so_does_the_command(chromium: Chromium, system: System) -> None:
    tab = await opened(chromium, system, "interface", "/intake/messages?trigger=A01")
    await tab.look("document.querySelector('tr.row a').click()")
    await tab.shows(f"document.querySelector('dl.facts') !== null && {_has('/again')}")
    await tab.look(AGAIN)
    await tab.shows("document.querySelector('div.bills ul') !== null")
    told = await tab.look("document.querySelector('div.bills').innerText")
    assert "Changed: inpatient" in told or ("Opened: inpatient" in told and "Void: residential" in told), told
    assert await axe(tab) == []
    message = (await tab.look("location.pathname")).split("/")[3]
    given = ["read-again", message, "--data", str(system.data), "--json"]
    said = json.loads((await asyncio.to_thread(CliRunner().invoke, command, given)).stdout)
    assert len(said["periods"]) == await tab.look("document.querySelectorAll('div.bills li').length")
    assert _level(system) == "residential", "nothing was applied"
    await tab.close()


async def test_without_placement_the_page_says_so_and_still_shows_the_facts(chromium: Chromium, system: System) -> None:
    tab = await opened(chromium, system, "interface", "/intake/messages?trigger=A01")
    await tab.look("document.querySelector('tr.row a').click()")
    await tab.shows(f"document.querySelector('dl.facts') !== null && {_has('/again')}")
    await tab.ask("Network.enable")
    await tab.ask("Network.setBlockedURLs", urls=["*/placement/bills/try"])
    await tab.look(AGAIN)
    await tab.shows("document.querySelector('form.bills') !== null")
    await tab.shows("document.querySelector('form.bills [role=status]').textContent.startsWith('Placement does not')")
    assert "Stated" in await tab.look("document.querySelector('main').innerText")
    await tab.close()


def _has(what: str) -> str:
    return f"document.querySelector('form[action$={json.dumps(what)}]') !== null"
