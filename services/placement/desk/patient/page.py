"""GET /patients/{patient_id}, a patient's page, and GET /episodes/{id}, which leads to it; every look is audited.

Its forms are those of the lists' rows, and come back to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.placement.continuum import codec
from services.placement.continuum.model import FOLD_VERSION
from services.placement.continuum.order import day_of
from services.placement.desk.frame import Parts
from services.placement.desk.marks import TAKERS
from services.placement.desk.patient import past, views
from services.placement.desk.patient.drawing import drawing
from services.placement.desk.patient.gather import EpisodeFile, PatientLook, gather
from services.placement.desk.patient.header import bills_of, consents_of, header, leaving_of
from services.placement.desk.patient.picture import PictureOf, in_words, picture
from services.placement.desk.patient.story import Telling, lines, newest_first
from services.placement.engine import views as episodes
from services.placement.engine.outcome import UNKNOWN
from services.placement.engine.views import Stored
from services.placement.worklists.lists import CARE, READERS, Worklist
from shared.facts.envelope import Fact
from shared.storage import audit
from shared.storage.database import Connection
from shared.web import paging, requests
from shared.web.at_work import at_work
from shared.web.auth import Caller
from shared.web.desk import may, team_of, with_open
from shared.web.form_posts import Shown
from shared.web.forms import Refused
from shared.web.listing import Listing, Section
from shared.web.pages import Notice, Pages
from shared.web.sessions import page_caller
from shared.web.telling import STATES
from shared.web.words import say

FILTERS = past.PARAMETERS | {"cursor", "episode", "open"}
"""Names of the parameters that the page's address may have."""
PATIENT = "patient"
"""The parameter by which a form says on whose page it was."""
BACK = frozenset({PATIENT, "episode"})
A_PAGE = 50
"""Lines of the story on one page."""
SECTIONS: Mapping[str, tuple[str, str]] = {
    "placement": ("Placements and stays at programs", "Those that wait for somebody stand above."),
    "session": ("Sessions", "Who came and who did not, the latest first."),
    "search": ("Searches", "What was looked for, and what came of it."),
    "offer": ("Offers", "Programs that were asked, and their answers."),
    "leaving": ("Leaving", "When the patient is expected to leave, and what is arranged."),
    "proposal": ("Steps up proposed", "A more intensive level that a referral or an assessment asks for."),
    "ready": ("Ready to step down", "What the patient waits for, who may leave and is still there."),
    "seat": ("Seats kept", "Seats that are kept without a placement."),
    "waiting": ("Waiting lists", "Programs that the patient waits for."),
    "authorization": ("Authorizations", "What payers were asked for and allowed, and what is used of it."),
    "review": ("Reviews", "What payers, physicians and plans want looked at, and what was done."),
    "plan": ("Plans, certifications, assessments", "Plans of treatment, and when each is looked at again."),
    "medication": ("Medication that goes on", "As it was handed over: the last dose, the next, days in hand."),
    "payers": ("Payers", "Who pays from which day on, the first of them first."),
    "episode": ("The episode", "Who is in charge, what the patient wants, and the end."),
    "conflict": ("Conflicts", "Facts that could not both be so."),
    "leftover": ("Left by a merge", "What was stated while two records were one, and hangs on neither now."),
    "ineffective": ("Told without effect", "What somebody said and cannot be so."),
}
"""Kind of an entry → title and hint of its section, in the order of the page."""


