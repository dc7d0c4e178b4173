"""`stepdown demo --serve` ends in the middle of a day's work: every list of every desk has something true in it."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from services.aftercare.worklists.lists import WORKLISTS as AFTERCARE
from services.intake.desk.lists import LISTS as INTAKE
from services.placement.worklists.lists import WORKLISTS as PLACEMENT
from tests.browsing import Browser, Page
from tests.pictures import a_demo

pytestmark = pytest.mark.slow
LISTS = {
    "placement": [one.name for one in PLACEMENT if one.title and one.name != "handovers-open"],
    "aftercare": [one.name for one in AFTERCARE],
    "intake": [one.listing.name for one in INTAKE if not one.listing.page and one.listing.name != "silent"],
}
"""Those that are lists of entries. A demo is younger than the hours that a feed may be silent, or a program may take to
confirm a handover: nobody was placed before it."""


@pytest.mark.timeout(600)
async def test_every_list_of_every_desk_has_somebody_or_something_in_it(tmp_path: Path) -> None:
    empty, shown = [], 0
    with a_demo(tmp_path / "demo") as system:
        async with httpx.AsyncClient(base_url=system.ready["desk"], timeout=60) as client:
            await Browser(client).sign_in(system.ready["tokens"]["admin"])
            for desk, names in LISTS.items():
                for name in names:
                    page = Page(await client.get(f"/{desk}/", params={"list": name}))
                    assert page.status == 200, name
                    rows = len(re.findall(r'<tr class="row"', page.text))
                    shown += rows
                    empty += [] if rows else [f"{desk}: {name}"]
        assert await system.broken() == [], "what is in them is as promised"
    assert empty == []
    assert shown > 100
