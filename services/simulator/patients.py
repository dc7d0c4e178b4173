"""A number of synthetic patients with a story each, from a seed and a day: always the same; nothing is sent here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from itertools import count
from random import Random

from services.simulator.messages import Message, Person, Visit
from services.simulator.stories import ORDINARY, STORIES, Story, Teller

_FAMILY = ("Alder", "Birch", "Cedar", "Elm", "Fern", "Hazel", "Juniper", "Larch", "Maple", "Pine", "Rowan", "Willow")
_GIVEN = ("Amber", "Beryl", "Coral", "Flint", "Garnet", "Jade", "Jasper", "Opal", "Pearl", "Ruby", "Slate", "Topaz")
_PAYERS = ("ACME", "MEDICARE", "MEDICAID", "SELF")
_DIAGNOSES = ("F32.2", "F31.4", "F33.1", "F20.9", "F43.10", "F41.1")


@dataclass(frozen=True, slots=True)
class Patient:
    """Somebody and what the hospital says of them, in the order it is sent. `story` is its name in stories.py."""

    mrn: str
    story: str
    about: str
    messages: tuple[Message, ...]


def patients(number: int, seed: int, now: datetime, zone: tzinfo) -> list[Patient]:
    """So many patients, every story among them where there is room; the same for the same arguments.

    Their ids have the seed and the minute of `now` in them, so that a second run on the same data is about others.
    """
    random = Random(f"{seed}/{number}")  # noqa: S311  # the same for the same seed is what is wanted
    others = [random.choice(ORDINARY) for _ in range(number - len(STORIES))]
    chosen = [*STORIES[:number], *others]
    mark = f"{seed % 1000:03d}{int(now.timestamp() // 60) % 10**7:07d}"
    numbers = count(1)
    told = [
        _patient(story, f"{mark}{turn:04d}", random, now=now, zone=zone, numbers=numbers)
        for turn, story in enumerate(chosen)
    ]
    return told[:1] + random.sample(told[1:], len(told) - 1)


def _patient(story: Story, mark: str, random: Random, *, now: datetime, zone: tzinfo, numbers: count[int]) -> Patient:
    person = _person(mark, random)
    shift, visits = random.randint(0, 90), count(1)
    today = now.astimezone(zone).date()

    def day(ago: float, hour: float) -> datetime:
        local = datetime.combine(today - timedelta(days=ago), time(), zone)
        return local + timedelta(hours=hour, minutes=shift)

    def visit() -> Visit:
        return Visit(person, f"V{mark}{next(visits)}", zone, lambda: f"SIM{mark[:10]}{next(numbers):06d}")

    messages = tuple(story(Teller(day, visit)))
    return Patient(person.mrn, story.__name__, (story.__doc__ or "").strip(), messages)


def _person(mark: str, random: Random) -> Person:
    born = date(1950, 1, 1) + timedelta(days=random.randrange(20_000))
    return Person(
        mrn=f"M{mark}",
        family=random.choice(_FAMILY),
        given=random.choice(_GIVEN),
        born=born,
        sex=random.choice("FM"),
        payer=random.choice(_PAYERS),
        diagnosis=random.choice(_DIAGNOSES),
    )
