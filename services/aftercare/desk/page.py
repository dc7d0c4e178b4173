"""The follow-up desk: aftercare's worklists as a page, with every POST of the API as a form on the row (contract 6).

No rule is decided here; shared/web/form_posts.py has how forms are handled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.routing import BaseRoute, Route

from services.aftercare.desk import views, wording, worklists, writes
from services.aftercare.desk.follow_ups import READERS
from services.aftercare.desk.marks import AftercareLists
from services.aftercare.desk.patient import PatientPart
from services.aftercare.desk.rows import Now, row_of
from services.aftercare.desk.writes import WRITERS, WRITES
from services.aftercare.engine.apply import Rules
from services.aftercare.worklists.lists import WORKLISTS, Worklist
from shared.scope import Scope
from shared.site.needs import words_of
from shared.storage import audit, list_counts
from shared.storage.database import Connection, Database
from shared.web import dead_letters
from shared.web.auth import Caller
from shared.web.dead_letters import WithDeadLetters
from shared.web.desk import FILTERS, Desk, Fetched, Look, OnlyLists, may
from shared.web.form_posts import Acts
from shared.web.listing import Counted, Listing
from shared.web.many import DONE, ManyForms
from shared.web.marks import ACTS
from shared.web.pages import Pages
from shared.web.patient_parts import PATIENT, or_else, place
from shared.web.tables import NOTHING_ASKED, shared_work


def pages() -> Pages:
    """The frame of the desk's pages."""
    return Pages("Follow-up desk", {**dead_letters.DONE, **wording.DONE, **DONE}, "aftercare")


def routes(
    database: Database, rules: Rules, frame: Pages, lists: Sequence[Worklist] = WORKLISTS
) -> Sequence[BaseRoute]:
    """The desk's page at `/`, sign-in and sign-out, and a form's address for every write of the API."""
    desk = Desk(database, rules.clock, rules.site, frame, WithDeadLetters(FollowUps(rules, lists)))
    part = PatientPart(database, rules, frame)
    filters, shown = FILTERS | {PATIENT}, or_else(part.part, desk.page)
    acts = Acts(frame, writes.door(database, rules), rules.site, filters, shown, place=place)
    own = [
        Route("/", frame.page(desk.shown), methods=["GET"]),
        Route("/rail", frame.part(desk.rail), methods=["GET"]),
    ]
    many = ManyForms(desk, AftercareLists(rules, lists))
    inside = [*many.routes(), *part.routes()]
    return [*own, *inside, *acts.routes(WRITES), *dead_letters.routes(desk), *frame.routes()]


class FollowUps(OnlyLists):
    """Aftercare's worklists and their rows for the shared desk page (shared/web/desk.py, `Source`)."""

    readers = READERS
    takers = WRITERS
    filters = FILTERS

    def __init__(self, rules: Rules, lists: Sequence[Worklist]) -> None:
        self.rules, self._lists = rules, lists

    def lists(self, who: Caller) -> Sequence[Listing]:  # noqa: ARG002 - every reader sees every list
        """All worklists; every reader sees every one."""
        return [
            Listing(
                one.name, one.title, one.hint, one.empty, one, one.urgent, one.tone, one.first, group=one.group,
                table=shared_work(one.table), bulk=ACTS,
            )
            for one in self._lists
        ]  # fmt: skip

    def options(self, who: Caller, scope: Scope) -> Mapping[str, Mapping[str, str]]:  # noqa: ARG002
        """Empty: aftercare's lists are filtered by facility and by what is overdue."""
        return {}

    async def counts(
        self, connection: Connection, lists: Sequence[Listing], look: Look, chosen: Listing | None = None
    ) -> Mapping[str, Counted]:
        """The counts of all lists, by one query."""
        plain = look._replace(asked=NOTHING_ASKED)
        queries = [
            views.tally(each.name, each.of.of, worklists.question(each.of, look if each is chosen else plain))
            for each in lists
        ]
        told = await list_counts.counted(connection, queries)
        found = {name: Counted(one.total, one.late) for name, one in told.items()}
        if chosen is not None:
            one = told[chosen.name]
            found[chosen.name] = Counted(one.total, one.late, one.found, one.ahead)
        return found

    async def rows(self, connection: Connection, listing: Listing, look: Look) -> Fetched:
        """A page of rows; who saw which episode is audited (45 CFR 164.312(b), audit controls)."""
        [found] = await self.firsts(connection, [(listing, look)])
        return found

    async def firsts(self, connection: Connection, asked: Sequence[tuple[Listing, Look]]) -> Sequence[Fetched]:
        """The same of several lists, for one reader."""
        if not asked:
            return []
        who, at = asked[0][1].who, asked[0][1].at
        pages = await worklists.pages_of(connection, [(each.of, look) for each, look in asked], who.scope)
        listed = [(each.name, row) for (each, _), page in zip(asked, pages, strict=True) for row in page.rows]
        seen = [audit.Entry(at, who.subject, f"{name}-looked-at", row.episode_id) for name, row in listed]
        await audit.note(connection, seen)
        able = may(who, WRITERS)
        return [
            Fetched([row_of(row, self._now(look, row.facility), may_act=able) for row in page.rows], *page.ends)
            for (_, look), page in zip(asked, pages, strict=True)
        ]

    def _now(self, look: Look, facility: str) -> Now:
        site = self.rules.site
        known = site.facility(facility)
        title, needs = known.title if known else facility, words_of(site.needs)
        return Now(look.at, site.zone(facility), look.zone, title, look.team, needs)
