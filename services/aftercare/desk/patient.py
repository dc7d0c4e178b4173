"""GET /patients/{patient_id}/part: what aftercare has of one patient, with its acts, for the patient's page. Every look
is audited.

Asked for by a script (htmx names itself in `HX-Request`) it is a fragment, else a page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

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
from shared.storage import audit
from shared.storage.database import Database
from shared.web import requests
from shared.web.auth import Caller
from shared.web.desk import Listing, Section, may, with_open
from shared.web.form_posts import Shown
from shared.web.forms import Refused
from shared.web.pages import Notice, Pages
from shared.web.sessions import page_caller

PATIENT = "patient"
"""The parameter by which a form says on whose page it was."""
SECTIONS: Mapping[str, str] = {
    "risk": "Risks",
    "follow-up": "Follow-ups",
    "plan": "Calls and plan",
    "appointment": "Appointments",
    "referral": "Referrals",
    "contact": "Contacts",
}
"""Kind of an entry → title of its section, in the order of the part."""


class PatientPart:
    """The part, made of the entries of all kinds in the frame of the desk's pages."""

    def __init__(self, database: Database, rules: Rules, frame: Pages) -> None:
        self.database, self.rules, self.frame = database, rules, frame

    def routes(self) -> Sequence[BaseRoute]:
        """Its address."""
        return [Route("/patients/{patient_id}/part", self.frame.page(self._shown), methods=["GET"])]

    def or_else(self, other: Shown) -> Shown:
        """The page that a refused form was on: this one where the form says so, else `other`."""

        async def shown(
            request: Request, who: Caller, asked: Mapping[str, str], notice: Notice | None, refused: Refused | None
        ) -> Response:
            if PATIENT not in asked:
                return await other(request, who, asked, notice, refused)
            return await self.part(request, who, asked[PATIENT], notice, refused)

        return shown

    async def _shown(self, request: Request) -> Response:
        """Raises NotSignedIn, 403 and 422 Problems. Of an unknown patient and of one out of scope it says alike that
        there is nothing."""
        who = page_caller(request, *READERS)
        requests.parameters(request, ())
        return await self.part(request, who, request.path_params["patient_id"])

    async def part(
        self,
        request: Request,
        who: Caller,
        patient_id: str,
        notice: Notice | None = None,
        refused: Refused | None = None,
    ) -> Response:
        """The part of one patient, a notice on top, and a refused form open at its row."""
        now = self.rules.clock()
        async with self.database.begin() as connection:
            rows = [] if "\0" in patient_id else await views.of_patient(connection, patient_id, who.scope)
            seen = await showing.seen_by(connection, who.scope, rows)
            episodes = dict.fromkeys(row.episode_id for row in seen)
            looks = [audit.Entry(now, who.subject, "patient-looked-at", episode) for episode in episodes]
            await audit.note(connection, looks)
        sections = self._sections(seen, who)
        given: dict[str, Any] = {
            "who": who,
            "patient_id": patient_id,
            "heading": "Aftercare",
            "empty": "Aftercare has nothing of this patient.",
            "sections": with_open(sections, refused) if refused else sections,
            "whole": "hx-request" not in request.headers,
            "base": request.scope.get("root_path", ""),
            "back": urlencode({PATIENT: patient_id}),
            "here": address(request, patient_id) if refused else "",
        }
        said = {"notice": notice} if notice else {}
        return self.frame.render(request, "part.html", notice.status if notice else 200, **given, **said)

    def _sections(self, rows: Sequence[ListedRow], who: Caller) -> list[Section]:
        now, zone, able = self.rules.clock(), self.rules.site.zone, may(who, WRITERS)
        found = []
        for kind, title in SECTIONS.items():
            mine = [row for row in rows if (isinstance(row, ListedWindow) and kind == "follow-up") or _is(row, kind)]
            drawn = [row_of(row, Now(now, zone(row.facility)), may_act=able) for row in mine]
            if drawn:
                found.append(Section(Listing(kind, title, "", "", None), drawn, len(drawn)))
        return found


def _is(row: ListedRow, kind: str) -> bool:
    return not isinstance(row, ListedWindow) and row.kind == kind


def address(request: Request, patient_id: str) -> str:
    """The address of a patient's part."""
    return f"{request.scope.get('root_path', '')}/patients/{quote(patient_id, safe='')}/part"


def place(request: Request, back: Mapping[str, str]) -> str:
    """Where a form leads back to: the patient's page behind the front door, else the part itself; the lists where the
    form was on these."""
    if PATIENT not in back:
        return f"{request.scope.get('root_path', '')}/" + (f"?{urlencode(back)}" if back else "")
    if request.scope.get("root_path"):
        return f"/placement/patients/{quote(back[PATIENT], safe='')}"
    return address(request, back[PATIENT])
