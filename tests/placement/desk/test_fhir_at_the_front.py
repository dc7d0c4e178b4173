"""Behind the one host: every address in an answer is one of that host, and leads to what it names."""

from __future__ import annotations

from typing import Any

import httpx

from tests.placement.desk.conftest import Desk, bearer
from tests.placement.desk.stories import at_the_program
from tests.stack.test_front_door import opened
from tools.stack.front.door import FrontDoor


async def test_addresses_of_an_answer_lead_through_the_front_door_to_what_they_name(desk: Desk) -> None:
    await at_the_program(desk)
    await desk.leaves_the_ward("E2", "E3")
    app: Any = desk.client._transport
    async with opened(app.app, behind_proxy=False) as (inner, _):
        door = FrontDoor(dict.fromkeys(("intake", "placement", "aftercare"), inner))
        async with (
            opened(door, behind_proxy=False) as (outer, _),
            httpx.AsyncClient(headers=bearer("coordinator")) as client,
        ):
            page = (await client.get(f"{outer}/fhir/EpisodeOfCare?_count=2")).json()
            assert len(page["entry"]) == 2
            for one in page["entry"]:
                assert one["fullUrl"].startswith(f"{outer}/fhir/EpisodeOfCare/")
                assert (await client.get(one["fullUrl"])).json() == one["resource"]
            [following] = [link["url"] for link in page["link"] if link["relation"] == "next"]
            assert [one["resource"]["id"] for one in (await client.get(following)).json()["entry"]] == ["E3"]
            below = (await client.get(f"{outer}/placement/fhir/Encounter?patient=patient-E1")).json()
            for one in below["entry"]:
                assert one["fullUrl"].startswith(f"{outer}/placement/fhir/Encounter/")
                assert (await client.get(one["fullUrl"])).json() == one["resource"]
        await door.close()
