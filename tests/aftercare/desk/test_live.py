"""What another person does at the follow-up desk is told to open pages of the same facility, and to no other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.aftercare.desk.live import live_pages
from shared.storage.database import Database
from shared.web.app import web_app
from shared.web.auth import DEV_ISSUER, Tokens
from shared.web.live import LivePages
from tests.aftercare.builders import LEFT, day, document, stay
from tests.aftercare.desk.conftest import Desk
from tests.aftercare.desk.steps import a_referral, contact, move
from tests.aftercare.desk.test_follow_ups import KEY, _ready, token
from tests.aftercare.test_handlers import take_in
from tests.streams import listens, opened, served
from tests.waiting import until

SOON = 5.0
"""Seconds within which a page has to hear of what somebody did."""


@pytest.fixture
def pages(database: Database) -> LivePages:
    return live_pages(database)


@pytest.fixture
async def address(pages: LivePages) -> AsyncIterator[str]:
    """Where the desk's streams are."""
    app = web_app(title="aftercare", tokens=Tokens(KEY, DEV_ISSUER, ("HS256",)), ready=_ready, routes=[pages.route()])
    async with served(app, pages) as found:
        yield found


def bearer(*facilities: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token('coordinator', facilities=facilities or ('*',))}"}


@pytest.mark.usefixtures("completed")
async def test_a_contact_and_a_move_of_another_person_are_told_here_and_not_elsewhere(
    desk: Desk, pages: LivePages, address: str, database: Database
) -> None:
    async with opened(address, bearer("GOODHEALTH")) as here, opened(address, bearer("RIVERBEND")) as there:
        await listens(pages)
        assert (await contact(desk, day(1), "reached")).status_code == 201
        await until(lambda: {"recorded", "contacts"} <= here.lists, SOON)
        assert (await move(desk, await a_referral(desk), "sent", "declined")).status_code == 200
        await until(lambda: {"referrals", "declined"} <= here.lists, SOON)
        assert here.patients == {"P1"}
        more = stay("iop", LEFT - timedelta(days=30), LEFT, id="P2", how="completed", facility="RIVERBEND")
        await take_in(database, document(more, episode_id="E2", patient_id="P2"))
        await until(lambda: "plans" in there.lists, SOON)
        assert there.patients == {"P2"}
        assert here.patients == {"P1"}


@pytest.mark.usefixtures("completed")
async def test_a_document_that_changes_no_list_is_not_told(
    desk: Desk, pages: LivePages, address: str, database: Database
) -> None:
    completed = stay("iop", LEFT - timedelta(days=30), LEFT, id="P1", how="completed", reason="goals-met")
    async with opened(address, bearer()) as page:
        await listens(pages)
        await take_in(database, document(completed, version=2))
        assert (await contact(desk, day(1), "reached")).status_code == 201
        await until(lambda: "recorded" in page.lists, SOON)
        assert page.lists & {"referrals", "appointments", "follow-ups"} == set()
