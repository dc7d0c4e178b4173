"""GET /patients/{patient_id}/part: who a patient is and what came in about them, for the patient's page. Every look is
audited; of an unknown patient and of one out of scope it says alike that there is nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response

from services.intake.api.answers import ConsentShown
from services.intake.api.consents import READERS as CONSENTS
from services.intake.api.patients import READERS as NAMING
from services.intake.api.patients import Asking, audited
from services.intake.api.rate_limits import RateLimits
from services.intake.desk import person, rows, taking_in, views
from services.intake.desk.lists import TAKERS
from services.intake.desk.rows import AsIs
from services.intake.desk.taking_in import Asker
from services.intake.people import views as people
from services.intake.people.names import opened
from services.intake.people.views import Patient
from services.intake.receiving.receive import Intake
from services.intake.requests.consents import handlers as consents
from services.intake.requests.consents.views import consents as consents_of
from shared.storage import audit
from shared.storage.database import Connection
from shared.web.auth import Caller
from shared.web.desk import may, with_open
from shared.web.forms import Refused
from shared.web.listing import Listing, Row, Section
from shared.web.pages import Notice, Pages
from shared.web.patient_parts import rendered
from shared.web.tables import Badge
from shared.web.words import say
from shared.web.zones import reading_zone

READERS = tuple(dict.fromkeys((*NAMING, *CONSENTS)))
"""Who sees a part of it: names and numbers, or consents."""
TITLES: Mapping[str, str] = {
    "merged": "Merged",
    "names": "Names",
    "numbers": "Numbers",
    "contacts": "How to reach",
    "clinicians": "Who treats",
    "payers": "Who pays",
    "consents": "Consents",
    "visits": "Visits",
    "take-in": "To take in",
}
"""Name of a section → its title, in the order of the part."""


class PatientPart:
    """The part, in the frame of the desk's pages."""

    def __init__(self, intake: Intake, rates: RateLimits, frame: Pages) -> None:
        self.intake, self.rates, self.frame = intake, rates, frame

    async def part(
        self,
        request: Request,
        who: Caller,
        patient_id: str,
        notice: Notice | None = None,
        refused: Refused | None = None,
    ) -> Response:
        """The part of one patient, a notice on top, and a refused form open where it is. Raises a 429 Problem."""
        self.rates.take(who)
        asker = Asker(who, self.intake.clock(), reading_zone(request), self.intake.site)
        async with self.intake.database.begin() as connection:
            known = await people.patients(connection, [] if "\0" in patient_id else [patient_id], who.scope)
            sections = await self._sections(connection, known[0], asker) if known else []
            if known:
                await audited(connection, Asking(who, asker.at), "patient-read", [patient_id])
        told = {
            "heading": "Who the patient is",
            "empty": "Intake has nothing of this patient.",
            "sections": with_open(sections, refused) if refused else sections,
        }
        return rendered(self.frame, request, who, patient_id, told, notice=notice, refused=refused)

    async def _sections(self, connection: Connection, patient: Patient, asker: Asker) -> list[Section]:
        drawn: dict[str, Sequence[Row]] = {"merged": list(_merged(patient))}
        now = AsIs(asker.at, self.intake.site, may(asker.who, TAKERS))
        if may(asker.who, NAMING):
            drawn |= self._person(patient, asker.who, now)
        if may(asker.who, CONSENTS):
            drawn["consents"] = await self._consents(connection, patient.patient_id, asker, now)
        covered = await views.coverage_of(connection, patient.patient_id, asker.who.scope)
        drawn["payers"] = [person.payer_row(each, now) for each in covered]
        visits = await views.visits_of(connection, patient.patient_id, asker.who.scope)
        drawn["visits"] = [person.visit_row(each, now) for each in visits]
        if now.able:
            drawn["take-in"] = list(_acts(patient, asker))
        return [
            Section(Listing(name, title, "", "", None), drawn[name], len(drawn[name]))
            for name, title in TITLES.items()
            if drawn.get(name)
        ]

    def _person(self, patient: Patient, who: Caller, now: AsIs) -> dict[str, Sequence[Row]]:
        told = {each.facility: opened(each, self.intake.seal) for each in patient.told_within(who.scope)}
        drawn: Mapping[str, Callable[[Any, AsIs], Iterator[Row]]] = {
            "names": person.name_rows,
            "numbers": person.number_rows,
            "contacts": person.contact_rows,
            "clinicians": person.clinician_rows,
        }
        return {name: list(rows_of(told, now)) for name, rows_of in drawn.items()}

    async def _consents(self, connection: Connection, patient_id: str, asker: Asker, now: AsIs) -> Sequence[Row]:
        scope = asker.who.scope
        given = await consents_of(connection, patient_id, scope=scope)
        if revoking := [each["consent_id"] for each in given if each["state"] == "revoking"]:
            await consents.count_revoked_in(connection, self.intake, revoking)
            given = await consents_of(connection, patient_id, scope=scope)
        await audit.note(connection, [audit.Entry(asker.at, asker.who.subject, "consents-read", patient_id)])
        return [rows.consent_row(cast("ConsentShown", each), now, asker) for each in reversed(given)]


def _merged(patient: Patient) -> Iterator[Row]:
    """That the patient is merged into another, whose page is a click away; and who was merged into this one."""
    if into := patient.merged_into:
        text = say("This record is retired: the patient goes on as another one.")
        yield Row(text, Badge(say("merged"), "soon"), "", link=(f"/patients/{into}/part", "The patient who stays"))
    for each in patient.retired:
        text = say("A record that was merged into this one.")
        yield Row(text, Badge(say("merged")), "", link=(f"/patients/{each}/part", "The retired record"))


def _acts(patient: Patient, asker: Asker) -> Iterator[Row]:
    """What can be taken in about a patient who is known; an assessment is of an episode."""
    forms = [taking_in.referral_of(patient.patient_id, asker), taking_in.consent_of(patient.patient_id, asker)]
    if patient.episodes:
        forms.insert(1, taking_in.assessment_of(patient.episodes[-1], asker))
    yield Row(say("What nobody sends about this patient"), Badge(""), "", forms=tuple(forms))
