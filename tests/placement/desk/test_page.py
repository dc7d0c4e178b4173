"""The coordinators' desk as somebody with a browser uses it, on the real database."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from services.placement.desk.page import desk as page
from services.placement.desk.page.rows import _OFFERED
from services.placement.desk.page.wording import DONE, LABELS
from services.placement.search.entry import STATES
from services.placement.worklists.drawing import DRAWN
from services.placement.worklists.lists import WORKLISTS
from shared.clock import SetClock
from shared.events.planning import ConflictSettled
from shared.facts.envelope import Fact
from shared.storage.database import Database
from shared.storage.tables import audit
from tests.browsing import Browser, Page
from tests.builders import admitted, covered
from tests.placement.desk.conftest import Desk, token
from tests.placement.desk.stories import ward_and_back

PHP = "Adult partial hospitalization"
IOP = "Adult intensive outpatient, mornings"
RANKED = "has a seat from"
"""What a program says in a search, and an offer to it does not."""


@pytest.fixture
async def browser(nobody: Browser, desk: Desk) -> Browser:
    """A coordinator of every facility, and a patient who needs a program."""
    await desk.leaves_the_ward("E1")
    await nobody.enter(token("coordinator"))
    return nobody


async def the_search(browser: Browser) -> Page:
    """The page of the search that is open."""
    listed = await browser.open("/", list="searches")
    link = re.search(r'href="(/\?search=[^"]+)"', listed.text)
    assert link
    return await browser.follow(link[1])


async def test_the_first_page_has_the_search_with_the_recommended_level_and_why(browser: Browser) -> None:
    first = await browser.open("/")
    assert first.cells("nobody asked yet")["levels"] == "Inpatient → to PHP"
    assert "After inpatient care this site steps down to partial hospitalization." in first.text
    assert "nobody asked yet" in first.text
    assert "20 free" in first.text, "seats are on the first page too"


async def test_a_search_shows_every_program_best_first_with_reasons_and_seats(browser: Browser, desk: Desk) -> None:
    shown = await the_search(browser)
    ranked = (await desk.get("/api/programs", {"search_id": (await desk.search("E1"))["search_id"]})).json()["programs"]
    places = [shown.text.index(f">{one['title']}</b>") for one in ranked]
    assert places == sorted(places)
    words = [reason["words"].replace("ACME", "Acme Health Plan") for one in ranked for reason in one["reasons"]]
    said = [re.sub(r"\d{4}-\d\d-\d\d", "", each).strip() for each in words]  # days are said as people say them
    assert [each for each in said if each not in shown.text] == []
    assert "0 of 20 seats taken" in shown.text


async def test_an_offer_is_sent_accepted_and_the_patient_is_placed(browser: Browser, desk: Desk) -> None:
    shown = await the_search(browser)
    sent = await browser.press(shown, f"{PHP} + {RANKED}", "Send an offer", start_date="2026-05-06")
    assert sent.notice == "The offer is sent"
    assert sent.address.startswith("/?search=")
    waiting = await browser.open("/", list="offers")
    placed = await browser.press(waiting, PHP, "Program accepts")
    assert placed.notice.startswith("Placed: the seat is held")
    assert "No offer waits" in placed.text
    to_come = await browser.open("/", list="placed")
    assert PHP in to_come.text
    assert "first day Wed 6 May" in to_come.text
    assert "1 more taken from a later day" in (await browser.open("/", list="seats")).text


async def test_a_program_that_was_asked_cannot_be_asked_again_and_the_page_says_so(browser: Browser) -> None:
    shown = await the_search(browser)
    before = await browser.opened(shown, f"{PHP} + {RANKED}", "Send an offer")
    first = await browser.press(shown, f"{PHP} + {RANKED}", "Send an offer")
    assert "Send an offer" not in first.forms(f"{PHP} + {RANKED}")
    assert "asked, no answer yet" in first.text
    answer = await browser.send(shown, before)
    assert answer.status == 412, "the form was opened before the offer was sent"


async def test_another_level_needs_a_reason(browser: Browser) -> None:
    shown = await the_search(browser)
    asked = await browser.follow(shown.forms(IOP)["Send an offer"].link)
    assert re.search('<select name="variance_reason" required[^>]*>', asked.text)
    refused = await browser.press(shown, IOP, "Send an offer")
    assert refused.status == 409
    assert "another level than the recommended one needs a reason" in refused.notice
    sent = await browser.press(shown, IOP, "Send an offer", variance_reason="clinical-judgement")
    assert sent.notice == "The offer is sent"


async def test_a_form_that_is_refused_keeps_what_was_typed_and_says_at_its_place_what_is_missing(
    browser: Browser,
) -> None:
    shown = await the_search(browser)
    typed = {"start_date": "2026-05-08", "track": "anxiety", "group": "A", "expires_at": "2026-05-05T17:00"}
    refused = await browser.press(shown, IOP, "Send an offer", **typed)
    assert refused.text.count('<tr class="form">') == 1
    kept = refused.forms(IOP)["Send an offer"]
    assert {name: kept.fields[name] for name in typed} == typed
    opened = refused.text.split('<tr class="form">')[1].split("</tr>")[0]
    [marked] = re.findall(r'name="(\w+)"[^>]* aria-invalid="true" aria-describedby="([^"]+)" data-first', opened)
    assert marked[0] == "variance_reason"
    assert re.search(f'id="{marked[1]}">Another level than the recommended one needs a reason<', opened)
    sent = await browser.press(refused, IOP, "Send an offer", variance_reason="clinical-judgement")
    assert sent.notice == "The offer is sent", "what was typed is sent on with what was missing"


@pytest.mark.parametrize(
    ("fields", "marked", "why"),
    [
        ({"age_years": "200"}, "age_years", "This is not as it must be"),
        ({"accreditation": "nobody"}, "accreditation", "No program has such an accreditation"),
        ({"age_years": "old"}, "age_years", "This is not as it must be"),
    ],
)
async def test_the_field_that_was_not_taken_is_marked(
    browser: Browser, fields: dict[str, str], marked: str, why: str
) -> None:
    listed = await browser.open("/", list="searches")
    refused = await browser.press(listed, "steps down", "Say what is needed", language="es", **fields)
    assert refused.status == 422
    kept = refused.forms("steps down")["Say what is needed"]
    assert kept.fields["language"] == "es"
    assert re.findall(r'name="(\w+)"[^>]* aria-invalid="true"', refused.text) == [marked]
    assert f">{why}<" in refused.text


async def test_who_opens_a_form_s_address_comes_to_the_desk(browser: Browser) -> None:
    for address in ("/offers", "/offers/x/accepted", "/searches/x/closed"):
        assert (await browser.open(address)).address == "/"
    refused = await browser.press(await the_search(browser), IOP, "Send an offer")
    here = re.search(r'<body [^>]*data-here="(/[?]search=[^"]+)"', refused.text)
    assert here, "the address that a reload goes to"
    assert (await browser.follow(here[1])).status == 200


async def test_programs_that_suit_come_apart_from_those_that_do_not_which_say_what_they_fail(
    browser: Browser, desk: Desk
) -> None:
    search = (await desk.search("E1"))["search_id"]
    await desk.post(f"/api/searches/{search}/needs", {"payer": "ACME", "age_years": 40})
    shown = await the_search(browser)
    suit, others = shown.text.split("<h2>Programs that do not suit")
    assert re.findall(r"<b id=[^>]+>([^<]+)</b>", suit.split("<h2>Programs that suit")[1]) == [PHP]
    order = re.findall(r"<b id=[^>]+>([^<]+)</b>", others)
    assert set(order[:2]) == {"Adolescent partial hospitalization", "Riverbend day program"}
    assert order[2] == IOP, "the nearest of the other levels, and no step up"
    assert "fails: level of care<" in others
    assert "fails: payer<" in others


async def test_a_seat_is_kept_and_given_back_and_only_what_can_work_is_offered(browser: Browser) -> None:
    shown = await the_search(browser)
    kept = await browser.press(shown, f"{PHP} + {RANKED}", "Keep a seat", group="A")
    assert kept.notice == "The seat is kept"
    assert "from Mon 4 May, 00:00 EDT" in kept.text
    assert "until Thu 7 May, 00:00 EDT" in kept.text
    assert "Keep a seat" not in kept.forms(f"{PHP} + {RANKED}")
    back = await browser.press(kept, "until Thu", "Give the seat back", reason="not-needed")
    assert back.notice == "The seat is given back"
    assert "Keep a seat" in back.forms(f"{PHP} + {RANKED}")


async def test_only_who_is_on_leave_comes_back_from_it(browser: Browser, desk: Desk, clock: SetClock) -> None:
    await desk.places("E1")
    assert "Did not come" not in (await browser.open("/", list="placed")).forms("first day")
    clock.forward(timedelta(days=9))
    assert "Did not come" in (await browser.open("/", list="placed")).forms("first day")
    await browser.press(await browser.open("/", list="placed"), PHP, "First day was", date="2026-05-06")
    there = await browser.open("/", list="started")
    assert {"On leave", "Did not start"} <= set(there.forms(PHP))
    assert "Back from leave" not in there.forms(PHP)
    away = await browser.press(there, PHP, "On leave", kind="therapeutic", at="2026-05-12T09:00")
    assert "Back from leave" in away.forms(PHP)
    assert "On leave" not in away.forms(PHP)


async def test_who_declined_is_asked_again_only_while_the_search_is_open(browser: Browser, desk: Desk) -> None:
    [offer] = await desk.offers("E1", "GH-PHP1")
    await desk.post(f"/api/offers/{offer}/declined", {"reason": "no-capacity"})
    asked = await the_search(browser)
    assert "Ask again" in asked.forms("no capacity")
    search = (await desk.search("E1"))["search_id"]
    await desk.offers("E1", "GH-PHP1")
    asked_anew = await browser.open("/", search=search)
    assert "Ask again" not in asked_anew.forms("no capacity"), "another offer to the program is open"
    await desk.post(f"/api/searches/{search}/closed", {"reason": "no-program"})
    over = await browser.open("/", search=search)
    assert "Ask again" not in over.text
    assert "Look again" in over.forms("steps down")
    await desk.feed.bring(a_new_stay())
    assert "Look again" not in (await browser.open("/", search=search)).text, "the patient is in a stay again"


def a_new_stay() -> Fact:
    return replace(admitted("2026-05-04 09:00", visit="V2", episode="E1", patient_id="patient-E1"), sequence=3)


async def test_how_long_somebody_waits_is_told_from_the_discharge(nobody: Browser, desk: Desk) -> None:
    await desk.leaves_the_ward("E1", left="2026-04-09 09:00")
    await nobody.enter(token("coordinator"))
    listed = await nobody.open("/", list="searches")
    assert "discharged Thu 9 Apr, known since Mon 4 May" in listed.text
    assert "waiting for 25 days" in listed.text


async def test_an_authorization_with_nothing_left_is_on_the_page_and_more_is_asked_for(
    nobody: Browser, desk: Desk, clock: SetClock
) -> None:
    await desk.is_admitted("E1", "GH-3W", "inpatient")
    named: dict[str, Any] = {"episode": "E1", "patient_id": "patient-E1", "sequence": 2}
    await desk.feed.bring(covered("2026-05-04 07:30", effective="2026-05-01", **named))
    days = {"from": "2026-05-04", "to": "2026-05-08"}
    asked = {"episode_id": "E1", "payer": "ACME", "level": "inpatient", "unit": "day", "units": 5, **days}
    auth = (await desk.post("/api/authorizations", asked)).json()["auth_id"]
    await desk.post(f"/api/authorizations/{auth}/approved", {"number": "A-1"})
    clock.forward(timedelta(days=40))
    await nobody.enter(token("coordinator"))
    assert "Authorizations used up" in (await nobody.open("/")).text
    listed = await nobody.open("/", list="used-up")
    assert "Acme Health Plan: 5 of 5 days used" in listed.text
    assert "over by 35" in listed.text
    more = await nobody.press(listed, "Acme", "Payer allows more", units="60", to="2026-07-03")
    assert more.notice == "What the payer allows is noted"
    assert "Every authorization has something left" in more.text


async def test_a_program_that_is_over_is_shown_as_over(nobody: Browser, desk: Desk) -> None:
    for number in range(11):
        await desk.is_admitted(f"A{number}", "GH-PHP-YOUTH")
    await nobody.enter(token("program"))
    seats = await nobody.open("/", list="seats")
    assert "over by 1" in seats.text
    assert "11 of 10 seats taken" in seats.text
    assert "11 there now" in seats.text


async def test_what_is_needed_is_said_and_programs_are_ranked_anew(browser: Browser, desk: Desk) -> None:
    shown = await the_search(browser)
    said = await browser.press(shown, "steps down", "Say what is needed", payer="MEDICAID", age_years="15")
    assert said.notice.startswith("What is needed is noted")
    assert "takes Medicaid" in said.text
    needs = (await desk.search("E1"))["needs"]
    assert (needs["payer"], needs["age_years"]) == ("MEDICAID", 15)


@pytest.mark.parametrize(
    ("language", "speaks", "needs"),
    [("en", "speaks Spanish", "language: Spanish"), ("es", "habla español", "idioma: español")],
)
async def test_a_language_is_told_by_its_name(
    browser: Browser, desk: Desk, language: str, speaks: str, needs: str
) -> None:
    search = (await desk.search("E1"))["search_id"]
    assert (await desk.post(f"/api/searches/{search}/needs", {"language": "es"})).status_code == 200
    browser.client.headers["accept-language"] = language
    shown = await the_search(browser)
    assert speaks in shown.text
    assert needs in shown.text


async def test_a_search_is_closed_and_opened_again(browser: Browser) -> None:
    listed = await browser.open("/", list="searches")
    closed = await browser.press(listed, "steps down", "Stop looking", reason="no-program")
    assert "Nobody is waiting for a program" in closed.text
    again = await browser.press(await browser.open("/", list="closed"), "steps down", "Look again")
    assert again.notice == "The search is open again"
    assert "nobody asked yet" in (await browser.open("/", list="searches")).text


async def test_a_first_day_that_is_over_is_late_and_told_to_be_missed(
    browser: Browser, desk: Desk, clock: SetClock
) -> None:
    await desk.places("E1")
    clock.forward(timedelta(days=4))
    late = await browser.open("/", list="placed")
    assert "overdue" in late.text
    missed = await browser.press(late, "first day", "Did not come")
    assert missed.notice == "Recorded: the patient did not come"


async def test_a_stay_begins_and_ends_by_buttons(browser: Browser, desk: Desk, clock: SetClock) -> None:
    await desk.places("E1")
    clock.forward(timedelta(days=9))
    begun = await browser.press(await browser.open("/", list="placed"), PHP, "First day was", date="2026-05-06")
    assert begun.notice == "The stay has begun"
    there = await browser.open("/", list="started")
    ended = await browser.press(there, PHP, "Completed", date="2026-05-12", reason="goals-met")
    assert ended.notice.startswith("Completed: the seat is free")
    assert "Nobody is in a program" in ended.text


@pytest.mark.parametrize(("button", "falls"), [("Not so: attended a session", 1), ("Both are so", 0)])
async def test_a_conflict_is_settled_by_a_button(
    nobody: Browser, desk: Desk, database: Database, button: str, falls: int
) -> None:
    await ward_and_back(desk, attended=True)
    await nobody.enter(token("clinician"))
    shown = await nobody.open("/", list="conflicts")
    [label] = [each for each in shown.forms("Attended inside") if each.startswith(button)]
    settled = await nobody.press(shown, "Attended inside", label)
    assert settled.notice == "The conflict is settled"
    assert "Nothing contradicts itself" in settled.text
    told = [one.fact.value for one in await desk.feed.sent("care.events")]
    assert [len(each.falls) for each in told if isinstance(each, ConflictSettled)] == [falls]


async def test_what_went_on_since_is_said(browser: Browser, desk: Desk) -> None:
    page = await browser.open("/", list="searches")
    old = await browser.opened(page, "steps down", "Stop looking")
    await desk.offers("E1", "GH-PHP1")
    answer = await browser.send(page, old, reason="no-program")
    assert answer.status == 412


async def test_the_answer_to_an_offer_is_its_first_act_and_the_packet_stands_beside_it(
    nobody: Browser, desk: Desk
) -> None:
    await desk.leaves_the_ward("E1")
    await desk.offers("E1", "GH-PHP1")
    await nobody.enter(token("program", ("GOODHEALTH",)))
    shown = (await nobody.open("/", list="offers")).text
    acts = shown.split('<td class="acts">')[1].partition("</td>")[0]
    in_sight, more = acts.split("<details", 1)
    assert [in_sight.count(each) for each in ("Program accepts", "The packet")] == [1, 1]
    assert in_sight.index("Program accepts") < in_sight.index("The packet")
    assert in_sight.count(" main") == 1
    assert "Program declines" in more


async def test_programs_staff_answer_offers_and_see_no_search(nobody: Browser, desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    await desk.offers("E1", "GH-PHP1")
    await nobody.enter(token("program"))
    first = await nobody.open("/")
    assert "Offers out" in first.text
    assert "To be placed" not in first.text
    assert set((await nobody.open("/", list="offers")).forms(PHP)) == {
        "Program accepts", "Program declines", "Another day",
    }  # fmt: skip
    search = (await desk.search("E1"))["search_id"]
    assert "Compare programs" not in (await nobody.open("/", search=search)).text
    assert (await nobody.open("/", list="searches")).status == 422


async def test_who_is_of_another_facility_sees_nothing_of_the_patient(nobody: Browser, desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    search = (await desk.search("E1"))["search_id"]
    await nobody.enter(token("coordinator", ("RIVERBEND",)))
    assert "patient-E1" not in (await nobody.open("/", list="searches")).text
    assert (await nobody.open("/", search=search)).status == 404


async def test_an_auditor_looks_and_has_no_buttons(nobody: Browser, desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    await nobody.enter(token("auditor"))
    assert (await nobody.open("/", list="searches")).forms("steps down") == {}
    assert "Send an offer" not in (await the_search(nobody)).text


@pytest.mark.parametrize("name", [one.name for one in WORKLISTS if one.title])
async def test_every_list_opens_and_no_address_has_anything_of_a_patient(browser: Browser, name: str) -> None:
    shown = await browser.open("/", list=name)
    assert shown.status == 200
    addresses = re.findall(r'(?:href|action)="([^"]+)"', shown.text)
    pages = {each for each in addresses if each.startswith("/placement/patients/")}
    assert not [each for each in addresses if ("patient-E1" in each and each not in pages) or "E1" in each.split("/")]
    assert pages <= {"/placement/patients/patient-E1"}, "a patient's page is found by our own number"


async def test_who_looked_at_whom_is_written_down(browser: Browser, database: Database) -> None:
    await the_search(browser)
    async with database.read() as connection:
        rows = (await connection.execute(sa.select(audit.c.actor, audit.c.action, audit.c.subject))).all()
    assert ("a-coordinator", "search-looked-at", "E1") in {tuple(row) for row in rows}


def test_every_write_of_the_api_has_a_button_and_every_kind_a_row() -> None:
    assert {write.path for write in page.WRITES} == LABELS.keys()
    assert {write.action for write in page.WRITES} == DONE.keys()
    assert {kind for kind, _ in _OFFERED} <= DRAWN.keys()
    states = STATES | {"seat": ("held", "taken"), "session": ("attended", "absent", "withdrawn")}
    assert all(state in states[kind] for kind, state in _OFFERED)
