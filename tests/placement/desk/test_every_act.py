"""Every write of placement's API has a form on a page, shown to the roles that may do it and to nobody else."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from services.placement.desk.page.desk import WRITES
from services.placement.timers import state_reviews
from shared.roles import ROLES
from shared.web.form_posts import address
from tests.browsing import Browser, Page
from tests.builders import a_story, admitted, covered, referred
from tests.placement.desk.conftest import DAY, Desk, token
from tests.placement.desk.patient.lived import a_long_way, on_the_ward
from tests.placement.desk.stories import at_the_program, says, ward_and_back
from tests.placement.merging import Intake

HERE = "/patients/patient-E1"
ID = "[^/?]+"


class Situation(NamedTuple):
    """What has happened to a patient, and the writes that are then possible on the page."""

    tell: Callable[[Desk], Awaitable[object]]
    possible: tuple[str, ...]
    compare: bool = False
    """On the page of the programs for the search, instead of the patient's."""


async def _leaves(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")


async def _is_still_there(desk: Desk) -> None:
    await desk.is_admitted("E1", "GH-3W", "inpatient", "2026-05-01 10:00")
    assert (await desk.post("/api/episodes/E1/discharge-planned", {})).status_code == 200
    assert (await desk.post("/api/episodes/E1/ready-for-step", {"waiting_for": "bed"})).status_code == 200


async def _is_offered(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    await desk.offers("E1", "GH-PHP1")


async def _is_declined(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    [offer] = await desk.offers("E1", "GH-PHP1")
    await desk.post(f"/api/offers/{offer}/declined", {"reason": "no-capacity"})


async def _is_not_looked_for(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    await desk.post(f"/api/searches/{(await desk.search('E1'))['search_id']}/closed", {"reason": "no-program"})


async def _is_placed(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    await desk.places("E1")
    desk.clock.forward(timedelta(days=4))


async def _did_not_come(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    placement = await desk.places("E1")
    desk.clock.forward(timedelta(days=4))
    assert (await desk.post(f"/api/placements/{placement}/start-missed", role="program")).status_code == 200


async def _confirmed_the_handover(desk: Desk) -> None:
    await says(desk, await at_the_program(desk), "received")


async def _is_on_leave(desk: Desk) -> None:
    await says(desk, await at_the_program(desk), "leave-started", at="2026-05-12T09:00:00Z", kind="therapeutic")


async def _has_ended(desk: Desk) -> None:
    await says(desk, await at_the_program(desk), "completed", date="2026-05-12", reason="goals-met")


async def _has_a_seat_kept_and_waits(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    search = (await desk.search("E1"))["search_id"]
    kept = {"episode_id": "E1", "program": "GH-PHP1", "from": f"{DAY}T10:00:00Z", "until": "2026-05-09T10:00:00Z"}
    assert (await desk.post("/api/seats", kept)).status_code == 201
    assert (await desk.post("/api/waitlist", {"search_id": search, "program": "GH-PHP-YOUTH"})).status_code == 201


async def _finds_a_program_full(desk: Desk) -> None:
    for number in range(10):
        await desk.is_admitted(f"A{number}", "GH-PHP-YOUTH")
    await desk.leaves_the_ward("E1")


async def _a_payer_is_asked(desk: Desk) -> None:
    await on_the_ward(desk)
    asked = {"episode_id": "E1", "payer": "ACME", "level": "php", "unit": "day", "from": DAY, "to": DAY}
    assert (await desk.post("/api/authorizations", asked)).status_code == 201


async def _ward_and_back(desk: Desk) -> None:
    await ward_and_back(desk, attended=True)


async def _a_review_is_due(desk: Desk) -> None:
    """A stay of a payer that wants a signature at the admission."""
    named: dict[str, Any] = {"episode": "E1", "patient_id": "patient-E1"}
    told = covered("2026-05-04 07:30", effective="2026-05-01", payer="MEDICARE", **named)
    await desk.feed.bring(*a_story(admitted("2026-05-04 07:00", **named), told))
    await state_reviews(desk.feed.database, desk.feed.rules, clock=desk.clock, ids=desk.feed.ids)


async def _a_merge_left_something(desk: Desk) -> None:
    """The payer is asked while another patient's record counts here, and the two are two again."""
    intake, hour = Intake(), timedelta(hours=1)
    own = referred("2026-05-01 09:00", episode="E1", patient_id="patient-E1")
    await desk.feed.bring(*intake.says(own), *intake.stays("R", admitted("2026-05-01 10:00")))
    await desk.feed.bring(*intake.merges("R", "E1", survivor="patient-E1", recorded_at=desk.clock().isoformat()))
    desk.clock.forward(hour)
    asked = {"episode_id": "E1", "payer": "ACME", "level": "php", "unit": "day", "from": DAY, "to": DAY}
    assert (await desk.post("/api/authorizations", asked)).status_code == 201
    desk.clock.forward(hour)
    await desk.feed.bring(*intake.unmerges("R", "E1", recorded_at=desk.clock().isoformat()))


PLACEMENTS, OFFERS, EPISODES = "/api/placements/{id}", "/api/offers/{id}", "/api/episodes/{id}"
AUTHORIZATIONS = "/api/authorizations/{id}"
SITUATIONS: dict[str, Situation] = {
    "leaves the ward": Situation(
        _leaves,
        (
            "/api/searches/{id}/needs", "/api/searches/{id}/closed", "/api/seats", "/api/authorizations",
            f"{EPISODES}/plan", f"{EPISODES}/certified", f"{EPISODES}/assessed", f"{EPISODES}/covered",
            f"{EPISODES}/benefits", f"{EPISODES}/price",
            f"{EPISODES}/medication",
            f"{EPISODES}/assigned", f"{EPISODES}/agreed", f"{EPISODES}/declined", f"{EPISODES}/ended",
        ),
    ),
    "is still there": Situation(
        _is_still_there,
        (
            "/api/searches",
            *(
                f"{EPISODES}/{each}"
                for each in (
                    "discharge-planned", "discharge-plan-cancelled", "ready-for-step", "ready-for-step-withdrawn"
                )
            ),
        ),
    ),
    "programs are compared": Situation(_finds_a_program_full, ("/api/offers", "/api/seats", "/api/waitlist"), True),
    "is offered": Situation(
        _is_offered, tuple(f"{OFFERS}/{each}" for each in ("accepted", "declined", "countered", "withdrawn"))
    ),
    "is declined": Situation(_is_declined, (f"{OFFERS}/reopened",)),
    "is looked for no more": Situation(_is_not_looked_for, ("/api/searches",)),
    "is placed": Situation(
        _is_placed,
        tuple(
            f"{PLACEMENTS}/{each}" for each in ("started", "start-missed", "first-day", "received", "cancelled")
        ),
    ),
    "confirmed the handover": Situation(_confirmed_the_handover, (f"{PLACEMENTS}/received-withdrawn",)),
    "did not come": Situation(_did_not_come, (f"{PLACEMENTS}/start-missed-withdrawn",)),
    "is in a program": Situation(
        a_long_way,
        (
            *(
                f"{PLACEMENTS}/{each}"
                for each in ("completed", "discontinued", "leave-started", "started-corrected", "diagnosed")
            ),
            "/api/sessions", "/api/sessions/{id}/corrected", "/api/sessions/{id}/withdrawn",
            *(f"{AUTHORIZATIONS}/{each}" for each in ("extended", "requested", "ended")),
        ),
    ),
    "is on leave": Situation(_is_on_leave, (f"{PLACEMENTS}/leave-ended", f"{PLACEMENTS}/start-withdrawn")),
    "has ended": Situation(_has_ended, (f"{PLACEMENTS}/end-corrected", f"{PLACEMENTS}/end-withdrawn")),
    "has a seat kept and waits": Situation(
        _has_a_seat_kept_and_waits, ("/api/seats/{id}/released", "/api/waitlist/{id}/left")
    ),
    "a payer is asked": Situation(
        _a_payer_is_asked, tuple(f"{AUTHORIZATIONS}/{each}" for each in ("approved", "pended", "denied"))
    ),
    "a review is due": Situation(_a_review_is_due, ("/api/reviews/{id}/done",)),
    "a merge left something": Situation(
        _a_merge_left_something, ("/api/leftovers/{id}/stays", "/api/leftovers/{id}/goes-back")
    ),
    "contradicts itself": Situation(_ward_and_back, ("/api/conflicts/{id}/settled",)),
}  # fmt: skip
ACTS = {write.path: {*write.roles, "admin"} for write in WRITES}


def test_no_write_is_without_a_place_on_a_page() -> None:
    placed = {path for one in SITUATIONS.values() for path in one.possible}
    assert placed == ACTS.keys(), "each of the API's writes is on a page in one of these situations"


async def page_of(browser: Browser, one: Situation) -> tuple[Page, set[str]]:
    """The page, and the addresses of its forms; those of a table are asked for by their own address."""
    if not one.compare:
        shown = await browser.open(HERE)
        return shown, set(re.findall(r'<form method="post" action="([^"]+)"', shown.text))
    listed = await browser.open("/", list="searches")
    [link] = set(re.findall(r'href="(/\?search=[^"]+)"', listed.text)) or {""}
    if not link:
        return listed, set()
    shown = await browser.follow(link)
    found = set(re.findall(r'<form method="post" action="([^"]+)"', shown.text))
    for to in set(re.findall(r'class="button act[^"]*"[^>]* href="([^"#]+open=[^"#]+)#', shown.text)):
        opened = (await browser.follow(to.replace("&amp;", "&"))).opened
        assert opened is not None
        found.add(opened.address)
    return shown, found


@pytest.mark.parametrize("name", SITUATIONS)
async def test_each_role_sees_its_acts_where_they_are_possible_and_no_other(
    nobody: Browser, desk: Desk, name: str
) -> None:
    one = SITUATIONS[name]
    await one.tell(desk)
    for role in ROLES:
        await nobody.enter(token(role))
        shown, addresses = await page_of(nobody, one)
        found = {path for path in ACTS if any(_is_of(path, each) for each in addresses)}
        if shown.status == 403:
            assert role in {"hospital", "identity", "interface"}
        elif shown.status == 200:
            assert (role, found & {*one.possible}) == (role, {path for path in one.possible if role in ACTS[path]})
        assert [path for path in found if role not in ACTS[path]] == [], role
        await nobody.open("/sign-out")


def _is_of(path: str, sent_to: str) -> bool:
    return re.fullmatch(address(path).replace("{id}", ID), sent_to) is not None
