"""Finds or makes the patients whom messages and requests are about, locks them, and stores their numbers.

Load → decide → save: people/joining.py decides, people/register.py has the SQL. Most messages say only what is known:
then one SQL statement is all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import orjson

from services.intake.hl7.model import PatientId
from services.intake.people import register as store
from services.intake.people import store as persons
from services.intake.people.identifiers import Authorities, NamePair, Number, Numbers
from services.intake.people.joining import IdentityQuery, Register
from services.intake.people.names import opened
from services.intake.people.person import PersonReport, Told, merged
from shared.ids import ageless_id
from shared.site.config import Site
from shared.storage.database import Connection
from shared.storage.sealing import Seal
from shared.storage.statements import Writes, at_once, at_the_end, together

COMPARED = ("birth_date", "sex", "names")
"""The fields of a person that are compared to tell people apart."""


class IdentityClaim(NamedTuple):
    """What a request says of a person: a `PersonReport` by itself."""

    known: tuple[PatientId, ...]
    facility: str
    person: Told
    said_at: datetime
    arrived_at: datetime


class FoundPatient(NamedTuple):
    """The patient, None where the message has no key; and whether its keys belong to several patients."""

    patient_id: str | None
    several: bool = False


class FoundPatients(NamedTuple):
    """The patient of each message or request, in order; the ids of those who have a message that names no visit; and
    whether merges, links or moves bring any of them together with others."""

    every: list[FoundPatient]
    unsure: set[str]
    have_kin: bool = False


@dataclass(slots=True)
class Numbering:
    """What the site config says of numbers, and the names of authorities as far as this process knows them.

    `known`: the stored pairs of names that `authorities` was made with.
    """

    numbers: Numbers
    authorities: Authorities
    site: Site
    seal: Seal
    known: store.PairsKnown = field(default_factory=store.PairsKnown)

    @classmethod
    def at(cls, site: Site, seal: Seal) -> Numbering:
        """With the names of site config alone; `up_to_date` adds those that hospitals told."""
        return cls(Numbers(site, seal.blind), Authorities(site, seal.blind), site, seal)

    def of(self, about: PersonReport) -> tuple[Number, ...]:
        """The numbers of a message or request."""
        return self.numbers.of(about.known, about.facility, self.authorities)

    async def up_to_date(self, connection: Connection, every: Iterable[PersonReport]) -> bool:
        """Load pairs of authority names that others have stored, and store those that are told here; whether there was
        any."""
        changed = await store.pairs_known(connection) != self.known
        if changed:
            await self._learn(connection)
        if new := self.news(every):
            await store.keep_pairs(connection, new)
            await self._learn(connection)
        return changed or bool(new)

    def news(self, every: Iterable[PersonReport]) -> list[NamePair]:
        """Pairs of authority names that are told for the first time."""
        told = (each for report in every for each in report.known if each.universal)
        return [pair for each in told if (pair := self.authorities.new_pair(each))]

    async def _learn(self, connection: Connection) -> None:
        self.known = await store.pairs_known(connection)
        pairs: list[NamePair] = await store.pairs(connection)
        self.authorities = Authorities(self.site, self.seal.blind, pairs)


async def find(
    connection: Connection,
    every: Sequence[PersonReport],
    numbering: Numbering,
    *,
    scope: frozenset[str] | None = None,
    is_request: bool = False,
    late: bool = False,
) -> FoundPatients:
    """The patient of each, in order, all locked; and what else is known of these patients.

    A request finds and makes patients of the facilities in `scope` alone (None: all). `late`: new patients and numbers
    are written at the end of the transaction, before which nothing reads them.
    """
    queries = [_query(about, numbering, scope, is_request=is_request) for about in every]
    register, known = await _known(connection, queries, numbering, always=False)
    if is_request or numbering.news(every) or not all(map(register.nothing_new, queries)):
        if await numbering.up_to_date(connection, every):
            queries = [_query(about, numbering, scope, is_request=is_request) for about in every]
        await store.lock_keys(connection, register.undecided_keys(queries))
        register, known = await _known(connection, queries, numbering, always=True)
        await _load(connection, register, queries, numbering.seal, with_places=scope is not None)
    whose = [_decided(register, each, about) for each, about in zip(queries, every, strict=True)]
    await keep(connection, register, max([about.arrived_at for about in every]), numbering.seal, late=late)
    return FoundPatients(whose, known.unsure, bool(known.kin))


async def register_of(connection: Connection, queries: Sequence[IdentityQuery], numbering: Numbering) -> Register:
    """What is known of the numbers of these, with their patients locked."""
    register, _ = await _known(connection, queries, numbering, always=True)
    return register


async def _known(
    connection: Connection, queries: Sequence[IdentityQuery], numbering: Numbering, *, always: bool
) -> tuple[Register, store.Found]:
    """What is known of the numbers now, also by transactions that were waited for, and of their patients."""
    numbers = {number.keys: number for each in queries for number in each.numbers}
    keys = [number.keys for number in numbers.values() if number.is_key]
    others = [number.keys for number in numbers.values() if not number.is_key]
    known = await store.found(connection, keys, others, always=always)
    register = Register(born_never=numbering.numbers.born_never)
    register.learn(known.rows)
    return register, known


def _query(
    about: PersonReport, numbering: Numbering, scope: frozenset[str] | None, *, is_request: bool
) -> IdentityQuery:
    told = {name: value for name in COMPARED if (value := about.person.get(name))}
    return IdentityQuery(about.facility, numbering.of(about), told, ageless_id(), scope, is_request)


async def _load(
    connection: Connection, register: Register, queries: Sequence[IdentityQuery], seal: Seal, *, with_places: bool
) -> None:
    """Load what decides: of every patient who has one of the numbers all others, and the fields told."""
    near = sorted(
        {
            patient
            for each in queries
            if each.is_request or not register.nothing_new(each)
            for patient in register.near(each)
        }
    )
    if not near:
        return
    register.learn(await store.of_patients(connection, near))
    [found] = await together(connection, [persons.sealed_of(near)])
    for row in (persons.Sealed(*each) for each in found):
        register.persons[row.patient_id][row.facility] = opened(row, seal)
    if with_places:
        for patient, facility in await store.places_of(connection, near):
            register.places[patient].add(facility)


def _decided(register: Register, query: IdentityQuery, about: PersonReport) -> FoundPatient:
    """Decide whose a query is, and add what it says to the register, for the queries after it."""
    several = register.several(query)
    patient = register.whose(query)
    if patient is not None and (patient == query.new_id or patient in register.persons):
        before = register.persons[patient].get(query.facility, {})
        register.persons[patient][query.facility] = merged(before, query.told, about.said_at)
        register.places[patient].add(query.facility)
    return FoundPatient(patient, several)


async def keep(connection: Connection, register: Register, at: datetime, seal: Seal, *, late: bool = False) -> None:
    """Store new patients and rows of numbers that changed, with `late` at the transaction's end; then evidence of
    matches."""
    sealed = [(row, _sealed(row.patient_id, number, seal)) for row, number in register.changed.values()]
    writes: Writes = [*store.new_patients(register.made), *store.keep(sealed)]
    await (at_the_end if late else at_once)(connection, writes)
    evidence = [(ageless_id(), pair, why) for pair, why in register.evidence.items()]
    await store.keep_matches(connection, evidence, at)


def _sealed(patient_id: str, number: Number, seal: Seal) -> bytes:
    return seal.close(orjson.dumps(list(number.told)), f"identifier:{patient_id}")
