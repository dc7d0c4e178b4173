"""The console's pages: every message found and shown with what came of it, tried, opened and read again."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from services.intake.receiving.receive import Intake
from tests.browsing import Browser
from tests.intake.conftest import Hospital
from tests.intake.web.conftest import Asking
from tests.intake.web.desk_browser import browser, signed_in

__all__ = ["browser"]


async def test_messages_are_found_by_a_number_that_never_stands_in_an_address(
    browser: Browser, hospital: Hospital, asking: Asking
) -> None:
    await hospital.tells("A01")
    await hospital.tells("A03", "20260312100000", visit="V7")
    reader = await signed_in(browser, asking, "interface", "GOODHEALTH")
    page = await reader.opens("/messages")
    form = page.frame["Find by number"]
    found = await reader.sends(page, form, mrn=hospital.mrn)
    assert found.status == 200
    assert hospital.mrn not in found.address
    assert len(re.findall(r'<tr class="row">', found.text)) == 2
    assert (
        "Waits for the message that begins its visit" in found.text or "waits for the message that begins" in found.text
    )
    assert "Admitted" in found.text
    assert hospital.name not in found.text


async def test_filters_stand_in_the_address_and_lead_to_one_message(
    browser: Browser, hospital: Hospital, asking: Asking
) -> None:
    await hospital.says(hospital.message("A01", control=f"{hospital.mrn}-1"))
    reader = await signed_in(browser, asking, "auditor")
    page = await reader.opens(
        "/messages", control_id=f"{hospital.mrn}-1", note="applied", trigger="A01", since="2026-03-01T00:00", until=""
    )
    (address,) = re.findall(r'href="(/messages/[0-9a-f]{32})"', page.text)
    one = await reader.opens(address)
    assert one.status == 200
    assert "Admitted" in one.text
    assert "Open the text" not in one.text, "an auditor opens no text"
    none = await reader.opens("/messages", note="no-such")
    assert none.status == 422


async def test_a_text_is_sealed_until_it_is_asked_for_and_the_look_is_audited(
    browser: Browser, hospital: Hospital, asking: Asking, intake: Intake
) -> None:
    await hospital.tells("A01")
    [(message_id,)] = await hospital.rows("message_id")
    reader = await signed_in(browser, asking, "interface", subject="ines")
    page = await reader.opens(f"/messages/{message_id}")
    assert hospital.name not in page.text
    form = page.frame["Open the text"]
    assert ("message-opened", message_id) not in await reader.audit(intake)
    opened = await reader.sends(page, form)
    assert hospital.name in opened.text
    assert ("message-opened", message_id) in await reader.audit(intake)


async def test_a_message_that_is_pasted_says_what_it_would_do_and_is_not_stored(
    browser: Browser, hospital: Hospital, asking: Asking, intake: Intake
) -> None:
    reader = await signed_in(browser, asking, "interface")
    page = await reader.opens("/messages/try")
    form = page.frame["Try it"]
    text = hospital.message("A01").decode().replace("\r", "\n")
    tried = await reader.sends(page, form, message=text)
    assert tried.status == 200
    assert "Stated: admitted" in tried.text
    assert "of somebody new" in tried.text
    assert await hospital.patient_id() is None
    reader = await signed_in(browser, asking, "interface", "RIVERBEND")
    page = await reader.opens("/messages/try")
    form = page.frame["Try it"]
    assert (await reader.sends(page, form, message=text)).status == 403


async def test_what_would_change_by_reading_again_is_shown_and_then_applied(
    browser: Browser, hospital: Hospital, asking: Asking, intake: Intake
) -> None:
    await hospital.tells("A01")
    [(message_id,)] = await hospital.rows("message_id")
    old = "UPDATE messages SET said = replace(convert_from(said, 'UTF8'), '3W', 'RES')::bytea WHERE message_id = :id"
    async with intake.database.begin() as connection:  # as an older parser might have read it
        await connection.execute(sa.text(old), {"id": message_id})
        await connection.execute(sa.text("UPDATE visits SET mapping = 'another'"))
    while await intake.derive_again():
        pass
    reader = await signed_in(browser, asking, "interface")
    page = await reader.opens(f"/messages/{message_id}")
    shown = await reader.sends(page, page.frame["Show what would change"])
    assert "read otherwise: location" in shown.text
    command = f"<code>stepdown messages read-again {message_id}</code>"
    assert command in shown.text, "the page was opened without the front door: nobody beside it knows bills"
    done = await reader.sends(shown, shown.frame["Apply this"])
    assert (done.status, done.address) == (200, f"/messages/{message_id}")
    again = await reader.sends(done, done.frame["Show what would change"])
    assert "Nothing changes" in again.text


@pytest.mark.parametrize("role", ["coordinator", "clinician", "identity", "program"])
async def test_who_may_not_open_a_text_tries_and_reads_nothing_again(
    browser: Browser, asking: Asking, role: str
) -> None:
    reader = await signed_in(browser, asking, role)
    assert (await reader.opens("/messages/try")).status == 403
    assert (await reader.opens("/messages")).status == (200 if role == "coordinator" else 403)


async def test_a_facility_sees_none_of_another_s_messages(browser: Browser, hospital: Hospital, asking: Asking) -> None:
    await hospital.says(hospital.message("A01", control=f"{hospital.mrn}-1"))
    [(message_id,)] = await hospital.rows("message_id")
    reader = await signed_in(browser, asking, "interface", "RIVERBEND")
    assert (await reader.opens(f"/messages/{message_id}")).status == 404
    listed = await reader.opens("/messages", control_id=f"{hospital.mrn}-1")
    assert message_id not in listed.text


async def test_codes_in_no_table_and_silent_feeds_are_lists(
    browser: Browser, hospital: Hospital, asking: Asking
) -> None:
    await hospital.tells("A01", unit="ANNEX7")
    reader = await signed_in(browser, asking, "interface", "GOODHEALTH")
    page = await reader.opens("/", list="codes")
    assert "ANNEX7" in page.text
    assert "waits for it" in page.text or "wait for it" in page.text
    assert (await reader.opens("/", list="silent")).status == 200


async def test_every_page_of_the_console_has_the_rail_of_lists(
    browser: Browser, hospital: Hospital, asking: Asking
) -> None:
    await hospital.tells("A01")
    [(message_id,)] = await hospital.rows("message_id")
    reader = await signed_in(browser, asking, "interface")
    for path in ("/messages", f"/messages/{message_id}", "/messages/try"):
        page = await reader.opens(path)
        assert 'hx-get="/rail"' in page.text, path
        assert page.text.index("<nav") < page.text.index("<h1"), path
