"""While the token issuer drips, hospitals are answered: whoever waits for its keys waits alone."""

from __future__ import annotations

import asyncio

import httpx

from services.intake.app import assemble
from tests.intake.conftest import Hospital
from tests.intake.opened import Connect, opened
from tests.intake.test_app import settings
from tests.test_issuer import ISSUER, Issuer, drips, speaking


async def test_hospitals_are_answered_while_somebody_waits_for_the_issuer(
    intake_url: str, hospital: Hospital, connected: Connect
) -> None:
    async with speaking(drips) as url, opened(hospital.intake) as (door, _):
        service = assemble(settings(intake_url, token_secret=None, token_issuer=ISSUER, token_jwks_url=url))
        sender = await connected(door.address)
        transport = httpx.ASGITransport(service.web)
        async with httpx.AsyncClient(transport=transport, base_url="http://intake") as http:
            headers = {"authorization": f"Bearer {Issuer().token('two')}"}
            asking = asyncio.create_task(http.get("/api/patients", headers=headers))
            for trigger in ("A01", *["A08"] * 9):
                assert b"MSA|AA|" in await sender.send(hospital.message(trigger))
            assert not asking.done()
            asking.cancel()
            await asyncio.wait({asking})
        await service.database.close()
