"""Somebody with a browser at intake's pages, signed in as a role, and what the audit has of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa

from services.intake.receiving.receive import Intake
from shared.run import ServiceProcess
from tests.answers import client_of
from tests.browsing import Browser, Form, Page
from tests.intake.web.conftest import Asking


class Reader:
    """A browser with a session. `who`: the subject that the audit names."""

    def __init__(self, browser: Browser, who: str) -> None:
        self.browser, self.who = browser, who

    async def opens(self, path: str, **query: str) -> Page:
        return await self.browser.open(path, **query)

    async def fills_in(self, name: str, label: str, **fields: str) -> Page:
        """Open the form of a row of the list "Take in by hand", fill it in and send it."""
        page = await self.opens("/", list="take-in")
        form = await self.browser.opened(page, name, label)
        return await self.sends(page, form, **fields)

    async def sends(self, page: Page, form: Form, **fields: str) -> Page:
        return await self.browser.send(page, form, **{name.replace("__", "."): text for name, text in fields.items()})

    async def audit(self, intake: Intake) -> list[tuple[str, str]]:
        """(what, about whom) in the audit, in order."""
        query = sa.text("SELECT action, subject FROM audit WHERE actor = :actor ORDER BY id")
        async with intake.database.read() as connection:
            return [(row.action, row.subject) for row in await connection.execute(query, {"actor": self.who})]


@pytest.fixture
async def browser(service: ServiceProcess) -> AsyncIterator[Browser]:
    """A browser in which nobody is signed in."""
    async with client_of(service.web, "intake", "http://intake") as client:
        yield Browser(client)


async def signed_in(
    browser: Browser, asking: Asking, role: str, *facilities: str, subject: str | None = None
) -> Reader:
    """The same browser with a session of this role."""
    who = subject or f"a-{role}"
    await browser.enter(asking(role, *facilities, subject=who)["authorization"].removeprefix("Bearer "))
    return Reader(browser, who)
