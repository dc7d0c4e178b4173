"""The follow-up desk as somebody with a browser uses it, on the real database: lists, forms, refusals, scope."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from services.aftercare.checks import broken
from services.aftercare.desk import api, rows
from services.aftercare.desk import page as desk
from services.aftercare.desk.wording import DONE, LABELS
from services.aftercare.desk.writes import WRITES
from services.aftercare.engine.apply import Rules
from services.aftercare.referrals.referrals import MOVES
from services.aftercare.worklists.lists import WORKLISTS, EntriesOf, Worklist
from shared.clock import SetClock
from shared.storage.database import Database
from shared.storage.tables import audit, refusals
from shared.web.app import web_app
from shared.web.auth import DEV_ISSUER, Tokens
from tests.aftercare.builders import LEFT, day, document, inpatient, stay
from tests.aftercare.desk.test_follow_ups import KEY, _ready, token
from tests.aftercare.test_handlers import SITE, look, sent, take_in
from tests.browsing import Browser
from tests.plumbing.test_prefix import ADDRESSES

COMPLETED = stay("iop", LEFT - timedelta(days=30), LEFT, id="P1", how="completed", reason="goals-met")
GONE = Worklist(
    name="over", title="Plans that are over", hint="Plans.", empty="None is.", of=EntriesOf("plan", ("closed",))
)
Opened = AsyncIterator[Browser]


@pytest.fixture
def clock() -> SetClock:
    return SetClock(day(2))


@pytest.fixture
def lists() -> Sequence[Worklist]:
    """The table of worklists, with one more that the product does not have."""
    return (*WORKLISTS, GONE)


@pytest.fixture
async def nobody(database: Database, clock: SetClock, lists: Sequence[Worklist]) -> Opened:
    """A browser in which nobody is signed in."""
    rules = Rules(SITE, clock)
    frame = desk.pages()
    app = web_app(
        title="aftercare",
        tokens=Tokens(KEY, DEV_ISSUER, ("HS256",)),
        ready=_ready,
        routes=[*api.routes(database, rules, lists), *desk.routes(database, rules, frame, lists)],
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://aftercare") as client:
        yield Browser(client)
    async with database.read() as connection:
        assert await broken(connection, SITE, clock) == []


@pytest.fixture
async def browser(nobody: Browser) -> Browser:
    """A browser with a coordinator of every facility signed in."""
    await nobody.enter(token("coordinator"))
    return nobody


@pytest.fixture
async def completed(database: Database) -> None:
    """An episode whose IOP was completed: aftercare has started."""
    await take_in(database, document(COMPLETED))


@pytest.fixture
async def discharged(database: Database) -> None:
    """Two inpatient discharges at two facilities."""
    await take_in(database, document(inpatient(), episode_id="E1"))
    await take_in(database, document(inpatient(facility="RIVERBEND"), episode_id="E3", patient_id="P-river"))


@pytest.mark.usefixtures("completed")
async def test_the_first_page_has_what_waits_and_says_how_long(browser: Browser, clock: SetClock) -> None:
    page = await browser.open("/")
    assert page.status == 200
    assert "First call" in page.text
    assert "28 hours left" in page.text
    clock.at = day(5)
    late = await browser.open("/")
    assert "44 hours overdue" in late.text
    assert "Outpatient therapy" in late.text
    assert "2 days left" in late.text


@pytest.mark.parametrize(
    ("more", "next_to_come"),
    [
        ({"search": "open"}, "a program is looked for"),
        ({"next_start": "2026-04-09"}, "first day at a program agreed: Thu 9 Apr"),
        ({"next_start": "2026-04-01"}, "first day at a program was Wed 1 Apr; nobody said whether the patient came"),
        ({"search": "open", "missed_start": "2026-04-02"}, "did not come to the first day at a program on Thu 2 Apr"),
    ],
)
async def test_who_was_discharged_is_to_be_called_while_a_program_is_looked_for(
    browser: Browser, clock: SetClock, database: Database, more: dict[str, Any], next_to_come: str
) -> None:
    await take_in(database, document(inpatient(), **more))
    page = await browser.open("/", list="contacts")
    for words in ("First call", "by Sat 4 Apr, 14:00", ">Wed 1 Apr, 14:00", next_to_come, "28 hours left"):
        assert words in page.text
    assert "End aftercare" not in page.forms("First call"), "the search is ended first"
    clock.at = day(5)
    assert "44 hours overdue" in (await browser.open("/", list="contacts")).text
    done = await browser.press(page, "First call", "Record a contact", mode="phone", outcome="declined")
    assert "Nobody is to be called now" in done.text
    assert "wants no calls" in (await browser.open("/", list="plans")).text


async def test_a_discharge_that_does_not_count_is_listed_with_its_reason(browser: Browser, database: Database) -> None:
    await take_in(database, document(inpatient(), stay("residential", day(1), id="S")))
    page = await browser.open("/", list="excluded")
    assert "7-day follow-up after hospitalization" in page.text
    assert "non acute stay" in page.text
    assert "does not count" in page.text


@pytest.mark.usefixtures("completed")
async def test_behind_the_front_door_every_link_and_form_stays_below_the_prefix(nobody: Browser) -> None:
    nobody.below = "/aftercare"
    await nobody.enter(token("coordinator"))
    page = await nobody.open("/", list="contacts")
    done = await nobody.press(page, "First call", "Record a contact", mode="phone", outcome="declined")
    assert done.address == "/aftercare/?list=contacts"
    for each in (page, done):
        found = [one for one in ADDRESSES.findall(each.text) if not one.startswith("#")]
        assert len(found) > 10
        others = {one for one in found if not one.startswith("/aftercare/")}
        assert others <= {"/intake/find", "/placement/patients/P1"}


@pytest.mark.usefixtures("completed", "discharged")
@pytest.mark.parametrize(("name", "title"), [(one.name, one.title) for one in WORKLISTS])
async def test_every_list_opens_for_all_facilities_and_for_one(browser: Browser, name: str, title: str) -> None:
    for facility in ("", "GOODHEALTH"):
        page = await browser.open("/", list=name, facility=facility)
        assert page.status == 200
        assert title in page.text


@pytest.mark.usefixtures("completed", "discharged")
async def test_the_api_counts_and_shows_what_the_page_does_and_a_row_more_is_in_both(browser: Browser) -> None:
    header = {"authorization": f"Bearer {token('coordinator')}"}
    counts = (await browser.client.get("/api/worklists", headers=header)).json()["worklists"]
    assert [(one["name"], one["title"]) for one in counts] == [(one.name, one.title) for one in (*WORKLISTS, GONE)]
    first = await browser.open("/")
    for one in counts:
        lines = (await browser.client.get(f"/api/worklists/{one['name']}", headers=header)).json()
        assert (len(lines["items"]), lines["next"]) == (one["count"], None)
        assert re.search(
            f'>{one["title"]} <span class="n">(<b.*</b> )?<span class="count">{one["count"]}</span>', first.text
        )
    assert sum(one["count"] for one in counts) > 0


@pytest.mark.usefixtures("completed", "discharged")
async def test_a_worklist_is_read_page_by_page_and_of_one_s_own_facilities(browser: Browser) -> None:
    async def get(path: str, *facilities: str, **query: str) -> httpx.Response:
        header = {"authorization": f"Bearer {token('clinician', facilities=facilities or ('*',))}"}
        return await browser.client.get(f"/api/worklists{path}", params=query, headers=header)

    every = (await get("/follow-ups")).json()["items"]
    first = (await get("/follow-ups", limit="1")).json()
    rest = (await get("/follow-ups", cursor=first["next"])).json()
    assert (first["items"] + rest["items"], rest["next"]) == (every, None)
    here = (await get("/follow-ups", facility="RIVERBEND")).json()["items"]
    assert [one for one in every if one["facility"] == "RIVERBEND"] == here
    assert (await get("/follow-ups", "RIVERBEND")).json()["items"] == here
    refused = [await get("/none"), await get("", x="1"), await get("/plans", "RIVERBEND", facility="GOODHEALTH")]
    assert [each.status_code for each in refused] == [404, 422, 403]


@pytest.mark.usefixtures("completed")
async def test_a_referral_goes_its_way_by_buttons(browser: Browser, database: Database) -> None:
    for label in ("Provider has it", "Provider accepts"):
        page = await browser.open("/", list="referrals")
        done = await browser.press(page, "Outpatient therapy", label)
        assert done.status == 200
        assert done.address == "/?list=referrals"
    assert "The provider accepts the referral" in done.text
    page = await browser.open("/", list="referrals")
    assert "The provider accepts" not in page.notice
    done = await browser.press(page, "Outpatient therapy", "Appointment made", at="2026-04-06T09:30", mode="telehealth")
    assert "The appointment is recorded" in done.notice
    assert (await sent(database))[-1].endswith("appointment-scheduled")
    assert "Appointment Mon 6 Apr, 09:30" in (await browser.open("/", list="appointments")).text


@pytest.mark.usefixtures("completed")
async def test_a_contact_that_is_recorded_leaves_the_list(browser: Browser) -> None:
    page = await browser.open("/", list="contacts")
    done = await browser.press(page, "First call", "Record a contact", mode="phone", outcome="reached")
    assert "The contact is recorded" in done.notice
    assert "Nobody is to be called now" in done.text
    assert "reached" in (await browser.open("/", list="recorded")).text


@pytest.mark.usefixtures("completed")
async def test_a_declined_referral_waits_until_somebody_else_is_asked(browser: Browser) -> None:
    page = await browser.open("/", list="referrals")
    await browser.press(page, "Outpatient therapy", "Declined", by="provider", reason="no-capacity")
    nothing = await browser.open("/", list="declined")
    assert "no capacity" in nothing.text
    done = await browser.press(nothing, "Outpatient therapy", "Refer", provider="clinic-7")
    assert "Every referral that came to nothing has another in its place" in done.text
    assert "to clinic-7" in (await browser.open("/", list="referrals")).text


@pytest.mark.usefixtures("completed")
async def test_what_went_on_since_the_page_was_opened_is_said_and_nothing_is_done(
    browser: Browser, database: Database
) -> None:
    old = await browser.open("/", list="referrals")
    await browser.press(old, "Outpatient therapy", "Provider has it")
    before = len(await sent(database))
    answer = await browser.press(old, "Outpatient therapy", "Provider accepts")
    assert (answer.status, answer.address) == (412, old.forms("Outpatient therapy")["Provider accepts"].address)
    assert "this went on since you saw it" in answer.notice.lower()
    assert "Provider accepts" in answer.forms("Outpatient therapy"), "the page is the newest one again"
    assert len(await sent(database)) == before


@pytest.mark.usefixtures("completed")
async def test_what_is_not_possible_is_said_in_words_and_recorded(browser: Browser, database: Database) -> None:
    page = await browser.open("/", list="plans")
    answer = await browser.press(page, "First call", "End aftercare", outcome="goals-met")
    assert answer.status == 409
    assert "2 referrals are open" in answer.notice
    async with database.read() as connection:
        assert (await connection.execute(sa.select(refusals.c.code))).scalars().all() == ["referrals-open"]


@pytest.mark.usefixtures("completed")
async def test_the_same_form_sent_twice_is_done_once(browser: Browser, database: Database) -> None:
    page = await browser.open("/", list="contacts")
    form = await browser.opened(page, "First call", "Record a contact")
    for _ in range(2):
        done = await browser.send(page, form, mode="phone", outcome="no-answer")
        assert "The contact is recorded" in done.notice
    assert len([each for each in await sent(database) if each.endswith("contact-attempted")]) == 1


@pytest.mark.usefixtures("completed")
@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"mode": "phone", "outcome": "reached", "at": "2031-01-01T10:00"}, "at"),
        ({"mode": "phone", "outcome": "nonsense"}, "outcome"),
        ({"mode": "phone", "outcome": "reached", "at": "yesterday"}, "at is no time"),
        ({"mode": "phone", "outcome": "reached", "form_zone": "NOWHERE"}, "facility"),
    ],
)
async def test_a_field_that_is_unfit_is_named_and_what_was_sent_is_not(
    browser: Browser, given: dict[str, str], named: str
) -> None:
    page = await browser.open("/", list="contacts")
    answer = await browser.press(page, "First call", "Record a contact", **given)
    assert answer.status in {400, 422}
    assert named in answer.notice.lower()
    assert not any(value in answer.notice for value in ("2031", "nonsense", "yesterday", "NOWHERE"))
    kept = answer.forms("First call")["Record a contact"].fields
    assert kept["mode"] == "phone", "what was typed is still there"
    assert answer.text.count('<tr class="form">') == 1


@pytest.mark.usefixtures("discharged")
async def test_a_missed_follow_up_is_told_to_be_kept_by_hand(
    browser: Browser, database: Database, clock: SetClock
) -> None:
    clock.at = day(8)
    await look(database, day(8))
    page = await browser.open("/", list="missed", facility="GOODHEALTH")
    assert "7-day follow-up after hospitalization" in page.text
    kept = {"at": "2026-04-05T09:00", "mode": "phone", "provider_kind": "therapist", "reason": "seen-elsewhere"}
    done = await browser.press(page, "7-day follow-up", "It was kept", **kept)
    assert "The follow-up counts as kept" in done.notice
    assert "No follow-up was missed" in done.text


@pytest.mark.usefixtures("discharged")
async def test_who_is_of_one_facility_sees_and_moves_nothing_of_another(nobody: Browser, database: Database) -> None:
    await nobody.enter(token("coordinator"))
    everything = await nobody.open("/", list="follow-ups")
    assert "P-river" in everything.text
    form = await nobody.opened(everything, "7-day follow-up + Riverbend", "Does not count")
    await nobody.enter(token("coordinator", facilities=("GOODHEALTH",)))
    mine = await nobody.open("/", list="follow-ups")
    assert "P-river" not in mine.text
    assert "P-river" not in (await nobody.open("/", list="follow-ups", facility="RIVERBEND")).text
    answer = await nobody.send(mine, form, reason="hospice")
    assert answer.status == 404
    assert not [each for each in await sent(database) if each.endswith("follow-up-excluded")]


@pytest.mark.usefixtures("discharged")
async def test_an_auditor_looks_and_has_no_buttons(nobody: Browser) -> None:
    await nobody.enter(token("coordinator"))
    form = await nobody.opened(await nobody.open("/", list="follow-ups"), "7-day follow-up", "Does not count")
    await nobody.enter(token("auditor"))
    page = await nobody.open("/", list="follow-ups")
    assert "7-day follow-up" in page.text
    assert page.forms("7-day follow-up") == {}
    assert (await nobody.send(page, form, reason="hospice")).status == 403


async def test_a_role_that_the_desk_is_not_for_is_told_so(nobody: Browser) -> None:
    await nobody.enter(token("billing"))
    page = await nobody.open("/")
    assert page.status == 403
    assert "roles coordinator, clinician, auditor" in page.notice


@pytest.mark.usefixtures("discharged")
async def test_a_long_list_is_shown_page_by_page(browser: Browser, database: Database) -> None:
    await take_in(database, *(document(inpatient(), episode_id=f"F{n:02}", patient_id=f"Q{n:02}") for n in range(30)))
    seen: list[str] = []
    page = await browser.open("/", list="follow-ups", facility="GOODHEALTH")
    while True:
        seen += re.findall(r'data-patient="([^"]+)"', page.text)
        more = re.search(r'<a rel="next" href="([^"]+)"', page.text)
        if more is None:
            break
        assert "facility=GOODHEALTH" in more[1]
        page = await browser.follow(html.unescape(more[1]))
    assert len(seen) == 62
    assert {seen.count(patient) for patient in seen} == {2}, "two windows each, none twice and none left out"


@pytest.mark.usefixtures("completed")
async def test_who_looked_at_whom_is_written_down(browser: Browser, database: Database) -> None:
    await browser.open("/", list="plans")
    async with database.read() as connection:
        rows = (await connection.execute(sa.select(audit.c.actor, audit.c.action, audit.c.subject))).all()
    assert ("u1", "plans-looked-at", "E1") in {tuple(row) for row in rows}


@pytest.mark.usefixtures("completed", "discharged")
async def test_no_address_of_the_desk_has_anything_of_a_patient(browser: Browser) -> None:
    for name in ("", *(one.name for one in WORKLISTS)):
        page = await browser.open("/", list=name)
        addresses = re.findall(r'(?:href|action)="([^"]+)"', page.text)
        assert addresses
        others = [each for each in addresses if not each.startswith("/placement/patients/")]
        assert not [each for each in others if "P1" in each or "P-river" in each or "E1" in each]


@pytest.mark.parametrize(
    "query", [{"list": "x"}, {"q": "x"}, {"list": "plans", "cursor": "x"}, {"facility": "X"}], ids=str
)
async def test_an_address_that_we_never_gave_gets_a_page_that_says_so(browser: Browser, query: dict[str, str]) -> None:
    page = await browser.open("/", **query)
    assert page.status == 422
    assert page.notice


def test_every_move_of_a_referral_has_its_place_among_the_buttons() -> None:
    assert sorted(rows._LIKELY) == sorted(MOVES)


def test_every_write_of_the_api_has_a_button_and_a_sentence() -> None:
    assert {write.action for write in WRITES} == LABELS.keys() == DONE.keys()
