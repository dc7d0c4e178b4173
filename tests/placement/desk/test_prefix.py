"""The coordinators' desk behind the front door: what its pages say leads to `/placement/…`."""

from __future__ import annotations

import re

import httpx

from tests.browsing import Browser
from tests.placement.desk.conftest import Desk, token
from tests.plumbing.test_prefix import ADDRESSES

PHP = "Adult partial hospitalization"
RANKED = "has a seat from"


async def test_an_offer_is_sent_by_links_and_forms_that_all_stay_below_the_prefix(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    await desk.leaves_the_ward("E1")
    browser = Browser(client, "/placement")
    await browser.enter(token("coordinator"))
    listed = await browser.open("/", list="searches")
    link = re.search(r'href="(/placement/\?search=[^"]+)"', listed.text)
    assert link
    search = await browser.follow(link[1])
    refused = await browser.press(search, f"{PHP} + {RANKED}", "Send an offer", start_date="someday")
    assert refused.status == 422
    sent = await browser.press(refused, f"{PHP} + {RANKED}", "Send an offer", start_date="2026-05-06")
    assert sent.notice == "The offer is sent"
    assert sent.address == link[1]
    for page in (listed, search, refused, sent):
        found = [each for each in ADDRESSES.findall(page.text) if not each.startswith("#")]
        assert len(found) > 10
        assert {each for each in found if not each.startswith("/placement/")} == {"/intake/find"}