class PatientPage:
    """The page, made of `parts` in the frame of the desk's pages; `lists`: the worklists whose entries wait on it."""

    def __init__(self, parts: Parts, frame: Pages, lists: Sequence[Worklist]) -> None:
        self.parts, self.frame, self._lists = parts, frame, lists

    def routes(self) -> Sequence[BaseRoute]:
        """Both addresses."""
        return [
            Route("/patients/{patient_id}", self.frame.page(self._shown), methods=["GET"]),
            Route("/episodes/{id}", self.frame.page(self._of_episode), methods=["GET"]),
        ]

    def or_else(self, other: Shown) -> Shown:
        """The page that a form was on: this one where the form says so, else `other`."""

        async def shown(
            request: Request, who: Caller, asked: Mapping[str, str], notice: Notice | None, refused: Refused | None
        ) -> Response:
            if PATIENT not in asked:
                return await other(request, who, asked, notice, refused)
            return await self.page(request, who, asked, notice, refused)

        return shown

    async def _shown(self, request: Request) -> Response:
        """Raises NotSignedIn, 403, 404 and 422 Problems."""
        who = page_caller(request, *READERS)
        asked = requests.parameters(request, FILTERS)
        return await self.page(request, who, {**asked, PATIENT: request.path_params["patient_id"]})

    async def _of_episode(self, request: Request) -> Response:
        who = page_caller(request, *READERS)
        asked, name = requests.parameters(request, past.PARAMETERS | {"open"}), request.path_params["id"]
        async with self.parts.database.begin() as connection:
            await episodes.at_one_instant(connection)
            row = None if "\0" in name else await episodes.episode(connection, name)
            found = row and await self._found(connection, row, who, past.PastQuestion())
            row = (await _survivor(connection, row, who) or row) if row else None
        if row is None or found is None:
            raise _missing()
        return self.frame.lead(address(request, row.listed.patient_id, {**asked, "episode": row.listed.episode_id}))

    async def page(
        self,
        request: Request,
        who: Caller,
        asked: Mapping[str, str],
        notice: Notice | None = None,
        refused: Refused | None = None,
    ) -> Response:
        """The page of one patient (PATIENT) with these parameters, a notice on top, and a refused form open at its
        row."""
        question, patient_id = past.asked_for(asked), asked[PATIENT]
        async with self.parts.database.begin() as connection:
            await episodes.at_one_instant(connection)
            rows = await self._episodes(connection, patient_id, asked.get("episode"), who)
            if rows and "episode" not in asked and (survivor := await _survivor(connection, rows[0], who)):
                return self.frame.lead(address(request, survivor.listed.patient_id, _on(asked, survivor)))
            if not rows and (survivor := await _whose_now(connection, patient_id, who)):
                return self.frame.lead(address(request, survivor.listed.patient_id, _on(asked, survivor)))
            found = await self._found(connection, rows[0], who, question) if rows else None
            if found is None:
                raise _missing()
            now = self.parts.clock()
            await audit.note(
                connection, [audit.Entry(now, who.subject, "patient-looked-at", rows[0].listed.episode_id)]
            )
        given = self._given(found, who, asked, question) | {"episodes": [_episode(one, who) for one in rows]}
        given |= self._rows_of(found, refused or asked.get("open"))
        kept = {name: value for name, value in asked.items() if value and name not in {PATIENT, "open"}}
        back = {PATIENT: patient_id} | ({"episode": asked["episode"]} if "episode" in asked else {})
        own = {
            "who": who,
            "takes": may(who, TAKERS),
            "patient_id": patient_id,
            "episode_id": rows[0].listed.episode_id,
            "asked": kept,
            "past": question,
            "base": base(request),
            "here": address(request, patient_id, kept) if refused else "",
            "back": urlencode(back),
        }
        said = {"notice": notice} if notice else {}
        return self.frame.render(request, "patient.html", notice.status if notice else 200, **own, **given, **said)

    async def _episodes(
        self, connection: Connection, patient_id: str, episode: str | None, who: Caller
    ) -> list[Stored]:
        """The patient's episodes in the caller's scope, the one to show first: the one asked for, else the latest that
        is not over."""
        if "\0" in patient_id or (patient_id == UNKNOWN and episode is None):
            return []
        if patient_id == UNKNOWN:
            row = await episodes.episode(connection, episode or "")
            rows = [row] if row is not None and row.listed.patient_id == UNKNOWN else []
        else:
            rows = await views.of_patient(connection, patient_id)
        mine = [row for row in rows if who.scope.has_any(row.facilities)]
        mine.sort(
            key=lambda row: (row.listed.state not in _OVER, paging.at(row.listed.since) if row.listed.since else "")
        )
        mine.reverse()
        if episode is None:
            return mine
        first = [row for row in mine if row.listed.episode_id == episode]
        return [*first, *(row for row in mine if row not in first)] if first else []

    async def _found(
        self, connection: Connection, row: Stored, who: Caller, question: past.PastQuestion
    ) -> EpisodeFile | None:
        team = team_of((await at_work(connection, who, self.parts.clock())).people, who)
        return await gather(connection, row, PatientLook(self.parts, who, question, self._lists, team))

    def _given(
        self, found: EpisodeFile, who: Caller, asked: Mapping[str, str], question: past.PastQuestion
    ) -> dict[str, Any]:
        rules = self.parts.rules
        drawn = picture(PictureOf(found.part.folded, found.part.facts, rules, found.at, found.used))
        today = day_of(found.at, found.zone)
        telling = Telling(found.part.facts, found.part.folded, rules, today, found.actors, found.changes)
        told = newest_first(telling)
        if last := paging.behind(dict(asked), 2):
            before = next((place for place, fact in enumerate(told) if fact.id == last[1]), None)
            if before is None:
                raise paging.no_cursor()
            told = told[before + 1 :]
        page, following = paging.page(told[: A_PAGE + 1], A_PAGE, _place)
        return {
            "header": header(found, rules),
            "drawn": drawing(drawn, found.zone, say("today") if question.now else say("then")),
            "table": in_words(drawn),
            "in_zone": found.zone,
            "at": found.at,
            "story": lines(telling, page),
            "following": following,
            "bills": bills_of(found, rules) if may(who, CARE) else None,
            "consents": consents_of(found.part, rules.site) if may(who, CARE) else (),
            "leaving": leaving_of(found, rules.site),
            "shows_past": not question.now,
        }

    def _rows_of(self, found: EpisodeFile, which: Refused | str | None) -> dict[str, Any]:
        """Rows of what waits with the titles of their lists, and sections of the others; the form that was refused,
        or that the address names, is open."""
        waiting = Section(Listing("waits", "What waits", "", "", None), [row for _, row in found.waiting], 0)
        rows = {kind: [*found.others.get(kind, ())] for kind in SECTIONS}
        for kind, acts in found.acts.items():
            rows[kind].append(acts)
        sections = [
            Section(Listing(kind, title, hint, "", None), rows[kind], len(rows[kind]))
            for kind, (title, hint) in SECTIONS.items()
            if rows[kind]
        ]
        shown = with_open([waiting, *sections], which) if which else [waiting, *sections]
        titles = [title for title, _ in found.waiting]
        return {"waiting": list(zip(titles, shown[0].rows, strict=True)), "sections": shown[1:]}


