"""A patient's page in a browser: who, the way, what waits with its acts, the story, bills; and who may see it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bench.statements import counted
from shared.clock import SetClock
from shared.storage.database import Database
from shared.storage.tables import audit
from tests.browsing import Browser, Page
from tests.builders import a_story, admitted, discharged, fact, visit_ended, visit_started
from tests.placement.desk.conftest import Desk, token
from tests.placement.desk.patient.lived import NAMED as OF_E1
from tests.placement.desk.patient.lived import a_long_way, on_the_ward
from tests.placement.desk.stories import attends

HERE = "/patients/patient-E1"
PHP = "Adult partial hospitalization"


@pytest.fixture
async def browser(nobody: Browser) -> Browser:
    """A coordinator's."""
    await nobody.enter(token("coordinator"))
    return nobody


def story_of(shown: Page) -> list[str]:
    """The lines of the story, the newest first, as their readers see them."""
    part = shown.text.split('<ol class="story">')[1].split("</ol>")[0]
    return [" ".join(re.sub(r"<[^>]+>", " ", line).split()) for line in part.split("<li ")[1:]]


def section_of(shown: Page, name: str) -> str:
    return shown.text.split(f'id="{name}"')[1].split("</section>")[0]


async def test_the_page_says_who_where_since_when_and_who_pays(browser: Browser, desk: Desk) -> None:
    await a_long_way(desk)
    shown = await browser.open(HERE)
    head = " ".join(re.sub(r"<[^>]+>", " ", shown.text.split('class="card who"')[1].split("</section>")[0]).split())
    assert 'data-patient="patient-E1"' in shown.text
    for words in (
        "Partial hospitalization (PHP)",
        "in care, since Wed 6 May, day 8",
        "payer Acme Health Plan",
        "MRN M1",
    ):
        assert words in head
    assert "3 things wait" in head, "the handover is not confirmed"


async def test_the_way_is_a_picture_with_a_text_and_nothing_inline(browser: Browser, desk: Desk) -> None:
    await a_long_way(desk)
    shown = await browser.open(HERE)
    picture = shown.text.split("<svg")[1].split("</svg>")[0]
    assert 'role="img"' in picture
    assert "3W, Good Health Hospital: Mon 20 Apr, 10:00 EDT to Mon 4 May, 07:00 EDT, discharged: home" in picture
    assert picture.count('class="bar stay') == 2
    assert picture.count('class="bar leave') == 1
    assert picture.count('class="bar authorized') == 1
    words = shown.text.split('class="as-words"')[1].split("</table>")[0]
    assert "on leave (therapeutic): Sat 25 Apr, 10:00 EDT to Sun 26 Apr, 18:00 EDT" in words
    assert "Acme Health Plan, Partial hospitalization (PHP): 5 of 6 days used" in words
    assert " style=" not in shown.text
    assert "<style" not in shown.text
    assert not re.findall(r"<script(?![^>]* src=)", shown.text)


async def test_what_was_taken_back_is_there_on_demand_and_struck_through(browser: Browser, desk: Desk) -> None:
    await on_the_ward(desk)
    shown = await browser.open(HERE)
    assert "Show what was taken back" in shown.text
    assert "<s>taken back: discharged (Inpatient) on Sun 3 May</s>" in shown.text
    [gone] = [line for line in story_of(shown) if "taken back" in line]
    assert gone.endswith("patient status: 01 → 30")
    assert "taken back Sun 3 May, 18:00 EDT: cancelled by sender" in gone
    assert "told by a message of Good Health Hospital" in gone


async def test_an_act_is_done_where_it_is_and_leads_back_to_the_page(browser: Browser, desk: Desk) -> None:
    await on_the_ward(desk)
    shown = await browser.open(HERE)
    assert "To be placed" in section_of(shown, "waits")
    closed = await browser.press(shown, "recommended", "Stop looking", reason="no-program")
    assert closed.address == HERE
    assert closed.notice.startswith("The search is closed")
    assert "Nothing waits for anybody" in section_of(closed, "waits")
    assert "Look again" in closed.forms("recommended")


async def test_a_refused_form_stays_open_on_the_page_with_what_was_typed(browser: Browser, desk: Desk) -> None:
    await on_the_ward(desk)
    refused = await browser.press(await browser.open(HERE), "recommended", "Say what is needed", age_years="200")
    assert refused.status == 422
    assert f'data-here="{HERE}"' in refused.text
    assert refused.forms("recommended")["Say what is needed"].fields["age_years"] == "200"
    assert 'aria-invalid="true"' in refused.text


