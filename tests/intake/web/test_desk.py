"""Intake's desk: which lists a role has, what their rows say, and what is written down of who looked."""

from __future__ import annotations

import logging
import re
from typing import Any

import httpx
import pytest

from services.intake.desk.lists import LISTS
from shared.web.desk import may
from tests.browsing import Browser
from tests.intake.conftest import Hospital
from tests.intake.web.conftest import Asking
from tests.intake.web.desk_browser import browser, signed_in
from tests.intake.web.test_matches import pid

__all__ = ["browser"]
RAIL = re.compile(r'href="/\?list=([a-z-]+)"')
OF_ALL_FEEDS = {"silent", "hanging", "feeds", "waiting", "wrong", "unmapped", "place-differs", "refused"}
BESIDE = {one.listing.name for one in LISTS if one.listing.page}
"""What the rail leads to beside lists: pages of their own."""
OF_ROLE = {
    "coordinator": {"take-in", "consents", "codes", "need-unknown", *OF_ALL_FEEDS},
    "identity": {"deletions", "matches", "visit-numbers", "waiting"},
    "interface": {"codes", "dead-letters", *OF_ALL_FEEDS},
    "auditor": {"consents", *OF_ALL_FEEDS},
    "clinician": set(),
    "program": set(),
    "admin": {one.listing.name for one in LISTS} - BESIDE | {"dead-letters"},
}
"""Role → the lists in its rail."""


async def test_who_is_not_signed_in_is_told_what_is_here(browser: Browser) -> None:
    page = await browser.open("/")
    assert (page.status, "Messages of hospitals" in page.text, "<nav" in page.text) == (200, True, False)
    assert (await browser.open("/", list="feeds")).address.startswith("/sign-in")


@pytest.mark.parametrize("role", sorted(OF_ROLE))
async def test_each_role_has_its_lists_and_opens_every_one(browser: Browser, asking: Asking, role: str) -> None:
    reader = await signed_in(browser, asking, role)
    page = await reader.opens("/")
    assert page.status == 200
    assert set(RAIL.findall(page.text)) == OF_ROLE[role]
    assert set(RAIL.findall((await reader.opens("/rail")).text)) == OF_ROLE[role]
    for name in sorted(OF_ROLE[role]):
        shown = await reader.opens("/", list=name)
        assert shown.status == 200, name
    for name in {one.listing.name for one in LISTS} - OF_ROLE[role] - BESIDE:
        assert (await reader.opens("/", list=name)).status == 422, name


FULL = 25
"""Rows from which on a page may not have all of its list."""


@pytest.mark.parametrize("facilities", ["*", "GOODHEALTH"])
async def test_a_list_without_a_row_counts_none_whoever_looks(
    browser: Browser, asking: Asking, facilities: str
) -> None:
    reader = await signed_in(browser, asking, "interface", facilities)
    for name in sorted(OF_ALL_FEEDS - {"feeds", "silent"}):
        page = await reader.opens("/", list=name)
        rows = page.text.count('<tr class="row')  # what other tests left in the same database has its rows
        counted = {*re.findall(r"<title>[^<]*\((\d+)\) · Stepdown</title>", page.text)}
        counted |= {*re.findall(r'aria-current="page">[^<]*<span class="n"><span class="count">(\d+)<', page.text)}
        assert counted == {str(rows)} or rows >= FULL, name


async def test_the_roles_of_a_list_are_those_of_what_the_api_lists() -> None:
    assert {one.listing.name for one in LISTS if may_as("coordinator", one.readers)} - BESIDE == OF_ROLE["coordinator"]


def may_as(role: str, readers: tuple[str, ...]) -> bool:
    from shared.web.auth import Caller  # noqa: PLC0415

    return may(Caller("x", frozenset({role}), frozenset({"*"})), readers)


@pytest.mark.parametrize("role", ["billing", "hospital"])
async def test_a_role_without_work_here_is_told_so(browser: Browser, asking: Asking, role: str) -> None:
    reader = await signed_in(browser, asking, role)
    assert (await reader.opens("/")).status == 403
    rail = await reader.opens("/rail")
    assert (rail.status, rail.text) == (204, "")


