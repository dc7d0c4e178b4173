"""Every write of aftercare's API has its place on a page, for each role that may do it; dead letters are settled there
by admin."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
import sqlalchemy as sa

from services.aftercare.desk import api
from services.aftercare.desk import page as desk_page
from services.aftercare.desk.writes import WRITERS, WRITES
from services.aftercare.engine.apply import Rules
from services.aftercare.worklists.lists import WORKLISTS
from shared.clock import SetClock
from shared.storage.database import Database
from shared.storage.tables import audit, dead_letters, refusals
from shared.web.app import web_app
from shared.web.auth import DEV_ISSUER, Tokens
from shared.web.form_posts import address
from tests.aftercare.builders import LEFT, day, document, inpatient, stay
from tests.aftercare.desk.test_follow_ups import KEY, _ready, token
from tests.aftercare.test_handlers import SITE, take_in
from tests.browsing import Browser, Page

WARD = inpatient(to=LEFT - timedelta(days=20), id="W1")
IOP = stay("iop", LEFT - timedelta(days=19), LEFT, id="P1", how="completed", reason="goals-met")
DEATH = {"ce_id": "d-1", "facility": "RIVERBEND", "at": day(1).isoformat()}


@pytest.fixture
async def browser(database: Database) -> AsyncIterator[Browser]:
    """A browser with a coordinator signed in. Aftercare has started with one patient, of another one a death was told
    elsewhere, and a third one was discharged."""
    rules = Rules(SITE, SetClock(day(2)))
    routes = [*api.routes(database, rules), *desk_page.routes(database, rules, desk_page.pages())]
    app = web_app(title="aftercare", tokens=Tokens(KEY, DEV_ISSUER, ("HS256",)), ready=_ready, routes=routes)
    over = {"facility": "GOODHEALTH", "episode_id": "E9", "since": day(1).isoformat(), "until": day(3).isoformat()}
    await take_in(database, document(WARD, IOP, ended_merges=[over]))
    told = document(inpatient(), episode_id="E2", patient_id="P-two", version=2, deaths=[DEATH], state="closed")
    await take_in(database, told)
    await take_in(database, document(inpatient(), episode_id="E4", patient_id="P-four"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://aftercare") as client:
        made = Browser(client)
        await made.enter(token("coordinator"))
        yield made


async def all_lists(browser: Browser) -> list[Page]:
    return [await browser.open("/", list=one.name) for one in WORKLISTS]


async def addresses(browser: Browser) -> set[str]:
    """Where the forms of all rows of all lists are sent, with `{id}` for an id."""
    found = set()
    for page in await all_lists(browser):
        for _, forms in page._rows.rows[1:]:
            for form in forms.values():
                sent = form.address
                if form.link:
                    opened = Page(await browser.client.get(form.link.partition("#")[0])).opened
                    assert opened is not None
                    sent = opened.address
                found.add(re.sub(r"^(/[a-z-]+)/[^/]+/", r"\1/{id}/", sent))
    return found


async def the_day_s_work(browser: Browser) -> None:
    """Referrals stand in every state that one can be moved on from, and there is something to be done of each kind."""
    for hour in (9, 10, 11):
        page = await browser.open("/", list="plans")
        sent = {"mode": "phone", "outcome": "no-answer", "at": f"2026-04-02T{hour:02}:00"}
        await browser.press(page, "First call", "Record a contact", **sent)
    page = await browser.open("/", list="plans")
    await browser.press(page, "First call", "Add an appointment", at="2026-04-09T10:00", mode="phone")
    for _ in range(2):
        page = await browser.open("/", list="plans")
        await browser.press(page, "First call", "Refer", kind="psychiatry")
    for label, more in (
        ("Provider has it", {}),
        ("Provider accepts", {}),
        ("Appointment made", {"at": "2026-04-07T09:00"}),
    ):
        page = await browser.open("/", list="referrals")
        done = await browser.press(page, "Outpatient therapy", label, **more)
        assert done.status == 200, done.notice
    page = await browser.open("/", list="referrals")
    await browser.press(page, "Psychiatry", "Provider accepts")


@pytest.mark.parametrize("role", WRITERS)
async def test_every_write_has_its_place_on_a_list_for_each_role_that_may_do_it(browser: Browser, role: str) -> None:
    await the_day_s_work(browser)
    await browser.enter(token(role))
    assert await addresses(browser) == {address(write.path) for write in WRITES if role in write.roles}


async def test_an_appointment_that_a_referral_leads_to_is_moved_or_missed_where_it_stands(browser: Browser) -> None:
    await the_day_s_work(browser)
    page = await browser.open("/", list="appointments")
    done = await browser.press(page, "Appointment Tue 7 Apr", "New appointment", at="2026-04-08T11:00")
    assert "The new appointment is recorded" in done.notice
    assert "Appointment Wed 8 Apr, 11:00" in done.text
    done = await browser.press(done, "Appointment Wed 8 Apr", "Did not come")
    assert "the patient did not come" in done.notice
    assert "Appointment Wed 8 Apr" not in done.text


async def test_the_best_reason_to_call_comes_first(browser: Browser, database: Database) -> None:
    told = document(inpatient(), episode_id="E3", patient_id="P-three", next_start="2026-04-09", search="open")
    await take_in(database, told)
    text = (await browser.open("/", list="contacts")).cells("first day at a program agreed")["what"]
    agreed, looked = text.index("first day at a program agreed"), text.index("a program is looked for")
    assert agreed < looked


async def bury(database: Database, *errors: str, consumer: str = "aftercare.episodes") -> None:
    """Records that could not be applied, each with its reason."""
    rows = [
        {"id": f"{n:032x}", "consumer": consumer, "topic": "care.episodes", "partition": 0, "kafka_offset": n}
        | {"error": error, "attempts": 1, "sealed": b"SECRET-CONTENT", "size": 9}
        for n, error in enumerate(errors)
    ]
    async with database.begin() as connection:
        await connection.execute(sa.insert(dead_letters), rows)


async def states(database: Database) -> list[str]:
    async with database.read() as connection:
        return list((await connection.execute(sa.select(dead_letters.c.state).order_by(dead_letters.c.id))).scalars())


async def test_dead_letters_are_listed_by_reason_and_tried_again_or_put_away_with_a_reason(
    browser: Browser, database: Database
) -> None:
    await bury(database, "no such level", "no such level", "a sequence is missing")
    await browser.enter(token("admin"))
    page = await browser.open("/", list="dead-letters")
    assert page.cells("no such level")["number"] == "2 records"
    assert page.cells("a sequence is missing")["number"] == "1 record"
    assert "SECRET" not in page.text
    done = await browser.press(page, "no such level", "Try again", reason="mended-here")
    assert "given to their consumer again" in done.notice
    assert "2 are tried again now" in done.cells("no such level")["number"]
    assert done.forms("no such level") == {}
    done = await browser.press(done, "a sequence is missing", "Put away", reason="came-of-a-loss")
    assert "The records are put away" in done.notice
    assert await states(database) == ["replay", "replay", "discarded"]
    async with database.read() as connection:
        told = (await connection.execute(sa.select(audit.c.action, audit.c.actor, audit.c.reason))).all()
    rows = [tuple(each) for each in told if each.action.startswith("dead-letter-")]
    assert rows == [("dead-letter-replay", "u1", "mended-here")] * 2 + [
        ("dead-letter-discarded", "u1", "came-of-a-loss")
    ]


async def test_what_somebody_else_settled_meanwhile_is_told_so_and_not_done_again(
    browser: Browser, database: Database
) -> None:
    await bury(database, "no such level")
    await browser.enter(token("admin"))
    page = await browser.open("/", list="dead-letters")
    form = await browser.opened(page, "no such level", "Put away")
    await browser.press(page, "no such level", "Try again", reason="other")
    answer = await browser.send(page, form, reason="never-a-fact")
    assert answer.status == 404
    assert await states(database) == ["replay"]


async def test_a_reason_is_needed_and_asked_for_at_its_field(browser: Browser, database: Database) -> None:
    await bury(database, "no such level")
    await browser.enter(token("admin"))
    page = await browser.open("/", list="dead-letters")
    answer = await browser.press(page, "no such level", "Put away")
    assert (answer.status, "This is needed" in answer.text) == (422, True)
    assert await states(database) == ["dead"]


@pytest.mark.parametrize(("role", "facilities"), [("coordinator", ("*",)), ("admin", ("GOODHEALTH",))])
async def test_who_is_no_operator_of_everything_sees_and_settles_none(
    browser: Browser, database: Database, role: str, facilities: tuple[str, ...]
) -> None:
    await bury(database, "no such level")
    await browser.enter(token("admin"))
    form = await browser.opened(await browser.open("/", list="dead-letters"), "no such level", "Put away")
    await browser.enter(token(role, facilities=facilities))
    first = await browser.open("/")
    assert "Dead letters" not in first.text
    assert (await browser.open("/", list="dead-letters")).status == 422
    assert (await browser.send(first, form, reason="other")).status in {403, 404, 422}
    assert await states(database) == ["dead"]
    async with database.read() as connection:
        assert (await connection.execute(sa.select(refusals))).all() == []
