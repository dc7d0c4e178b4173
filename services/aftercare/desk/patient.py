"""GET /patients/{patient_id}/part: what aftercare has of one patient, with its acts, for the patient's page. Every look
is audited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.aftercare.desk import showing
from services.aftercare.desk.follow_ups import READERS
from services.aftercare.desk.rows import Now, row_of
from services.aftercare.desk.writes import WRITERS
from services.aftercare.engine import views
from services.aftercare.engine.apply import Rules
from services.aftercare.worklists.listed import ListedRow, ListedWindow
from shared.site.needs import words_of
from shared.storage import audit
from shared.storage.database import Database
from shared.web.auth import Caller
from shared.web.desk import may, with_open
from shared.web.forms import Refused
from shared.web.listing import Listing, Section
from shared.web.pages import Notice, Pages
from shared.web.patient_parts import rendered, shown

SECTIONS: Mapping[str, str] = {
    "risk": "Risks",
    "follow-up": "Follow-ups",
    "plan": "Calls and plan",
    "appointment": "Appointments",
    "referral": "Referrals",
    "contact": "Contacts",
    "leftover": "Left by a merge",
}
"""Kind of an entry → title of its section, in the order of the part."""


class PatientPart:
    """The part, made of the entries of all kinds in the frame of the desk's pages."""

    def __init__(self, database: Database, rules: Rules, frame: Pages) -> None:
        self.database, self.rules, self.frame = database, rules, frame

    def routes(self) -> Sequence[BaseRoute]:
        """Its address."""
        page = self.frame.page(shown(self.part, READERS))
        return [Route("/patients/{patient_id}/part", page, methods=["GET"])]

    async def part(
        self,
        request: Request,
        who: Caller,
        patient_id: str,
        notice: Notice | None = None,
        refused: Refused | None = None,
    ) -> Response:
        """The part of one patient, a notice on top, and a refused form open at its row. Of an unknown patient and
        of one out of scope it says alike that there is nothing."""
        now = self.rules.clock()
        async with self.database.begin() as connection:
            rows = [] if "\0" in patient_id else await views.of_patient(connection, patient_id, who.scope)
            seen = await showing.seen_by(connection, who.scope, rows)
            episodes = dict.fromkeys(row.episode_id for row in seen)
            looks = [audit.Entry(now, who.subject, "patient-looked-at", episode) for episode in episodes]
            await audit.note(connection, looks)
        sections = self._sections(seen, who)
        told = {
            "heading": "Aftercare",
            "empty": "Aftercare has nothing of this patient.",
            "sections": with_open(sections, refused) if refused else sections,
        }
        return rendered(self.frame, request, who, patient_id, told, notice=notice, refused=refused)

    def _sections(self, rows: Sequence[ListedRow], who: Caller) -> list[Section]:
        now, zone, able = self.rules.clock(), self.rules.site.zone, may(who, WRITERS)
        found, needs = [], words_of(self.rules.site.needs)
        for kind, title in SECTIONS.items():
            mine = [row for row in rows if (isinstance(row, ListedWindow) and kind == "follow-up") or _is(row, kind)]
            drawn = [row_of(row, Now(now, zone(row.facility), needs=needs), may_act=able) for row in mine]
            if drawn:
                found.append(Section(Listing(kind, title, "", "", None), drawn, len(drawn)))
        return found


def _is(row: ListedRow, kind: str) -> bool:
    return not isinstance(row, ListedWindow) and row.kind == kind