async def test_two_records_stand_side_by_side_with_what_speaks_for_and_against(
    browser: Browser, hospital: Hospital, another: Any, asking: Asking
) -> None:
    other, ssn = another(), f"9{int(hospital.mrn[-6:], 16) % 100000000:08}"
    one = pid(hospital.message("A01"), f"{hospital.mrn}^^^GH^MR~{ssn}^^^USSSA^SS||DOE^JANE||19800101|F")
    two = pid(other.message("A01"), f"{other.mrn}^^^GH^MR~{ssn}^^^USSSA^SS||DOE^JANE||19550101|M")
    await hospital.says(one, two, one)
    patients = {str(await each.patient_id()) for each in (hospital, other)}
    reader = await signed_in(browser, asking, "identity", subject=f"i-{hospital.mrn[::-1]}")
    text, query = "", {"list": "matches"}
    while not all(each in text for each in patients):
        page = await reader.opens("/", **query)
        text = page.text
        cursor = re.search(r'rel="next" href="[^"]*cursor=([^"&]+)', text)
        assert all(each in text for each in patients) or cursor
        query["cursor"] = cursor[1] if cursor else ""
    [row] = [each for each in text.split('<tr class="row"') if all(one in each for one in patients)]
    assert set(re.findall(r'data-patient="([^"]+)"', row)) == patients
    for words in ("the same name", "the same social security number", "birth dates differ", "sexes differ"):
        assert words in row, words
    assert "DOE" not in text, "the browser asks for names, as on every desk"
    assert ssn not in text
    assert "match-listed" in {what for what, _ in await reader.audit(hospital.intake)}


async def test_a_feed_says_what_came_when_and_what_is_to_be_looked_at(
    browser: Browser, hospital: Hospital, asking: Asking
) -> None:
    await hospital.tells("A01")
    await hospital.tells("A02", unit=f"U{hospital.mrn}")
    reader = await signed_in(browser, asking, "interface", "GOODHEALTH", subject=f"f-{hospital.mrn[::-1]}")
    cells = (await reader.opens("/", list="feeds")).cells("MLLP")
    assert "admission (A01)" in cells["counts"]
    assert re.search(r"\d+ messages? names? (a unit|units) that (is|are) in no table", cells["warnings"])
    assert re.search(r"(ago|hour)", cells["waiting"])
    assert ("unmapped-codes-listed", "feeds") in await reader.audit(hospital.intake)


@pytest.mark.parametrize(("name", "trigger", "why"), [("unmapped", "A02", "transfer (A02)"), ("wrong", "A01", "read")])
async def test_a_message_is_listed_by_its_reason_and_never_with_its_content(
    browser: Browser,
    hospital: Hospital,
    asking: Asking,
    caplog: pytest.LogCaptureFixture,
    *,
    name: str,
    trigger: str,
    why: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    await hospital.tells("A01")
    if name == "unmapped":
        await hospital.tells(trigger, unit=f"U{hospital.mrn}")
    else:
        await hospital.tells(trigger, "never", visit="W")
    reader = await signed_in(browser, asking, "interface", "GOODHEALTH", subject=f"m-{hospital.mrn[::-1]}")
    pages, query = [], {"list": name}
    while True:
        pages.append(await reader.opens("/", **query))
        cursor = re.search(r'rel="next" href="[^"]*cursor=([^"&]+)', pages[-1].text)
        if cursor is None:
            break
        query["cursor"] = cursor[1]
    text = "".join(page.text for page in pages)
    assert why.lower() in text.lower()
    for secret in (hospital.mrn, hospital.name, "GIVENMARKER"):
        assert secret not in text + caplog.text
    assert "messages-listed" in {what for what, _ in await reader.audit(hospital.intake)}


async def test_lists_are_shown_page_by_page_forth_and_back(browser: Browser, another: Any, asking: Asking) -> None:
    hospitals = [another() for _ in range(27)]
    for each in hospitals:
        await each.tells("A01")
        await each.tells("A02", unit=f"U{each.mrn}")
    reader = await signed_in(browser, asking, "interface", "GOODHEALTH")
    first = await reader.opens("/", list="unmapped")
    more = re.search(r'rel="next" href="([^"]+)"', first.text)
    assert more
    second = await browser.follow(more[1].replace("&amp;", "&"))
    back = re.search(r'rel="prev" href="([^"]+)"', second.text)
    assert back
    ids = re.compile(r"Message ([\w-]+)")
    assert "26–" in second.text
    assert not set(ids.findall(first.text)) & set(ids.findall(second.text))
    assert ids.findall((await browser.follow(back[1].replace("&amp;", "&"))).text) == ids.findall(first.text)


async def test_parameters_that_we_never_gave_are_refused(
    browser: Browser, asking: Asking, http: httpx.AsyncClient
) -> None:
    reader = await signed_in(browser, asking, "admin")
    for query in ({"list": "x"}, {"q": "elm"}, {"list": "matches", "cursor": "x"}):
        assert (await reader.opens("/", **query)).status == 422, query
