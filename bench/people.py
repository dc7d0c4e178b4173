"""Persons made for `find`: names as frequent as in a census of the United States, roughly, the rest made of syllables;
always the same."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from services.intake.people.person import Fields

FACILITIES = ("GOODHEALTH", "RIVERBEND")
_FAMILY = (  # noqa: SIM905
    "Smith Johnson Williams Brown Jones García Miller Davis Rodríguez Martínez Hernández López González Wilson "
    "Anderson Thomas Taylor Moore Jackson Martin Lee Pérez Thompson White Harris Sánchez Clark Ramírez Lewis "
    "Robinson Walker Young Allen King Wright Scott Torres Nguyen Hill Flores Green Adams Nelson Baker Hall Rivera "
    "Campbell Mitchell Carter Roberts Gómez Phillips Evans Turner Díaz Parker Cruz Edwards Collins Reyes Stewart "
    "Morris Morales Murphy Cook Rogers Gutiérrez Ortiz Morgan Cooper Peterson Bailey Reed Kelly Howard Ramos Kim "
    "Cox Ward Richardson Marshall Márquez O'Brien O'Connor"
).split()
_GIVEN = (  # noqa: SIM905
    "James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan Joseph "
    "Jessica Thomas Karen Christopher Sarah Charles Lisa Daniel Nancy Matthew Sandra Anthony Margaret Mark Ashley "
    "Donald Emily Steven Kimberly Andrew Donna Paul Michelle Joshua Carol María José Juan Luis Ana Carlos Marisol "
    "Jade Zoë"
).split()
_SYLLABLES = "ba bel cor da den el fen gar hol in ka lan mer nor ol pe quin ros sten tor ul ver win yar zel".split()  # noqa: SIM905
FROM_THE_LISTS, DOUBLE = 0.7, 0.08
"""Shares of family names that are of the list above, and that are two of them."""


class Person(NamedTuple):
    """A patient as a facility told of one, with what the benchmark asks by, and a visit."""

    patient_id: str
    facility: str
    family: str
    given: str
    born: date
    mrn: str
    telephone: str
    visit: str
    begun_at: datetime
    fields: Fields


def people(number: int, seed: int = 7) -> Iterator[Person]:
    """So many of them."""
    chance = random.Random(seed)
    weights = [1 / (place + 20) for place in range(len(_FAMILY))]
    for place in range(number):
        family = _family(chance, weights)
        given, born = chance.choice(_GIVEN), date(1930, 1, 1) + timedelta(days=chance.randrange(30_000))
        mrn, telephone = f"MRN{seed:02}{place:07}", f"({chance.randrange(201, 990)}) 555-{chance.randrange(10_000):04}"
        said: dict[str, object] = {
            "names": [[family, given]],
            "birth_date": born.isoformat(),
            "sex": chance.choice("FM"),
            "home": [{"system": "phone", "value": telephone}],
            "identifiers": [[mrn, "GH", "MR"]],
        }
        fields: Fields = {name: (value, "2026-01-01T00:00:00+00:00") for name, value in said.items()}
        begun_at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=chance.randrange(450_000))
        yield Person(
            f"bench-{seed:02}-{place:08}", FACILITIES[place % len(FACILITIES)], family, given, born, mrn, telephone,
            f"V{seed:02}-{place:07}", begun_at, fields,
        )  # fmt: skip


def _family(chance: random.Random, weights: list[float]) -> str:
    if chance.random() > FROM_THE_LISTS:
        return "".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4))).capitalize()
    return "-".join(chance.choices(_FAMILY, weights, k=2 if chance.random() < DOUBLE else 1))
