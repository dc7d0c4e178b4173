"""What another site config would make of the stored messages: the visits and facts that would change, worked out by the
code that derives visits again after a change of config. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from services.intake.console import views
from services.intake.console.rehearsing import rehearsed
from services.intake.hl7.mapping import FacilityMap
from services.intake.hl7.model import Adt
from services.intake.receiving.derive_again import DerivedAnew, derive_anew
from services.intake.receiving.merges.store import kin_of
from services.intake.receiving.receive import Intake
from services.intake.visits.death_facts import Provenance, deaths
from services.intake.visits.reconcile import VisitChanges
from shared.facts.envelope import Fact
from shared.storage.database import Connection, Database


class MappedCode(NamedTuple):
    """A code as a hospital sends it, of which the two configs say something else. `kind`: unit, payer, plan,
    disposition, admission-type or admission-source."""

    kind: str
    facility: str
    code: str


class VisitDiffers(NamedTuple):
    """A visit of which other facts would stand: those that would be stated (and which they replace or cancel), the ids
    of those that would fall, and the codes of its messages that the configs map otherwise."""

    visit_id: str
    patient_id: str
    facility: str
    stated: Sequence[Fact]
    fallen: Sequence[str]
    codes: Sequence[MappedCode]


class PatientsDiffer(NamedTuple):
    """What would change for some patients. `of_deaths`: facts of their deaths that would be stated or fall; `episodes`:
    all that they have."""

    visits: Sequence[VisitDiffers]
    of_deaths: Sequence[Fact]
    messages: int
    episodes: Sequence[str]


async def patients_and_messages(database: Database) -> list[tuple[str, int]]:
    """Every patient who has a visit, with the number of their messages, in the order of their ids."""
    async with database.read() as connection:
        return await views.patients_and_messages(connection)


async def differing(database: Database, patients: Sequence[str], now: FacilityMap, other: Intake) -> PatientsDiffer:
    """What would change for these patients if the config of `other` were in force instead of `now`.

    Their visits are read and derived in a transaction that is rolled back; no row is locked, but those of messages that
    name no visit and would be of another one.
    """

    async def work(connection: Connection) -> DerivedAnew:
        every = sorted({*patients, *await kin_of(connection, patients)})
        return await derive_anew(connection, every, await views.unsure(connection, every), other)

    async def look(_: Connection, found: DerivedAnew) -> PatientsDiffer:
        died = deaths(found.deaths, found.changes, {}, Provenance(found.sequences, other.places, other.clock()))
        visits = [_differs(each, now, other.places) for each in found.changes if each.stated or each.fallen]
        messages = sum(len(each.visit.messages) for each in found.changes)
        return PatientsDiffer(visits, [one.fact for one in died.stated], messages, sorted(found.sequences.last))

    return await rehearsed(database, work, look)


def _differs(changes: VisitChanges, now: FacilityMap, other: FacilityMap) -> VisitDiffers:
    visit = changes.visit
    codes = mapped_otherwise((each.adt for each in visit.messages), now, other)
    stated = [one.fact for one in changes.stated]
    return VisitDiffers(visit.visit_id, visit.patient_id, visit.facility, stated, changes.fallen, codes)


def mapped_otherwise(said: Iterable[Adt], now: FacilityMap, other: FacilityMap) -> Sequence[MappedCode]:
    """The codes of these messages of which the two configs say something else, each once, in the order of messages."""
    found: dict[MappedCode, None] = {}
    for adt in said:
        found |= dict.fromkeys(_of_message(adt, now, other))
    return tuple(found)


def _of_message(adt: Adt, now: FacilityMap, other: FacilityMap) -> list[MappedCode]:
    where = adt.facility
    found = [
        MappedCode("unit", where, unit)
        for unit in (adt.location.unit, adt.prior_location.unit)
        if unit and now.unit(where, unit) != other.unit(where, unit)
    ]
    code, kind, source = adt.disposition, adt.admission_type, adt.admission_source
    if isinstance(code, str) and now.disposition(where, code) != other.disposition(where, code):
        found.append(MappedCode("disposition", where, code))
    if isinstance(kind, str) and now.admission_type(kind) != other.admission_type(kind):
        found.append(MappedCode("admission-type", where, kind))
    if isinstance(source, str) and now.admission_source(source) != other.admission_source(source):
        found.append(MappedCode("admission-source", where, source))
    for one in adt.coverage if isinstance(adt.coverage, tuple) else ():
        before, after = now.payer(one), other.payer(one)
        if before.payer != after.payer:
            found.append(MappedCode("payer", where, one.payer))
        elif before != after and one.plan:
            found.append(MappedCode("plan", where, one.plan))
    return found
