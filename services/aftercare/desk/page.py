"""The follow-up desk: aftercare's lists on a page, and every move of the API as a form on its row (contract 6).

It decides nothing: see shared/web/form_posts.py for what its forms do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.routing import BaseRoute, Route

from services.aftercare.desk import wording, worklists, writes
from services.aftercare.desk.follow_ups import READERS
from services.aftercare.desk.rows import Now, row_of
from services.aftercare.desk.writes import WRITERS, WRITES
from services.aftercare.engine.apply import Rules
from services.aftercare.worklists.lists import WORKLISTS, Worklist
from shared.storage import audit
from shared.storage.database import Connection, Database
from shared.web.auth import Caller
from shared.web.desk import FILTERS, Counted, Desk, Listing, Look, Row, Section, may
from shared.web.form_posts import Acts
from shared.web.pages import Pages


def pages(intake: str | None) -> Pages:
    """The desk's frame; `intake`: where browsers ask who patients are."""
    return Pages("Follow-up desk", intake, wording.DONE)


def routes(
    database: Database, rules: Rules, frame: Pages, lists: Sequence[Worklist] = WORKLISTS
) -> Sequence[BaseRoute]:
    """`/`, sign-in, and a form's address for every write of the API."""
    desk = Desk(database, rules.clock, rules.site, frame, FollowUps(rules, lists))
    acts = Acts(frame, writes.door(database, rules), rules.site, FILTERS, desk.page)
    return [Route("/", frame.page(desk.shown), methods=["GET"]), *acts.routes(WRITES), *frame.routes()]


class FollowUps:
    """What aftercare gives to its desk."""

    readers = READERS
    filters = FILTERS

    def __init__(self, rules: Rules, lists: Sequence[Worklist]) -> None:
        self.rules, self._lists = rules, lists

    def lists(self, who: Caller) -> Sequence[Listing]:  # noqa: ARG002 - every reader sees every list
        """Every list."""
        return [
            Listing(one.name, one.title, one.hint, one.empty, one, one.urgent, one.tone, one.first)
            for one in self._lists
        ]

    async def count(self, connection: Connection, listing: Listing, look: Look) -> Counted:
        """How many a list has."""
        return await worklists.count(connection, listing.of, look)

    async def rows(self, connection: Connection, listing: Listing, look: Look) -> tuple[Sequence[Row], str | None]:
        """The rows, and the cursor behind them; who saw whose is noted (45 CFR 164.312(b), audit controls)."""
        found, following = await worklists.found(connection, listing.of, look)
        seen = [audit.Entry(look.at, look.who.subject, f"{listing.name}-looked-at", row["episode_id"]) for row in found]
        await audit.note(connection, seen)
        zone, able = self.rules.site.zone, may(look.who, WRITERS)
        return [row_of(row, Now(look.at, zone(row["facility"])), may_act=able) for row in found], following

    async def closer(
        self,
        connection: Connection,  # noqa: ARG002
        look: Look,  # noqa: ARG002
        asked: Mapping[str, str],  # noqa: ARG002
    ) -> Sequence[Section]:
        """There is nothing but lists."""
        return ()