async def test_every_entry_of_the_patient_is_on_the_page_once_with_the_forms_of_its_list(
    browser: Browser, desk: Desk
) -> None:
    await a_long_way(desk)
    shown = await browser.open(HERE)
    for words, forms in (
        ("Plan for partial hospitalization", {"Plan reviewed", "Take"}),
        ("5 of 6 days used", {"Payer allows more", "Ask for more", "Payer allows no longer", "Take"}),
        (
            "started",
            {
                "Completed",
                "Ended early",
                "On leave",
                "Diagnosis for the bill",
                "Correct the first day",
                "Attended",
                "Absent",
                "Confirm the handover",
                "Take",
            },
        ),
        ("Tue 12 May + was there", {"Correct: was there", "Correct: was not there", "Take the session back"}),
    ):
        assert set(shown.forms(words)) == forms
    assert section_of(shown, "waits").count("<b>Plan for") == shown.text.count("<b>Plan for") == 1


async def test_a_bill_says_why_it_is_different(browser: Browser, desk: Desk) -> None:
    await a_long_way(desk)
    bills = section_of(await browser.open(HERE), "bills")
    assert "Why this bill is different" in bills
    assert "last day: still open → Sun 3 May" in bills
    assert "because taken back: discharged (Inpatient) on Sun 3 May" in bills


async def test_a_long_story_goes_on_on_further_pages_and_nothing_is_told_twice(browser: Browser, desk: Desk) -> None:
    placement = await a_long_way(desk)
    for number in range(60):
        await attends(desk, placement, f"2026-05-{6 + number % 3:02}", f"more-{number}")
    shown, lines, pages = await browser.open(HERE), list[str](), 0
    while pages < 5:
        lines += re.findall(r' id="f-([^"]+)"', shown.text)
        pages += 1
        following = re.search(r"cursor=([\w-]+)", shown.text)
        if following is None:
            break
        assert len(story_of(shown)) == 50
        shown = await browser.open(HERE, cursor=following[1])
    kept = {row.ce_id for row in await desk.feed.kept("E1")}
    assert pages == 2
    assert len(lines) == len(set(lines))
    assert kept - set(lines) == {row.ce_id for row in await desk.feed.kept("E1") if "fact-cancelled" in row.type}


@pytest.mark.parametrize(
    "asked",
    [{"patient": "x"}, {"list": "searches"}, {"on": "never"}, {"as_of": "1"}, {"cursor": "x"}, {"cursor": "YXxi"}],
)
async def test_what_an_address_may_not_have_is_refused(browser: Browser, desk: Desk, asked: dict[str, str]) -> None:
    await on_the_ward(desk)
    assert (await browser.open(HERE, **asked)).status == 422


@pytest.mark.parametrize("address", ["/patients/nobody", "/patients/unknown", "/patients/a%00b", "/episodes/none"])
async def test_who_is_not_there_is_not_there(browser: Browser, desk: Desk, address: str) -> None:
    await on_the_ward(desk)
    shown = await browser.open(address)
    assert shown.status == 404
    assert "There is no patient here that you may see" in shown.text


async def test_another_facility_s_patient_is_as_if_not_there(nobody: Browser, desk: Desk) -> None:
    await on_the_ward(desk)
    await nobody.enter(token("coordinator", ("RIVERBEND",)))
    away, none = await nobody.open(HERE), await nobody.open("/patients/nobody")
    assert (away.status, none.status) == (404, 404)
    assert away.unmasked.replace("patient-E1", "nobody") == none.unmasked
    assert (await nobody.open("/episodes/E1")).status == 404


async def test_an_episode_s_address_leads_to_its_patient(browser: Browser, desk: Desk) -> None:
    await on_the_ward(desk)
    assert (await browser.open("/episodes/E1")).address == f"{HERE}?episode=E1"
    assert (await browser.open("/episodes/E1", on="2026-05-01")).address == f"{HERE}?on=2026-05-01&episode=E1"


async def test_an_older_episode_of_the_patient_is_one_link_away(browser: Browser, desk: Desk) -> None:
    await on_the_ward(desk)
    assert "Episodes:" not in (await browser.open(HERE)).text
    earlier = {"episode": "E0", "patient_id": "patient-E1"}
    story = a_story(admitted("2025-05-01 10:00", **earlier), discharged("2025-05-09 10:00", **earlier))
    await desk.feed.bring(*(replace(fact, id=f"{fact.id}-earlier") for fact in story))
    shown = await browser.open(HERE)
    assert "Episodes:" in shown.text
    assert "Fri 9 May" not in " ".join(story_of(shown)), "the latest one is shown"
    assert 'href="/patients/patient-E1?episode=E0"' in shown.text
    assert "Fri 9 May 2025" in " ".join(story_of(await browser.open(HERE, episode="E0")))
    assert (await browser.open(HERE, episode="E9")).status == 404


