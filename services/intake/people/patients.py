"""Whom messages and requests are about: their patients found or made, and locked; what is written of their numbers.

Load → decide → save: people/joining.py decides, SQL is people/register.py's. Most messages tell only what is known:
then one statement is all.
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
from services.intake.people.identifiers import Authorities, Number, Numbers, Pair
from services.intake.people.joining import Asking, Register
from services.intake.people.names import opened
from services.intake.people.person import Telling, Told, merged
from shared.ids import new_id
from shared.site.config import Site
from shared.storage.database import Connection
from shared.storage.sealing import Seal
from shared.storage.statements import at_once, together

ONLY_READ = ("birth_date", "sex", "names")


class IdentityClaim(NamedTuple):
    """A `Telling` by itself: what a request says of a person."""

    known: tuple[PatientId, ...]
    facility: str
    person: Told
    said_at: datetime
    arrived_at: datetime


class Whose(NamedTuple):
    """The patient, None where no number names one; whether the keys belong to several."""

    patient_id: str | None
    several: bool = False


@dataclass(slots=True)
class Numbering:
    """What numbers are at this site, and the names of authorities, as far as this process knows them."""

    numbers: Numbers
    authorities: Authorities
    site: Site
    seal: Seal
    known: store.PairsKnown = field(default_factory=store.PairsKnown)

    @classmethod
    def at(cls, site: Site, seal: Seal) -> Numbering:
        """By site config; what was told is learned when it is needed."""
        return cls(Numbers(site, seal.blind), Authorities(site, seal.blind), site, seal)

    def of(self, about: Telling) -> tuple[Number, ...]:
        """The numbers of a message or request."""
        return self.numbers.of(about.known, about.facility, self.authorities)

    async def up_to_date(self, connection: Connection, every: Iterable[Telling]) -> None:
        """Learn what others were told of names, and keep what is told here."""
        if await store.pairs_known(connection) != self.known:
            await self._learn(connection)
        if new := self.news(every):
            await store.keep_pairs(connection, new)
            await self._learn(connection)

    def news(self, every: Iterable[Telling]) -> list[Pair]:
        """Names that are told together for the first time."""
        told = (each for about in every for each in about.known if each.universal)
        return [pair for each in told if (pair := self.authorities.new_pair(each))]

    async def _learn(self, connection: Connection) -> None:
        self.known = await store.pairs_known(connection)
        pairs: list[Pair] = await store.pairs(connection)
        self.authorities = Authorities(self.site, self.seal.blind, pairs)


async def find(
    connection: Connection,
    every: Sequence[Telling],
    numbering: Numbering,
    *,
    scope: frozenset[str] | None = None,
    is_request: bool = False,
) -> tuple[list[Whose], set[str]]:
    """Whose each is, in order, all locked; and those of these patients of whom any message names no visit.

    A request finds and makes patients of the facilities in `scope` alone (None: all).
    """
    asked = [_asking(about, numbering, scope, is_request=is_request) for about in every]
    register, unsure = await _known(connection, asked, numbering, always=False)
    if is_request or numbering.news(every) or not all(map(register.plain, asked)):
        await numbering.up_to_date(connection, every)
        asked = [_asking(about, numbering, scope, is_request=is_request) for about in every]
        await store.alone(connection, register.leading_nowhere(asked))
        register, unsure = await _known(connection, asked, numbering, always=True)
        await _load(connection, register, asked, numbering.seal, with_places=scope is not None)
    whose = [_decided(register, each, about) for each, about in zip(asked, every, strict=True)]
    await keep(connection, register, max([about.arrived_at for about in every]), numbering.seal)
    return whose, unsure


async def _known(
    connection: Connection, asked: Sequence[Asking], numbering: Numbering, *, always: bool
) -> tuple[Register, set[str]]:
    """What is known of the numbers now: also what others decided while it was waited for."""
    numbers = {number.keys: number for each in asked for number in each.numbers}
    keys = [number.keys for number in numbers.values() if number.is_key]
    others = [number.keys for number in numbers.values() if not number.is_key]
    known = await store.found(connection, keys, others, always=always)
    register = Register(born_never=numbering.numbers.born_never)
    register.learn(known.rows)
    return register, known.unsure


def _asking(about: Telling, numbering: Numbering, scope: frozenset[str] | None, *, is_request: bool) -> Asking:
    told = {name: value for name in ONLY_READ if (value := about.person.get(name))}
    return Asking(about.facility, numbering.of(about), told, new_id(about.arrived_at), scope, is_request)


async def _load(
    connection: Connection, register: Register, asked: Sequence[Asking], seal: Seal, *, with_places: bool
) -> None:
    near = sorted(
        {patient for each in asked if each.is_request or not register.plain(each) for patient in register.near(each)}
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


def _decided(register: Register, asking: Asking, about: Telling) -> Whose:
    several = register.several(asking)
    patient = register.whose(asking)
    if patient is not None and (patient == asking.new_id or patient in register.persons):
        before = register.persons[patient].get(asking.facility, {})
        register.persons[patient][asking.facility] = merged(before, asking.told, about.said_at)
        register.places[patient].add(asking.facility)
    return Whose(patient, several)


async def keep(connection: Connection, register: Register, at: datetime, seal: Seal) -> None:
    """Write the numbers and the evidence that are news; new patients first."""
    if register.made:
        await store.new_patients(connection, register.made)
    if register.changed:
        sealed = [(row, _sealed(row.patient_id, number, seal)) for row, number in register.changed.values()]
        await at_once(connection, store.keep(sealed))
    evidence = [(new_id(at), pair, why) for pair, why in register.evidence.items()]
    await store.keep_matches(connection, evidence, at)


def _sealed(patient_id: str, number: Number, seal: Seal) -> bytes:
    return seal.close(orjson.dumps(list(number.told)), f"identifier:{patient_id}")
