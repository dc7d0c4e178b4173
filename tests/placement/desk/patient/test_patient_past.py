"""The past of a patient on the page and in the API: what was recorded by then, and what was so."""

from __future__ import annotations

import re

import pytest

from tests.browsing import Browser
from tests.placement.desk.conftest import Desk, token
from tests.placement.desk.patient.lived import a_long_way, on_the_ward

HERE = "/patients/patient-E1"


@pytest.fixture
async def browser(nobody: Browser) -> Browser:
    """A coordinator's."""
    await nobody.enter(token("coordinator"))
    return nobody


async def test_the_past_says_that_it_is_the_past_and_nothing_can_be_done_in_it(browser: Browser, desk: Desk) -> None:
    await a_long_way(desk)
    for asked, words in (
        ({"on": "2026-05-02"}, "How it was on Sat 2 May."),
        ({"as_of": "2026-05-03"}, "As it was recorded by Sun 3 May."),
        ({"as_of": "2026-05-03T12:00:00-04:00"}, "As it was recorded by Sun 3 May, 12:00 EDT."),
        ({"as_of": "2026-05-13", "on": "2026-05-02"}, "How it was on Sat 2 May, as recorded by Wed 13 May."),
    ):
        shown = await browser.open(HERE, **asked)
        assert shown.notice.startswith(words)
        assert "Back to today" in shown.text
        assert re.findall(r'<form method="post" action="([^"]+)"', shown.text) == ["/sign-out"]
        assert "What waits" not in shown.text


async def test_what_was_known_at_noon_of_the_third_is_a_patient_on_the_ward(browser: Browser, desk: Desk) -> None:
    await a_long_way(desk)
    noon = await browser.open(HERE, as_of="2026-05-03T12:00:00-04:00")
    evening = await browser.open(HERE, as_of="2026-05-03T17:00:00-04:00")
    assert "discharged" not in noon.text
    assert "in care, since Sun 26 Apr" in noon.text
    assert "between levels" in evening.text, "the wrong discharge was told, and not yet taken back"
    so = await browser.open(HERE, on="2026-05-03")
    assert "in care, since Sun 26 Apr" in so.text, "and it never was so"


async def test_lists_of_the_past_are_those_of_the_past(browser: Browser, desk: Desk) -> None:
    await a_long_way(desk)
    then = await browser.open(HERE, as_of="2026-05-04")
    assert 'id="placement"' in then.text
    assert ">started<" not in then.text
    assert 'id="authorization"' not in then.text
    assert "Authorized" not in then.text
    assert 'id="placement"' not in (await browser.open(HERE, as_of="2026-05-03")).text


async def test_before_anything_was_told_there_is_nobody(browser: Browser, desk: Desk) -> None:
    await on_the_ward(desk)
    assert (await browser.open(HERE, as_of="2026-01-01")).status == 404
    assert (await desk.get("/api/episodes/E1", {"as_of": "2026-01-01"})).status_code == 404


async def test_the_api_answers_for_the_past_with_the_same_form(desk: Desk) -> None:
    await a_long_way(desk)
    whole = (await desk.get("/api/episodes/E1")).json()
    evening = (await desk.get("/api/episodes/E1", {"as_of": "2026-05-03T17:00:00-04:00"})).json()
    so = (await desk.get("/api/episodes/E1", {"on": "2026-05-03"})).json()
    assert whole.keys() == evening.keys() == so.keys()
    assert [one["episode"]["state"] for one in (whole, evening, so)] == ["active", "between", "active"]
    assert evening["episode"]["seen"] == {"intake": 5}
    [period] = evening["periods"]
    assert (period["end_date"], period["period_id"]) == ("2026-05-03", whole["periods"][0]["period_id"])
    assert "end_date" not in so["periods"][0]
    last = (await desk.get("/api/episodes/E1", {"as_of": "2026-12-31"})).json()
    assert last["episode"] == whole["episode"]
    assert last["facts"] == whole["facts"]
    ends = [(one["period_id"], one.get("end_date")) for one in whole["periods"]]
    assert [(one["period_id"], one.get("end_date")) for one in last["periods"]] == ends


@pytest.mark.parametrize("asked", [{"as_of": "soon"}, {"on": "2026-13-01"}, {"at": "2026-05-01"}, {"as_of": ""}])
async def test_the_api_refuses_other_parameters_and_bad_days(desk: Desk, asked: dict[str, str]) -> None:
    await on_the_ward(desk)
    assert (await desk.get("/api/episodes/E1", asked)).status_code == 422


async def test_a_facility_sees_of_the_past_its_own_part(desk: Desk) -> None:
    await on_the_ward(desk)
    answer = await desk.get("/api/episodes/E1", {"as_of": "2026-05-03"}, facilities=("RIVERBEND",))
    assert answer.status_code == 404
