"""What aftercare has of one patient, within the patient's page and as a page of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import sqlalchemy as sa

from services.aftercare.desk import page as desk
from services.aftercare.engine.apply import Rules
from shared.clock import SetClock
from shared.storage.database import Database
from shared.storage.tables import audit
from shared.web.app import web_app
from shared.web.auth import DEV_ISSUER, Tokens
from tests.aftercare.builders import day, document
from tests.aftercare.desk.conftest import COMPLETED
from tests.aftercare.desk.test_follow_ups import KEY, _ready, token
from tests.aftercare.test_handlers import SITE, take_in
from tests.browsing import Browser, Page

FRAGMENT = {"hx-request": "true"}


@pytest.fixture
async def nobody(database: Database) -> AsyncIterator[Browser]:
    """A browser in which nobody is signed in; aftercare has started with one patient."""
    await take_in(database, document(COMPLETED))
    rules = Rules(SITE, SetClock(day(2)))
    routes = desk.routes(database, rules, desk.pages())
    app = web_app(title="aftercare", tokens=Tokens(KEY, DEV_ISSUER, ("HS256",)), ready=_ready, routes=routes)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://aftercare") as client:
        yield Browser(client)


@pytest.fixture
async def browser(nobody: Browser) -> Browser:
    """A coordinator's."""
    await nobody.enter(token("coordinator"))
    return nobody


@pytest.fixture
def here() -> str:
    """The address of the patient's part."""
    return f"/patients/{document(COMPLETED)['patient_id']}/part"


async def test_the_part_has_everything_of_the_patient_with_its_acts(browser: Browser, here: str) -> None:
    shown = await browser.open(here)
    assert shown.status == 200
    assert "<h3>Calls and plan</h3>" in shown.text
    assert {"Record a contact", "Refer", "Add an appointment"} <= set(shown.forms("First call"))


async def test_for_a_script_it_is_a_fragment_without_a_frame(browser: Browser, here: str) -> None:
    answer = await browser.client.get(here, headers=FRAGMENT)
    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert "<h2>Aftercare</h2>" in answer.text
    assert 'name="form_token"' in answer.text
    whole = await browser.open(here)
    assert "<html" in whole.text
    assert "/placement/patients/" in whole.text


async def test_on_the_page_of_who_may_not_see_it_the_part_is_empty_and_by_its_address_refused(
    nobody: Browser, here: str
) -> None:
    await nobody.enter(token("reviewer"))
    answer = await nobody.client.get(here, headers=FRAGMENT)
    assert (answer.status_code, answer.text) == (200, "")
    assert (await nobody.open(here)).status == 403


async def test_an_act_leads_back_to_the_part(browser: Browser, here: str) -> None:
    shown = await browser.open(here)
    done = await browser.press(shown, "First call", "Record a contact", mode="phone", outcome="reached")
    assert done.address == here
    assert "<h3>Contacts</h3>" in done.text


async def test_behind_the_front_door_an_act_leads_back_to_the_patient_s_page(browser: Browser, here: str) -> None:
    shown = await browser.open(here)
    form = shown.forms("First call")["Record a contact"]
    transport = browser.client._transport
    assert isinstance(transport, httpx.ASGITransport)
    transport.root_path = "/aftercare"
    fields = {**form.fields, "mode": "phone", "outcome": "reached"}
    answer = await browser.client.post(form.address, data=fields)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == f"/placement{here.removesuffix('/part')}"
    assert "stepdown_notice=done-elsewhere" in answer.headers["set-cookie"]
    assert "It is recorded" in (await browser.open("/", list="plans")).notice, "every desk's page says so"


async def test_a_refused_form_is_open_on_the_part(browser: Browser, here: str) -> None:
    shown = await browser.open(here)
    refused = await browser.press(shown, "First call", "Record a contact", at="never")
    assert refused.status in {400, 422}
    assert f'data-here="{here}"' in refused.text


async def test_nothing_of_a_patient_is_the_same_for_unknown_and_not_visible(nobody: Browser, here: str) -> None:
    await nobody.enter(token("coordinator", facilities=("RIVERBEND",)))
    away, none = await nobody.open(here), await nobody.open("/patients/nobody/part")
    assert "Aftercare has nothing of this patient." in away.text
    patient = here.split("/")[2]
    assert away.unmasked.replace(patient, "nobody").replace("…nobody", "…body") == none.unmasked


@pytest.mark.parametrize("asked", [{"list": "contacts"}, {"patient": "x"}])
async def test_other_parameters_are_refused(browser: Browser, here: str, asked: dict[str, str]) -> None:
    assert (await browser.open(here, **asked)).status == 422


async def test_who_looks_is_written_down_and_an_auditor_only_looks(
    nobody: Browser, here: str, database: Database
) -> None:
    await nobody.enter(token("auditor"))
    assert _posts(await nobody.open(here)) == 1, "signing out"
    async with database.read() as connection:
        rows = (await connection.execute(sa.select(audit.c.action, audit.c.subject))).all()
    assert [row.action for row in rows].count("patient-looked-at") == 1


def _posts(shown: Page) -> int:
    return shown.text.count('<form method="post"')
