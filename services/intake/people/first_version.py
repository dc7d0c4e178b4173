"""What the first version stored of persons, brought over at the first start after it; and the key of the index guarded.

Its numbers were hashed with their type, its names kept without who told them: only the service has the keys to hash
and seal anew, so no migration can. Done in batches, each patient once, before anybody is looked up; safe to repeat.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from services.intake.hl7.model import PatientId
from services.intake.hl7.parser import messages
from services.intake.people import first_store as first
from services.intake.people import register, store
from services.intake.people.finding import store as index
from services.intake.people.finding.words import hashes, words_of
from services.intake.people.identifiers import clash
from services.intake.people.joining import IdentityQuery, Register
from services.intake.people.names import place
from services.intake.people.patients import Numbering, keep
from services.intake.people.person import IDS, Fields, merged, packed, told_by, unpacked
from shared.errors import SetUpError, Transient
from shared.storage.database import Connection, Database
from shared.storage.sealing import CannotOpen, Seal
from shared.storage.statements import SqlWrite, at_once

CHECK = "stepdown: the key of the index"
OTHER_KEY = (
    "the message keys are not those that patients were stored with: the LAST key of the list must stay the last, new "
    "ones come first; put the list back as it was (STEPDOWN_MESSAGE_KEYS_FILE), or nobody would be known any more"
)
TWO_NUMBERS, TWO_PEOPLE = "two-numbers-of-one-authority", "birth-date-and-sex-differ"
"""The reasons noted where the first version may have made two people one."""
PAGE = 200


class _Patient(NamedTuple):
    """One patient of the first version: ids as told, fields, the facilities, what its messages say by facility."""

    patient_id: str
    ids: list[PatientId]
    fields: Fields
    facilities: list[str]
    told: list[first.FirstVersionMessage]


async def must_be_done(connection: Connection, seal: Seal) -> None:
    """Check that nothing of the first version is left. Raises Transient while something is, or for another key."""
    if await first.check(connection, seal.blind(CHECK)):
        raise Transient(OTHER_KEY)
    if await first.anything_left(connection):
        raise Transient("what the first version stored of persons is being brought over")


async def bring_over(database: Database, numbering: Numbering) -> int:
    """Bring over all persons of the first version; returns how many patients. Raises Transient while the database is
    away, SetUpError where the keys are not those that the persons were stored with."""
    number = 0
    while True:
        async with database.begin() as connection:
            if await first.check(connection, numbering.seal.blind(CHECK)):
                raise SetUpError(OTHER_KEY)
            page = await first.page(connection, PAGE)
            try:
                await _bring(connection, page, numbering)
            except CannotOpen:
                raise SetUpError(OTHER_KEY) from None
        if not page:
            return number
        number += len(page)
        await asyncio.sleep(0)


async def _bring(connection: Connection, page: Sequence[str], numbering: Numbering) -> None:
    """Bring over a page of patients: numbers, fields, search words, and why they may be two people."""
    if not page:
        return
    patients = await _opened(connection, page, numbering)
    register_ = Register(born_never=numbering.numbers.born_never)
    every = [(one, query) for one in patients for query in _queries(one, numbering)]
    numbers = [number.keys for _, query in every for number in query.numbers]
    register_.learn((await register.found(connection, numbers, [], always=True)).rows)
    for one, query in every:
        register_.adopt(one.patient_id, query)
    await keep(connection, register_, datetime.now(UTC), numbering.seal)
    await at_once(connection, _persons(patients, numbering.seal))
    await first.keep_reasons(
        connection, [(one.patient_id, why) for one in patients if (why := _joined(one, numbering))]
    )
    await first.forget(connection, page)


async def _opened(connection: Connection, page: Sequence[str], numbering: Numbering) -> list[_Patient]:
    """What the first version stored of these patients, decrypted. Raises SetUpError for another key."""
    seal = numbering.seal
    ids: dict[str, list[PatientId]] = defaultdict(list)
    for patient, key, sealed in await first.identifiers(connection, page):
        text = seal.open(sealed, f"identifier:{patient}").decode()
        if seal.blind(text) != key:
            raise SetUpError(OTHER_KEY)
        authority, value, kind = text.split("\x1f")
        ids[patient].append(PatientId(value, authority or None, kind or None))
    persons = {
        patient: unpacked(seal.open(sealed, f"identity:{patient}"), stated_at)
        for patient, sealed, stated_at in await first.identities(connection, page)
    }
    places: dict[str, list[str]] = defaultdict(list)
    for patient, facility in await register.places_of(connection, page):
        places[patient].append(facility)
    doubtful = [one for one in page if len(ids[one]) > 1 or len(places[one]) > 1]
    told: dict[str, list[first.FirstVersionMessage]] = defaultdict(list)
    for each in await first.told(connection, doubtful):
        told[each.patient_id].append(each)
    return [_Patient(one, ids[one], persons.get(one, {}), sorted(places[one]), told[one]) for one in page]


def _queries(one: _Patient, numbering: Numbering) -> Iterable[IdentityQuery]:
    """The numbers by the facility that told them; where that is not known, by none."""
    for facility, ids in _by_facility(one).items():
        where = facility or (one.facilities[0] if one.facilities else "")
        numbers = numbering.numbers.of(ids, where, numbering.authorities)
        yield IdentityQuery(facility, numbers, {}, one.patient_id)


def _by_facility(one: _Patient) -> dict[str, list[PatientId]]:
    """Facility → the ids that it told; "" for those of which none of several facilities is known to have told them."""
    if len(one.facilities) == 1:
        return {one.facilities[0]: one.ids}
    found: dict[str, list[PatientId]] = defaultdict(list)
    for told in one.told:
        found[told.facility] += told.ids
    known = {(each.id, each.authority or facility) for facility, ids in found.items() for each in ids}
    found[""] = [each for each in one.ids if (each.id, each.authority) not in known]
    return found


def _persons(patients: Sequence[_Patient], seal: Seal) -> list[SqlWrite]:
    """What is kept of persons, by who told it; what nobody's messages say stays with none of several."""
    rows: list[store.Sealed] = []
    words: list[tuple[store.Whose, list[int]]] = []
    for one in patients:
        for facility, fields in _fields(one, seal).items():
            whose = one.patient_id, facility
            last = max((datetime.fromisoformat(at) for _, at in fields.values()), default=datetime.now(UTC))
            rows.append(store.Sealed(*whose, seal.close(packed(fields), place(*whose)), last))
            words.append((whose, hashes(words_of(fields), seal)))
    return store.keep(rows) + index.keep(words)


