"""What another person does at the desk is told to open pages: which lists, whose rows, never to another facility."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from services.placement.desk.frame import Parts
from services.placement.desk.live import live_pages
from services.placement.rules import Rules
from shared.clock import SetClock
from shared.storage.database import Database
from shared.web.app import web_app
from shared.web.auth import DEV_ISSUER, Tokens
from shared.web.live import LivePages
from tests.placement.desk.conftest import KEY, Desk, bearer
from tests.streams import listens, opened, served
from tests.waiting import until

SOON = 5.0
"""Seconds within which a page has to hear of what somebody did."""


@pytest.fixture
def pages(database: Database, rules: Rules, clock: SetClock, ids: Callable[[], str]) -> LivePages:
    return live_pages(Parts(database, rules, clock, ids))


@pytest.fixture
async def address(pages: LivePages) -> AsyncIterator[str]:
    """Where the desk's streams are."""

    async def ready() -> dict[str, str]:
        return {}

    app = web_app(title="placement", tokens=Tokens(KEY, DEV_ISSUER, ("HS256",)), ready=ready, routes=[pages.route()])
    async with served(app, pages) as found:
        yield found


async def test_an_act_of_another_person_is_told_with_its_lists_and_its_patient(
    desk: Desk, pages: LivePages, address: str
) -> None:
    await desk.leaves_the_ward("E1", "E2")
    async with opened(address, bearer("coordinator")) as page, opened(address, bearer("program")) as program:
        await listens(pages)
        await desk.offers("E1", "GH-PHP1")
        await until(lambda: {"offers", "searches-open"} <= page.lists, SOON)
        await until(lambda: "offers" in program.lists, SOON)
        assert page.patients == {"patient-E1"}
        assert (program.patients, program.lists & {"searches-open", "conflicts"}) == (set(), set())


async def test_another_facility_hears_nothing(desk: Desk, pages: LivePages, address: str) -> None:
    async with (
        opened(address, bearer("coordinator", ("GOODHEALTH",))) as here,
        opened(address, bearer("coordinator", ("RIVERBEND",))) as there,
        opened(address, bearer("admin", ())) as nobody,
    ):
        await listens(pages)
        await desk.leaves_the_ward("E1", facility="GOODHEALTH")
        await desk.places("E1", "GH-PHP1")
        await until(lambda: {"searches-open", "placed", "seats"} <= here.lists, SOON)
        await desk.leaves_the_ward("E2", facility="RIVERBEND")
        await until(lambda: "searches-open" in there.lists, SOON)
        assert there.patients == {"patient-E2"}
        assert there.lists <= {"searches-open", "ineffective", "conflicts"}
        assert here.patients == {"patient-E1"}
        assert nobody.heard() == []


async def test_an_offer_that_another_facility_asked_for_is_told_to_both(
    desk: Desk, pages: LivePages, address: str
) -> None:
    await desk.leaves_the_ward("E1", facility="RIVERBEND")
    async with (
        opened(address, bearer("coordinator", ("GOODHEALTH",))) as asked,
        opened(address, bearer("coordinator", ("RIVERBEND",))) as asking,
    ):
        await listens(pages)
        await desk.offers("E1", "GH-PHP1")
        await until(lambda: "offers" in asked.lists and "offers" in asking.lists, SOON)
        assert "searches-open" in asking.lists
        assert "searches-open" not in asked.lists


async def test_an_entry_that_goes_is_told_to_the_list_that_it_was_in(
    desk: Desk, pages: LivePages, address: str
) -> None:
    await desk.leaves_the_ward("E1")
    search = (await desk.search("E1"))["id"]
    async with opened(address, bearer("clinician")) as page:
        await listens(pages)
        answer = await desk.post(f"/api/searches/{search}/closed", {"reason": "patient-declined"})
        assert answer.status_code == 200, answer.text
        await until(lambda: {"searches-open", "closed"} <= page.lists, SOON)


async def test_what_is_as_it_was_is_not_told(desk: Desk, pages: LivePages, address: str) -> None:
    await desk.leaves_the_ward("E1", "E2")
    offer, _ = await desk.offers("E1", "GH-PHP1", "GH-IOP1", variance_reason="resource-unavailable")
    async with opened(address, bearer("coordinator")) as page:
        await listens(pages)
        answer = await desk.post(f"/api/offers/{offer}/withdrawn", {"reason": "told-by-mistake"})
        assert answer.status_code == 200, answer.text
        await until(lambda: "offers" in page.lists, SOON)
        assert page.lists == {"offers", "offers-overdue"}
        assert page.patients == {"patient-E1"}


async def test_who_takes_an_entry_is_told_to_who_may_see_it(desk: Desk, pages: LivePages, address: str) -> None:
    await desk.leaves_the_ward("E1")
    search = (await desk.search("E1"))["id"]
    async with (
        opened(address, bearer("coordinator", ("GOODHEALTH",))) as here,
        opened(address, bearer("coordinator", ("RIVERBEND",))) as there,
    ):
        await listens(pages)
        await desk.post(f"/api/worklists/searches-open/{search}/taken")
        await until(lambda: "searches-open" in here.lists, SOON)
        assert (here.patients, there.heard()) == ({"patient-E1"}, [])
