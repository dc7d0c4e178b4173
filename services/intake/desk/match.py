"""GET /matches/{match_id}: two records that may be one person's, side by side, for who holds both and may decide."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from services.intake.api.matches import READERS
from services.intake.api.rate_limits import RateLimits
from services.intake.desk import person, taking_in, wording
from services.intake.desk.rows import AsIs
from services.intake.desk.taking_in import Asker
from services.intake.people import matches
from services.intake.people import views as people
from services.intake.people.names import opened
from services.intake.people.views import Patient
from services.intake.receiving.receive import Intake
from shared.storage import audit
from shared.web import requests
from shared.web.auth import Caller
from shared.web.listing import Listing, Row, Section
from shared.web.pages import Pages
from shared.web.sessions import page_caller
from shared.web.tables import Badge
from shared.web.words import say
from shared.web.zones import reading_zone

TITLES: Mapping[str, str] = {"names": "Names", "numbers": "Numbers", "contacts": "How to reach"}
_ROWS: Mapping[str, Callable[[Any, AsIs], Iterator[Row]]] = {
    "names": person.name_rows,
    "numbers": person.number_rows,
    "contacts": person.contact_rows,
}
STATES: Mapping[str, str] = {"open": "to be decided", "same": "one person", "different": "two people"}
"""State of a match → its words."""
TONES: Mapping[str, str] = {"open": "soon", "same": "good", "different": ""}
"""State of a match → the tone of its badge."""


class Side(NamedTuple):
    """One of the two records: names, numbers and contacts by who told them."""

    patient_id: str
    sections: list[Section]


@dataclass(frozen=True)
class MatchPage:
    """The page, with how often one person may look."""

    intake: Intake
    rates: RateLimits
    frame: Pages

    async def shown(self, request: Request) -> Response:
        """The page. Raises a Problem: 404 for who does not hold both records, 429 for who looks too often."""
        who = page_caller(request, *READERS)
        requests.parameters(request, ())
        self.rates.take(who)
        intake, at, match_id = self.intake, self.intake.clock(), request.path_params["match_id"]
        async with intake.database.begin() as connection:
            rules, facilities = matches.MatchRules.of(intake.site), who.scope.facilities
            found = await matches.by_id(connection, intake.seal, rules, match_id, facilities=facilities)
            if found is None:
                raise requests.missing("no-such-match", "there is no such match that you may decide")
            known = await people.patients(connection, found.patients, who.scope)
            entries = [audit.Entry(at, who.subject, "patient-read", one.patient_id) for one in known]
            await audit.note(connection, [audit.Entry(at, who.subject, "match-listed", match_id), *entries])
        now, asker = AsIs(at, intake.site), Asker(who, at, reading_zone(request), intake.site)
        return self.frame.render(
            request,
            "match.html",
            who=who,
            badge=Badge(say(STATES[found.state]), TONES[found.state]),
            points=list(_points(found)),
            acts=taking_in.decisions_of(found, asker),
            sides=[self._side(one, who, now) for one in known],
            back="list=matches",
        )

    def _side(self, patient: Patient, who: Caller, now: AsIs) -> Side:
        told = {each.facility: opened(each, self.intake.seal) for each in patient.told_within(who.scope)}
        drawn = {name: list(rows_of(told, now)) for name, rows_of in _ROWS.items()}
        sections = [
            Section(Listing(name, title, "", "", None), drawn[name], len(drawn[name]))
            for name, title in TITLES.items()
            if drawn[name]
        ]
        return Side(patient.patient_id, sections)


def _points(match: matches.Match) -> Iterator[tuple[bool, str]]:
    """What speaks for it, then what speaks against it, in words."""
    yield from ((True, say(wording.FOR_AND_AGAINST[each])) for each in match.speaks_for)
    yield from ((False, say(wording.FOR_AND_AGAINST[each])) for each in match.against)