async def _survivor(connection: Connection, row: Stored, who: Caller) -> Stored | None:
    """The episode in which all of this one counts since a merge, where the caller may see it."""
    folded = codec.unpacked(row.fold) if row.listed.state == "closed" and row.fold_version == FOLD_VERSION else None
    if folded is None or folded.ended_reason != "merged":
        return None
    found = await episodes.episode(connection, folded.retiring[0].into)
    return found if found is not None and who.scope.has_any(found.facilities) else None


async def _whose_now(connection: Connection, patient_id: str, who: Caller) -> Stored | None:
    """The episode that was this patient's and is another's by a merge that stands, where the caller may see it."""
    for row in await views.merged_from(connection, patient_id) if "\0" not in patient_id else ():
        told = codec.unpacked(row.fold).merged if row.fold_version == FOLD_VERSION else ()
        if who.scope.has_any(row.facilities) and any(one.retired_patient_id == patient_id for one in told):
            return row
    return None


def _on(asked: Mapping[str, str], survivor: Stored) -> dict[str, str]:
    """The same parameters for the survivor's page."""
    kept = {name: value for name, value in asked.items() if name not in {PATIENT, "cursor"}}
    return kept | {"episode": survivor.listed.episode_id}


def _place(fact: Fact) -> tuple[str, str]:
    return paging.at(fact.value.occurred_at), fact.id


_OVER = frozenset({"void", "closed"})


def _episode(row: Stored, who: Caller) -> tuple[str, str]:
    """An episode's id and its state in words; of one that the caller sees only in part the state is not told here."""
    return row.listed.episode_id, STATES[row.listed.state] if who.scope.has_all(row.facilities) else ""


def base(request: Request) -> str:
    """What every address of this service begins with behind the front door."""
    return str(request.scope.get("root_path", ""))


def address(request: Request, patient_id: str, asked: Mapping[str, str]) -> str:
    """The address of a patient's page."""
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{base(request)}/patients/{quote(patient_id, safe='')}{f'?{query}' if query else ''}"


def place(request: Request, back: Mapping[str, str]) -> str:
    """Where a form leads back to: the patient's page where it was on that, else the lists."""
    if PATIENT in back:
        return address(request, back[PATIENT], {"episode": back.get("episode", "")})
    return f"{base(request)}/" + (f"?{urlencode(back)}" if back else "")


def _missing() -> Exception:
    return requests.missing(text="There is no patient here that you may see.")