async def test_a_program_sees_its_own_part_and_neither_bills_nor_the_ward(nobody: Browser, desk: Desk) -> None:
    await a_long_way(desk)
    await nobody.enter(token("program"))
    shown = await nobody.open(HERE)
    assert shown.status == 200
    lines = " ".join(story_of(shown))
    assert "first day (Adult partial hospitalization)" in lines
    assert "attended a session" in lines
    for hidden in ("the payer", "told another coverage", "a program is looked for", "a plan was recorded"):
        assert hidden not in lines
    assert 'id="bills"' not in shown.text
    assert "Authorized" not in shown.text


async def test_a_program_that_was_never_asked_sees_nobody(nobody: Browser, desk: Desk) -> None:
    await desk.leaves_the_ward("E9", facility="RIVERBEND")
    await nobody.enter(token("program", ("GOODHEALTH",)))
    assert (await nobody.open("/patients/patient-E9")).status == 404


@pytest.mark.parametrize("role", ["billing", "auditor"])
async def test_billing_and_audit_see_all_and_an_auditor_has_no_act(nobody: Browser, desk: Desk, role: str) -> None:
    await a_long_way(desk)
    await nobody.enter(token(role))
    shown = await nobody.open(HERE)
    assert "Why this bill is different" in shown.text
    acts = re.findall(r'<form method="post" action="([^"]+)"', shown.text)
    assert (set(acts) == {"/sign-out"}) == (role == "auditor")


async def test_who_is_in_charge_and_what_the_patient_consented_to(browser: Browser, desk: Desk) -> None:
    await on_the_ward(desk)
    asked = {"user_id": "a-coordinator", "role": "coordinator"}
    assert (await desk.post("/api/episodes/E1/assigned", asked)).status_code == 200
    terms: dict[str, Any] = {
        "consent_id": "C1",
        "discloser": "GOODHEALTH",
        "class": "primary-care",
        "purpose": "treatment",
    }
    terms["from"] = "2026-05-01"
    told = fact("consent-recorded", "2026-05-01 10:00", **terms, scope=["PSY"], **OF_E1)
    await desk.feed.bring(replace(told, sequence=8))
    shown = await browser.open(HERE)
    assert "<dt>coordinator</dt><dd>a-coordinator (you)</dd>" in shown.text
    consents = section_of(shown, "consents")
    assert "Good Health Hospital to primary care, for treatment: records about mental health" in consents
    assert "since Fri 1 May, until it is revoked" in consents


async def test_who_has_no_business_here_is_told_so(nobody: Browser, desk: Desk) -> None:
    await on_the_ward(desk)
    assert "/sign-in" in (await nobody.open(HERE)).address
    await nobody.enter(token("hospital"))
    assert (await nobody.open(HERE)).status == 403


async def test_every_look_is_written_down(browser: Browser, desk: Desk, database: Database) -> None:
    await on_the_ward(desk)
    await browser.open(HERE)
    await browser.open(HERE, on="2026-05-01")
    async with database.read() as connection:
        rows = (await connection.execute(sa.select(audit.c.actor, audit.c.action, audit.c.subject))).all()
    assert [tuple(row) for row in rows].count(("a-coordinator", "patient-looked-at", "E1")) == 2


async def test_no_row_and_no_fact_costs_a_query_of_its_own(
    browser: Browser, desk: Desk, database: Database, clock: SetClock
) -> None:
    placement = await a_long_way(desk)
    with counted(database) as few:
        await browser.open(HERE)
    for number in range(30):
        await attends(desk, placement, f"2026-05-{6 + number % 3:02}", f"more-{number}")
    clock.forward(timedelta(days=1))
    with counted(database) as many:
        await browser.open(HERE)
    assert 5 < len(few) <= 22, few
    assert len(many) == len(few)


async def test_the_link_can_be_copied_and_the_other_services_parts_have_real_links(
    browser: Browser, desk: Desk
) -> None:
    await on_the_ward(desk)
    shown = await browser.open(HERE)
    assert "data-copy" in shown.text
    for service in ("aftercare", "intake"):
        assert f'<a href="/{service}/patients/patient-E1/part">' in shown.text
        assert f'hx-get="/{service}/patients/patient-E1/part" hx-trigger="load"' in shown.text


async def test_who_comes_to_a_program_by_daily_visits_has_a_page(browser: Browser, desk: Desk) -> None:
    first, last = "2026-05-06 13:00", "2026-05-06 16:00"
    came = visit_started(first, visit="D1", unit="IOPD", **{"class": "other"}, **OF_E1)
    await desk.feed.bring(*a_story(came, visit_ended(last, visit="D1", **OF_E1)))
    shown = await browser.open(HERE)
    assert shown.status == 200
    assert "Adult intensive outpatient" in shown.text
