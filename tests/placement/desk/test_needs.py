"""The site's own needs over HTTP and on pages: said of a search, judged for each program, counted where none answers,
and read by the patient."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.events.episodes import read_document
from shared.messaging.outbox import stored
from shared.storage.database import Database
from tests.browsing import Browser
from tests.builders import a_story, admitted, cancelled, discharged, referred, with_value
from tests.placement.desk.conftest import Desk, token
from tests.placement.desk.stories import at_the_program, says


@pytest.fixture
async def browser(nobody: Browser, desk: Desk) -> Browser:
    """A coordinator of every facility, and a patient who needs a program."""
    await desk.leaves_the_ward("E1")
    await nobody.enter(token("coordinator"))
    return nobody


async def said(desk: Desk, episode: str = "E1", **also: Any) -> dict[str, Any]:
    """The search's needs after these of the site's own were said."""
    search = (await desk.search(episode))["search_id"]
    answer = await desk.post(f"/api/searches/{search}/needs", {"also": also})
    assert answer.status_code == 200, answer.text
    needs: dict[str, Any] = answer.json()["needs"]
    return needs


async def test_a_need_of_the_site_s_own_is_said_with_a_value_with_several_or_that_it_is_there(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    first = await said(desk, transport=True, risk="moderate", modality=["CBT", "EMDR"])
    assert first["also"] == {"transport": ["yes"], "risk": ["moderate"], "modality": ["CBT", "EMDR"]}
    second = await said(desk, transport=None, modality="no", area="center")
    assert second["also"] == {"risk": ["moderate"], "area": ["center"]}
    assert "also" not in await said(desk, risk=False, area=None)


async def test_a_need_that_the_site_does_not_have_or_a_value_of_it_is_refused_by_its_field(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    search = (await desk.search("E1"))["search_id"]
    for also, field in (
        ({"SECRET": True}, "also"),
        ({"risk": "SECRET"}, "also.risk"),
        ({"transport": "SECRET"}, "also.transport"),
        ({"modality": ["CBT", "SECRET"]}, "also.modality"),
    ):
        answer = await desk.post(f"/api/searches/{search}/needs", {"also": also})
        assert (answer.status_code, [one["field"] for one in answer.json()["fields"]]) == (422, [field])
        assert "SECRET" not in answer.text


async def test_programs_are_ranked_by_it_and_say_why(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    await said(desk, mobility=True, transport=True)
    search = (await desk.search("E1"))["search_id"]
    ranked = (await desk.get(f"/api/searches/{search}/programs")).json()["programs"]
    first = ranked[0]
    assert (first["id"], first["fits"]) == ("GH-PHP1", True)
    assert {"rule": "mobility", "must": True, "holds": True, "words": "step-free access"} in first["reasons"]
    [riverbend] = [one for one in ranked if one["id"] == "RB-PHP"]
    assert "mobility" in riverbend["fails"]


async def test_where_the_patient_was_before_counts_only_where_the_reader_may_see_it(desk: Desk) -> None:
    placement = await at_the_program(desk)
    await says(desk, placement, "completed", date=str(desk.clock().date()), reason="goals-met")
    search = (await desk.search("E1"))["search_id"]
    path = f"/api/searches/{search}/programs"
    found = (await desk.get(path)).json()["programs"]
    assert [one["id"] for one in found if "continuity" in [each["rule"] for each in one["reasons"]]] == ["GH-PHP1"]


async def test_what_no_program_answers_is_counted_without_naming_anybody(desk: Desk) -> None:
    await desk.leaves_the_ward("E1", "E2", "E3")
    await said(desk, "E1", child_care=True, transport=True)
    await said(desk, "E2", child_care=True, housing=True)
    answer = await desk.get("/api/gaps")
    assert answer.status_code == 200, answer.text
    shown = [(one["need"], one["level"], one["count"], one.get("answered_by")) for one in answer.json()["gaps"]]
    assert shown == [("child_care", "php", 2, None), ("housing", "php", 1, "recovery-residence")]
    assert "patient" not in answer.text
    assert (await desk.get("/api/gaps", {"level": "iop"})).json()["gaps"] == []
    elsewhere = await desk.get("/api/gaps", role="coordinator", facilities=("RIVERBEND",))
    assert elsewhere.json()["gaps"] == []
    assert (await desk.get("/api/gaps", role="program")).status_code == 403


async def test_a_need_that_a_referral_answers_stands_on_the_episode_while_the_search_needs_it(
    desk: Desk, database: Database
) -> None:
    async def referred() -> list[tuple[str, str]]:
        async with database.read() as connection:
            told = [one for one in await stored(connection) if dict(one.headers)["ce_type"] == b"care.episode.v1"]
        document = read_document(told[-1].value or b"")
        return [(one.need, one.facility) for one in document.needs_referred or ()]

    about: dict[str, Any] = {"episode": "E1", "patient_id": "patient-E1"}
    left = discharged("2026-05-04 07:00", **about)
    await desk.feed.bring(*a_story(admitted("2026-05-01 10:00", **about), left))
    assert await referred() == []
    await said(desk, housing=True, transport=True)
    assert await referred() == [("housing", "GOODHEALTH")]
    await said(desk, housing=False)
    assert await referred() == []
    await said(desk, housing=True)
    search = (await desk.search("E1"))["search_id"]
    assert (await desk.post(f"/api/searches/{search}/closed", {"reason": "no-program"})).status_code == 200
    assert await referred() == [("housing", "GOODHEALTH")], "what was not found is needed still"
    await desk.feed.bring(cancelled(left, sequence=3, **about))
    assert await referred() == [], "the discharge is cancelled, and what was needed after it"


async def test_a_referral_that_is_stated_anew_with_other_needs_changes_what_the_search_looks_for(desk: Desk) -> None:
    told = referred(
        "2026-05-01 09:00", episode="E1", requested_level="php", needs=["transport", "unknown", "area:north"]
    )
    await desk.feed.bring(*a_story(told))
    assert (await desk.search("E1"))["needs"]["also"] == {"transport": ["yes"], "area": ["north"]}
    await said(desk, area="east", child_care=True, transport=None)
    read = referred(
        "2026-05-01 09:00", episode="E1", requested_level="php", needs=["mobility", "area:center", "language:es"]
    )
    await desk.feed.bring(with_value(replace(read, sequence=2, id="read"), read.as_json | {"replaces": told.id}))
    needs = (await desk.search("E1"))["needs"]
    assert (needs["also"], needs["language"]) == ({"mobility": ["yes"], "area": ["east"], "child_care": ["yes"]}, "es")
    back = replace(told, sequence=3, id="back")
    await desk.feed.bring(with_value(back, back.as_json | {"replaces": "read"}))
    needs = (await desk.search("E1"))["needs"]
    assert needs["also"] == {"transport": ["yes"], "area": ["east"], "child_care": ["yes"]}
    assert "language" not in needs


async def test_the_packet_tells_needs_and_none_that_tell_of_substance_use(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    await said(desk, transport=True, mat=True, co_occurring=True, risk="low")
    await desk.offers("E1", "GH-PHP1")
    [offer] = (await desk.get("/api/offers", role="program", facilities=("GOODHEALTH",))).json()["offers"]
    assert offer["packet"]["needs"]["also"] == {"transport": ["yes"], "risk": ["low"]}


async def test_a_coordinator_says_it_on_the_form_and_reads_it_in_words(browser: Browser, desk: Desk) -> None:
    page = await browser.open("/", list="searches")
    done = await browser.press(
        page, "steps down", "Say what is needed", **{"also.transport": "yes", "also.risk": "low"}
    )
    assert "transport to the program" in done.text
    assert "risk: low" in done.text
    assert (await desk.search("E1"))["needs"]["also"] == {"transport": ["yes"], "risk": ["low"]}


async def test_the_patient_s_page_of_choices_has_what_suits_and_what_was_answered_in_two_languages(
    nobody: Browser, desk: Desk
) -> None:
    await desk.leaves_the_ward("E1")
    search = (await desk.search("E1"))["search_id"]
    await desk.post(f"/api/searches/{search}/needs", {"age_years": 40, "also": {"transport": True}})
    await desk.offers("E1", "GH-PHP1")
    await nobody.enter(token("coordinator", ("GOODHEALTH",)))
    page = await nobody.open(f"/searches/{search}/choices")
    assert page.status == 200, page.text
    for words in ("Your choices", "The choice is yours", "Adult partial hospitalization", "We asked them"):
        assert words in page.text
    assert "Adolescent partial hospitalization" not in page.text  # one that does not suit
    assert 'lang="es"' in (await nobody.open(f"/searches/{search}/choices", language="es")).text
    assert (await nobody.open(f"/searches/{search}/choices", language="xx")).status == 422
    assert (await nobody.open("/searches/nobody/choices")).status == 404
    assert (await nobody.open("/gaps")).status == 200
