"""The one table of the types that aftercare tells by FHIR, and the reader of its rows; routes, CapabilityStatement and
OpenAPI are made from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from starlette.routing import Route

from services.aftercare.desk import showing
from services.aftercare.desk.fhir.resources import LETTER, resource_of
from services.aftercare.desk.fhir.views import rows_after
from services.aftercare.desk.follow_ups import READERS
from services.aftercare.engine.apply import Rules
from services.aftercare.worklists.listed import ListedRow
from shared.fhir.parameters import dated, refers, token
from shared.fhir.searching import SearchParameter, SearchQuestion
from shared.storage.database import Database
from shared.web import fhir_documented
from shared.web.fhir_reads import Batch, Place, ReadingLook, Reads, ReadType, ShownResource

ROWS_AT_ONCE = 100
KINDS: Final = {"Task": ("follow-up", "referral"), "Appointment": ("appointment",), "CarePlan": ("plan",)}
"""Type → the kinds of rows that it is made of, in this order."""

_STATUS = token("status", lambda one: one.status, "its status")
_NUMBER = token("identifier", lambda one: one.identifier, "its id here")
_FOR = tuple(refers(name, lambda one: one.for_patient, "whose it is", "Patient") for name in ("patient", "subject"))
ROWS: Final[tuple[tuple[str, tuple[SearchParameter, ...], tuple[str, ...], tuple[str, ...]], ...]] = (
    (
        "Task",
        (
            *_FOR,
            _NUMBER,
            _STATUS,
            token("business-status", lambda one: one.business_status, "the state by our words"),
            token("code", lambda one: one.code, "follow-up or referral, its measure or kind"),
            token("intent", lambda one: one.intent, "order"),
            dated("authored-on", lambda one: one.authored_on, "when it was sent"),
            refers("based-on", lambda one: one.based_on, "the plan", "CarePlan"),
        ),
        ("based-on",),
        (),
    ),
    (
        "Appointment",
        (
            refers("patient", lambda one: [each.actor for each in one.participant], "whose it is", "Patient"),
            refers("actor", lambda one: [each.actor for each in one.participant], "who takes part"),
            _NUMBER,
            _STATUS,
            dated("date", lambda one: one.start, "when it begins"),
        ),
        (),
        (),
    ),
    (
        "CarePlan",
        (
            *(refers(name, lambda one: one.subject, "whose it is", "Patient") for name in ("patient", "subject")),
            _NUMBER,
            _STATUS,
            dated("date", lambda one: one.period, "since when"),
            refers("activity-reference", lambda one: [each.reference for each in one.activity], "a referral", "Task"),
        ),
        ("activity-reference",),
        ("Task:based-on",),
    ),
)
"""Type, its parameters, what `_include` follows, what `_revinclude` brings."""


class RowReader:
    """The reader of rows of lists; a place is (the kind, the row's id, nothing)."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules

    async def one(self, look: ReadingLook, kind: str, own_id: str) -> ShownResource | None:
        """A resource by its id."""
        if not own_id.startswith(LETTER):
            return None
        asked = SearchQuestion(ids=frozenset({own_id}))
        batch = await self.batch(look, kind, asked, ("", "", ""))
        return next(iter(batch.found), None)

    async def batch(self, look: ReadingLook, kind: str, asked: SearchQuestion, after: Place) -> Batch:
        """The next rows of the kind where the place is; after its last one the next kind begins."""
        kinds = KINDS[kind]
        of = after[0] if after[0] in kinds else kinds[0]
        among = _among(asked)
        found: list[ShownResource] = []
        for number_, each in enumerate(kinds[kinds.index(of) :]):
            last = after[1] if number_ == 0 else ""
            rows = await rows_after(
                look.connection, each, look.scope,
                after=last, most=ROWS_AT_ONCE + 1, among=among, patients=asked.patients,
            )  # fmt: skip
            page = rows[:ROWS_AT_ONCE]
            found += await self._told(look, each, page)
            if len(rows) > ROWS_AT_ONCE:
                return Batch(found, (each, page[-1].id, ""))
        return Batch(found, None)

    async def _told(self, look: ReadingLook, kind: str, rows: Sequence[ListedRow]) -> list[ShownResource]:
        seen = await showing.seen_by(look.connection, look.scope, rows)
        zone = self.rules.site.zone
        return [ShownResource((kind, row.id, ""), resource_of(row, zone(row.facility)), row.episode_id) for row in seen]


def _among(asked: SearchQuestion) -> set[str] | None:
    """The rows that the asked ids and identifiers name; None: any."""
    found = None if asked.ids is None else {one.removeprefix(LETTER) for one in asked.ids if _ours(one)}
    for one in asked.filters:
        if one.parameter.name == "identifier" and one.modifier != "not":
            named = {each.rpartition("|")[2] for each in one.values}
            found = named if found is None else found & named
    return found


def _ours(own_id: str) -> bool:
    return own_id.startswith(LETTER) and "\0" not in own_id


def types(rules: Rules) -> tuple[ReadType, ...]:
    """The table with its reader."""
    reader = RowReader(rules)
    return tuple(
        ReadType(kind, READERS, reader, parameters, include, revinclude, stamped=False)
        for kind, parameters, include, revinclude in ROWS
    )


def routes(database: Database, rules: Rules) -> list[Route]:
    """The routes below /fhir."""
    return [*Reads(types(rules), database, rules.clock).routes()]


def paths() -> dict[str, Any]:
    """The paths in the OpenAPI document."""
    found = fhir_documented.metadata()
    for kind, parameters, _, _ in ROWS:
        found |= fhir_documented.paths(kind, READERS, parameters, stamped=False)
    return found
