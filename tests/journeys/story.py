"""What a story file may say: a title, a patient, steps in plain words and what must be so; plays nothing.

A step is one mapping of "who does" to what is told with it, in the words of `steps.STEPS`; days count from day 0, a
Monday. `now it is so` waits until what it names is so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, model_validator

from tests.journeys.steps import STEPS
from tests.journeys.told import Told

Words = tuple[str, ...]
NOW = "now it is so"


class UnfitStory(ValueError):
    """A file says something that no story can say: the text names the file, the place, and what would do."""


class Who(Told):
    """The patient; payer and diagnosis as the hospital sends them."""

    family: str
    given: str
    born: date = date(1986, 4, 2)
    payer: str = "ACME"
    diagnosis: str = "F33.2"


class Period(Told):
    """One service period in its last version; `until` is half-open (contract 4), `days` how many were attended."""

    level: str
    program: str
    payer: str
    start: int = Field(alias="from")
    until: int | None = None
    days: int = 0
    status: str = "30"
    warnings: Words = ()
    authorizations: Words = ()
    leave: Words = ()


class Expected(Told):
    """What must be so; what is not named is not looked at."""

    state: str | None = None
    level: str | None = None
    announced: Words | None = None
    closings: Words | None = None
    ineffective: Words | None = None
    conflicts: Words | None = None
    searches: Words | None = None
    needs: Words | None = None
    gaps: Words | None = None
    seats: Words | None = None
    offers: Words | None = None
    authorizations: Words | None = None
    used: Words | None = None
    periods: tuple[Period, ...] | None = None
    follow_ups: Words | None = None
    plans: Words | None = None
    referrals: Words | None = None
    risks: Words | None = None
    reviews: Words | None = None
    worklists: Words | None = None
    disclosed: Words | None = None
    packets: Words | None = None
    withheld: Words | None = None

    def plain(self) -> dict[str, Any]:
        """What it names, as plain values."""
        return self.model_dump(mode="json", by_alias=True, include=self.model_fields_set)


class Story(Told):
    """One story file; a step is its words and what is told with it."""

    title: str
    patient: Who
    days_ago: int = 120
    exactly: bool = False
    """Day 0 is exactly `days-ago` before the day on which it is played, whatever day of the week that is."""
    steps: tuple[tuple[str, Any], ...]
    expect: Expected

    @model_validator(mode="before")
    @classmethod
    def _in_words(cls, told: Any) -> Any:
        if not isinstance(told, dict) or not isinstance(told.get("steps"), Sequence):
            raise ValueError("a story has title, patient, steps (a list) and expect")  # noqa: TRY004  # as pydantic asks
        return {**told, "steps": tuple(_step(number, one) for number, one in enumerate(told["steps"], 1))}


def _step(number: int, told: Any) -> tuple[str, Told]:
    if isinstance(told, str):
        told = {told: None}
    if not isinstance(told, dict) or len(told) != 1:
        raise ValueError(f"step {number}: a step is one `who does: {{…}}`")
    ((words, given),) = told.items()
    if words != NOW and words not in STEPS:
        raise ValueError(f"step {number}: nobody knows how `{words}`; known are: {', '.join((NOW, *STEPS))}")
    model = Expected if words == NOW else STEPS[words].told
    try:
        return words, model.model_validate(given or {})
    except ValidationError as unfit:
        raise ValueError(f"step {number}, {words}: {_wrong(unfit)}") from None


def _wrong(unfit: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, one['loc']))} {one['msg']}".strip() for one in unfit.errors())


def read(path: Path) -> Story:
    """The story in a file. Raises UnfitStory."""
    try:
        return Story.model_validate(yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader))
    except ValidationError as unfit:
        raise UnfitStory(f"{path.name}: {_wrong(unfit)}") from None
    except yaml.YAMLError as unfit:
        raise UnfitStory(f"{path.name}: {unfit}") from None
