"""The follow-up desk: aftercare's worklists as a page, with every POST of the API as a form on the row (contract 6).

No rule is decided here; shared/web/form_posts.py has how forms are handled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.routing import BaseRoute, Route

from services.aftercare.desk import wording, worklists, writes
from services.aftercare.desk.follow_ups import READERS
from services.aftercare.desk.patient import PATIENT, PatientPart, place
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
    """The frame of the desk's pages. `intake`: the origin at which browsers ask for patients' names; None: nowhere."""
    return Pages("Follow-up desk", intake, wording.DONE)


def routes(
    database: Database, rules: Rules, frame: Pages, lists: Sequence[Worklist] = WORKLISTS
) -> Sequence[BaseRoute]:
    """The desk's page at `/`, sign-in and sign-out, and a form's address for every write of the API."""
    desk = Desk(database, rules.clock, rules.site, frame, FollowUps(rules, lists))
    part = PatientPart(database, rules, frame)
    filters, shown = FILTERS | {PATIENT}, part.or_else(desk.page)
    acts = Acts(frame, writes.door(database, rules), rules.site, filters, shown, place=place)
    home = Route("/", frame.page(desk.shown), methods=["GET"])
    return [home, *part.routes(), *acts.routes(WRITES), *frame.routes()]


class FollowUps:
    """Aftercare's worklists and their rows for the shared desk page (shared/web/desk.py, `Source`)."""

    readers = READERS
    filters = FILTERS

    def __init__(self, rules: Rules, lists: Sequence[Worklist]) -> None:
        self.rules, self._lists = rules, lists

    def lists(self, who: Caller) -> Sequence[Listing]:  # noqa: ARG002 - every reader sees every list
        """All worklists; every reader sees every one."""
        return [
            Listing(one.name, one.title, one.hint, one.empty, one, one.urgent, one.tone, one.first)
            for one in self._lists
        ]

    async def count(self, connection: Connection, listing: Listing, look: Look) -> Counted:
        """How many rows a list has, and how many of them are urgent."""
        return await worklists.count(connection, listing.of, look)

    async def rows(self, connection: Connection, listing: Listing, look: Look) -> tuple[Sequence[Row], str | None]:
        """A page of rows, and the cursor of the next page; who saw which episode is audited (45 CFR 164.312(b), audit
        controls)."""
        found, following = await worklists.found(connection, listing.of, look)
        seen = [audit.Entry(look.at, look.who.subject, f"{listing.name}-looked-at", row.episode_id) for row in found]
        await audit.note(connection, seen)
        zone, able = self.rules.site.zone, may(look.who, WRITERS)
        return [row_of(row, Now(look.at, zone(row.facility)), may_act=able) for row in found], following

    async def closer(
        self,
        connection: Connection,  # noqa: ARG002
        look: Look,  # noqa: ARG002
        asked: Mapping[str, str],  # noqa: ARG002
    ) -> Sequence[Section]:
        """Empty: this desk has no views other than lists."""
        return ()
