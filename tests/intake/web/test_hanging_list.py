"""The list of hanging visits, on the desk and by the API."""

from __future__ import annotations

from datetime import timedelta

import httpx
import sqlalchemy as sa

from tests.browsing import Browser
from tests.intake.conftest import Hospital
from tests.intake.web.conftest import Asking
from tests.intake.web.desk_browser import browser, signed_in

__all__ = ["browser"]
PATH = "/api/hanging-visits"
_MESSAGE = (
    "UPDATE messages SET message_id = :now, arrived_at = arrived_at - CAST(:days AS interval) WHERE message_id = :was"
)
_VISIT = "UPDATE visits SET last_message = :now WHERE last_message = :was"


async def grown_old(hospital: Hospital, days: int) -> str:
    """Let the visit's only message have come so many days before; returns its id, which tells the time as all do."""
    [(message_id,)] = await hospital.rows("message_id")
    before = f"{int(message_id[:12], 16) - days * 86_400_000:012x}{message_id[12:]}"
    given = {"was": message_id, "now": before, "days": timedelta(days=days)}
    async with hospital.intake.database.begin() as connection:
        for told in (_MESSAGE, _VISIT):
            names = sa.text(told).compile().params
            await connection.execute(sa.text(told), {name: given[name] for name in names})
    return before


async def test_the_list_says_since_when_what_and_the_last_message(
    browser: Browser, hospital: Hospital, asking: Asking
) -> None:
    await hospital.tells("A01")
    message_id = await grown_old(hospital, 900)
    reader = await signed_in(browser, asking, "interface", "GOODHEALTH")
    page = await reader.opens("/", list="hanging")
    assert page.status == 200
    for words in ("Hanging visits", "900 days ago", "Inpatient", "14 days", f"/messages/{message_id}"):
        assert words in page.text, words
    assert hospital.mrn not in page.text
    elsewhere = await signed_in(browser, asking, "interface", "RIVERBEND")
    assert message_id not in (await elsewhere.opens("/", list="hanging")).text


async def test_the_api_gives_the_same_in_pages_and_in_scope(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    await hospital.tells("A01")
    message_id = await grown_old(hospital, 1200)
    answer = await http.get(PATH, params={"limit": 1}, headers=asking("interface", "GOODHEALTH"))
    assert answer.status_code == 200
    [one] = answer.json()["hanging_visits"]
    assert (one["message_id"], one["open_as"], one["days"], one["trigger"]) == (message_id, "inpatient", 14, "A01")
    assert hospital.mrn not in answer.text
    none = await http.get(PATH, headers=asking("interface", "RIVERBEND"))
    assert message_id not in none.text
    assert (await http.get(PATH, headers=asking("clinician"))).status_code == 403
    assert (await http.get(PATH, params={"cursor": "?"}, headers=asking("interface"))).status_code == 422
