"""Intake tells open pages of probable matches, for those who hold both patients, and of dead letters."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import sqlalchemy as sa

from shared.run import ServiceProcess
from shared.web.live import LivePages
from tests.intake.conftest import Hospital
from tests.intake.web.conftest import Asking
from tests.intake.web.test_another_facility import elsewhere
from tests.intake.web.test_requests import posted, referral
from tests.streams import listens, opened, served
from tests.waiting import until

SOON = 5.0
"""Seconds within which a page has to hear of what came in."""
_LETTER = sa.text(
    "INSERT INTO dead_letters (id, consumer, topic, partition, kafka_offset, error, attempts) "
    "VALUES (:id, 'intake.hospital.adt', 'hospital.adt', 0, :at, 'unreadable', 1)"
)


@pytest.fixture
def pages(service: ServiceProcess) -> LivePages:
    assert service.live_pages is not None
    return service.live_pages


@pytest.fixture
async def address(service: ServiceProcess, pages: LivePages) -> AsyncIterator[str]:
    """Where intake's streams are."""
    async with served(service.web, pages) as found:
        yield found


async def test_a_match_is_told_to_who_holds_both_patients(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking, pages: LivePages, address: str
) -> None:
    await hospital.tells("A01")
    async with (
        opened(address, asking("identity", subject="both")) as both,
        opened(address, asking("identity", "GOODHEALTH", subject="one")) as one,
    ):
        await listens(pages)
        here = asking("hospital", "RIVERBEND")
        told = await posted(http, "/referrals", elsewhere(hospital, birth_date="1980-01-01"), here)
        await until(lambda: told["patient_id"] in both.patients, SOON)
        assert both.lists == {"matches"}
        assert one.heard() == []


async def test_a_need_that_the_site_does_not_have_is_told_to_who_takes_in_there(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking, pages: LivePages, address: str
) -> None:
    async with (
        opened(address, asking("coordinator", "GOODHEALTH", subject="here")) as here,
        opened(address, asking("coordinator", "RIVERBEND", subject="there")) as there,
    ):
        await listens(pages)
        told = await posted(http, "/referrals", referral(hospital, needs=["a ramp"]), asking("hospital"))
        await until(lambda: told["patient_id"] in here.patients, SOON)
        assert here.lists == {"need-unknown"}
        assert there.heard() == []


async def test_a_dead_letter_is_told_to_who_looks_after_the_interfaces_of_all(
    hospital: Hospital, asking: Asking, pages: LivePages, address: str
) -> None:
    async with (
        opened(address, asking("interface")) as page,
        opened(address, asking("interface", "GOODHEALTH", subject="another")) as of_one,
    ):
        await listens(pages)
        async with hospital.intake.database.begin() as connection:
            await connection.execute(_LETTER, {"id": hospital.mrn, "at": int(hospital.mrn[-6:], 16)})
        await until(lambda: page.lists == {"dead-letters"}, SOON)
        assert of_one.heard() == []
