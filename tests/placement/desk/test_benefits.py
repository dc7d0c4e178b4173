"""What a payer said of benefits, and a program's own price, are kept with day and source, and shown (contract 3.3)."""

from __future__ import annotations

import re
from typing import Any

from tests.browsing import Browser
from tests.placement.desk.conftest import Desk, token

SAID: dict[str, Any] = {
    "payer": "acme", "level": "php", "source": "telephone", "on": "2026-05-03", "reference": "call-9",
    "says": [{"item": "covered", "value": "yes"}, {"item": "copay", "value": "40.00"}],
}  # fmt: skip


async def told(desk: Desk) -> list[dict[str, Any]]:
    """The facts of it."""
    facts = (await desk.get("/api/episodes/E1")).json()["facts"]
    return [one["value"] for one in facts if one["type"] == "care.benefits-told.v1"]


async def test_what_a_payer_said_and_a_price_are_kept_and_shown(desk: Desk, nobody: Browser) -> None:
    await desk.leaves_the_ward("E1")
    assert (await desk.post("/api/episodes/E1/benefits", SAID, role="reviewer")).status_code == 200
    assert (await desk.post("/api/episodes/E1/price", {"program": "GH-PHP1"}, role="billing")).status_code == 200
    benefits, price = await told(desk)
    assert [benefits[name] for name in ("payer", "level", "source", "on", "reference")] == [
        "ACME", "php", "telephone", "2026-05-03", "call-9",
    ]  # fmt: skip
    assert {one["item"]: one["value"] for one in price["says"]} == {"price": "420.00", "currency": "USD", "per": "day"}
    assert (price["program"], price["source"], price["on"]) == ("GH-PHP1", "program-table", "2026-05-04")
    await nobody.enter(token("billing"))
    page = await nobody.open("/patients/patient-E1")
    text = " ".join(re.sub(r"<[^>]+>", " ", page.text).split())
    for words in ("Benefits by Acme Health Plan", "copay: 40.00", "said Sun 3 May, telephone", "420.00"):
        assert words in text


async def test_only_what_the_site_has_and_what_has_been_said(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    for path, body, status in (
        ("benefits", SAID | {"payer": "NOBODY"}, 422),
        ("benefits", SAID | {"on": "2026-05-06"}, 409),
        ("benefits", SAID | {"says": [{"item": "copay", "value": "forty dollars, said Mary"}]}, 422),
        ("price", {"program": "GH-3W"}, 422),
        ("price", {"program": "NONE"}, 422),
    ):
        assert (await desk.post(f"/api/episodes/E1/{path}", body)).status_code == status, body
    assert await told(desk) == []
