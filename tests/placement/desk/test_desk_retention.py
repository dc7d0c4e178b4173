"""What a desk keeps of who had an entry and who uses it goes when the site's days are over."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from services.placement.rules import Rules
from services.placement.timers import timers
from shared import retention
from shared.clock import SetClock
from shared.desk_retention import of_a_desk
from shared.ids import new_id
from shared.site.limits import Retention
from shared.storage.database import Database
from shared.storage.desk_tables import desk_people, entry_marks
from shared.storage.tables import audit
from tests.browsing import Browser
from tests.placement.desk.conftest import Desk, token

LIST = "/api/worklists/searches-open"


async def left(database: Database) -> tuple[list[str], list[str]]:
    """The entries that have a mark, and the people who use the desk."""
    async with database.read() as connection:
        marks = (await connection.execute(sa.select(entry_marks.c.id).order_by(entry_marks.c.id))).scalars().all()
        people = (await connection.execute(sa.select(desk_people.c.subject).order_by("subject"))).scalars().all()
    return list(marks), list(people)


async def test_after_the_site_s_days_an_entry_is_nobody_s_again_and_who_did_not_come_is_forgotten(
    desk: Desk, nobody: Browser, database: Database, clock: SetClock, rules: Rules
) -> None:
    await desk.leaves_the_ward("E1", "E2", "E3")
    taken, later, snoozed = [(await desk.search(episode))["search_id"] for episode in ("E1", "E2", "E3")]
    assert (await desk.post(f"{LIST}/{taken}/taken")).status_code == 200
    asked = {"until": (clock() + timedelta(days=20)).date().isoformat(), "reason": "waiting-for-payer"}
    given = await desk.post(f"{LIST}/{snoozed}/snoozed", asked)
    assert given.status_code == 200, given.text
    await nobody.enter(token("clinician"))
    await nobody.open("/")
    clock.forward(timedelta(days=30))
    assert (await desk.post(f"{LIST}/{later}/taken")).status_code == 200
    assert await left(database) == (sorted([taken, later, snoozed]), ["a-clinician", "a-coordinator"])

    kinds = of_a_desk(Retention(desk_days=40))
    clock.forward(timedelta(days=11))
    assert await retention.due(database, kinds, clock()) == {"entry-marks": 1, "desk-people": 1}
    gone = await retention.delete_old(database, kinds, at=clock(), actor="retention")
    assert gone == {"entry-marks": 1, "desk-people": 1}
    assert await left(database) == (sorted([later, snoozed]), ["a-coordinator"]), "who came since, and what is younger"
    async with database.read() as connection:
        noted = sa.select(audit.c.subject).where(audit.c.action == "retention")
        assert set((await connection.execute(noted)).scalars()) >= {"entry-marks", "desk-people"}


async def test_a_timer_of_the_service_does_so(desk: Desk, database: Database, clock: SetClock, rules: Rules) -> None:
    await desk.leaves_the_ward("E1")
    assert (await desk.post(f"{LIST}/{(await desk.search('E1'))['search_id']}/taken")).status_code == 200
    [timer] = [
        each
        for each in timers(database, rules, clock=clock, ids=lambda: new_id(clock()))
        if each.name == "placement-desk-retention"
    ]
    clock.forward(timedelta(days=rules.site.retention.desk_days - 1))
    await timer.work()
    assert len((await left(database))[0]) == 1
    clock.forward(timedelta(days=2))
    await timer.work()
    assert await left(database) == ([], [])