def _fields(one: _Patient, seal: Seal) -> dict[str, Fields]:
    """Facility → the fields that it told; "" for those that no facility's messages have."""
    if not one.fields:
        return {}
    if len(one.facilities) == 1:
        return {one.facilities[0]: one.fields}
    found: dict[str, Fields] = {facility: {} for facility in one.facilities}
    for told in one.told:
        for message in messages(seal.open(told.sealed, told.message_id)):
            found[told.facility] = merged(found.get(told.facility, {}), told_by(message), told.stated_at)
    rest = {name: value for name, value in one.fields.items() if not _explained(name, value, found.values())}
    safe = one.fields.get("safe_to_contact")
    if safe is not None and safe[0] is not True:  # whoever told it: nobody calls
        found = {facility: {**fields, "safe_to_contact": safe} for facility, fields in found.items()}
    return {facility: fields for facility, fields in ({**found, "": rest}).items() if fields}


def _explained(name: str, value: tuple[object, str], found: Iterable[Fields]) -> bool:
    """Whether a field's value is in what facilities are found to have told."""
    if name == IDS:
        return True  # its numbers are in patient_identifiers, by who told them
    return value[0] is None or any(name in fields and fields[name][0] == value[0] for fields in found)


def _joined(one: _Patient, numbering: Numbering) -> list[str]:
    """Why it may be two people: two record numbers of one authority, or birth date and sex told differently."""
    where = one.facilities[0] if one.facilities else ""
    keys = [each for each in numbering.numbers.of(one.ids, where, numbering.authorities) if each.is_key]
    numbers = {
        each.keys[0]: (frozenset(each.authorities), frozenset({each.type})) for each in keys if each.type == "MR"
    }
    why = [TWO_NUMBERS] if any(clash(each, numbers) for each in keys if each.type == "MR") else []
    people: set[tuple[str, str]] = set()
    if len(keys) > 1:
        for told in one.told:
            for message in messages(numbering.seal.open(told.sealed, told.message_id)):
                said = told_by(message)
                people.add((str(said.get("birth_date") or ""), str(said.get("sex") or "")))
    known = [each for each in people if all(each) and each[1] not in {"U", "O", "A"}]
    if any(a[0] != b[0] and a[1] != b[1] for a in known for b in known):
        why.append(TWO_PEOPLE)
    return why
