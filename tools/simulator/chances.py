"""What the simulator draws from: its YAML files, checked, and a seed. Without a clock or any other source of chance."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from random import Random
from typing import Annotated, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.errors import SetUpError
from shared.events.levels import Level

Share = Annotated[float, Field(ge=0, le=1)]
"""How often something happens, as a part of 1."""
Weights = Annotated[dict[str, Annotated[float, Field(ge=0)]], Field(min_length=1)]
Range = tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]]
"""(Fewest, most), both included."""
Nowhere = Literal["nowhere"]
Begin = Literal["emergency", "observation", "inpatient", "residential", "php", "iop", "outpatient"]
Disposition = Literal["home", "against-advice", "elopement", "transfer", "deceased"]


class YamlModel(BaseModel):
    """A part of a YAML file, whose keys have hyphens for underscores; an unknown key is an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, alias_generator=lambda name: name.replace("_", "-")
    )


class Journeys(YamlModel):
    """journeys.yml: what happens to patients. `days` and `days-between` are whole days."""

    half_year_days: Annotated[int, Field(ge=30, le=3660)]
    payers: Weights
    diagnoses: Weights
    begins: dict[Begin, float]
    home_from_emergency: Share
    days: dict[Level, Range]
    then: dict[Level, dict[Level | Nowhere, float]]
    days_between: Range
    leaves: dict[Disposition, float]
    moved_to_another_unit: Share
    away_for_some_days: Share
    away_at_the_end: Share
    crisis_meanwhile: Share
    another_payer: Share
    another_diagnosis: Share
    comes_back_later: Share

    @model_validator(mode="after")
    def _whole(self) -> Self:
        every = set(self.then)
        if every != set(self.days):
            raise ValueError("`days` and `then` name the same levels")
        if any(first > last for first, last in (*self.days.values(), self.days_between)):
            raise ValueError("a pair of days is the fewest and the most")
        return self


class HospitalProfile(YamlModel):
    """One hospital: its feed, the dialect of its HL7, and its weight (`patients`) in drawing whose hospital it is."""

    feed: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    patients: Annotated[float, Field(gt=0)]
    sending_facility: str
    line_end: Literal["CR", "LF", "CRLF"] = "CR"
    delimiters: Annotated[str, Field(min_length=5, max_length=5)] = "|^~\\&"
    visit_numbers: bool = True
    emergency: bool = True
    dispositions: dict[Disposition, str] = Field(default_factory=dict)


class OfMessages(YamlModel):
    """Of all messages, the shares that arrive twice, late (by so many hours) and so on."""

    sent_twice: Share
    told_again: Share
    late: Share
    late_hours: Range
    overtaken: Share
    broken_first: Share


class OfStays(YamlModel):
    """Of the stays to which it can happen, the shares to which it does."""

    discharge_cancelled: Share
    transfer_cancelled: Share
    discharge_corrected: Share
    transfer_told_late: Share
    registration_cancelled: Share
    program_began_too_early: Share


class OfPatients(YamlModel):
    """Of all patients, the shares of whom only this odd thing is sent, and nothing else."""

    unknown_unit: Share
    discharge_alone: Share
    admission_cancelled: Share


class Hospitals(YamlModel):
    """hospitals.yml: the hospitals, and how often what goes wrong in their messages."""

    hospitals: Annotated[tuple[HospitalProfile, ...], Field(min_length=1)]
    messages: OfMessages
    stays: OfStays
    patients: OfPatients


Model = TypeVar("Model", bound=BaseModel)


def read(model: type[Model], name: str) -> Model:
    """One of the simulator's YAML files. Raises SetUpError with the file's name and the place that does not fit."""
    try:
        text = files("tools.simulator").joinpath(name).read_text("utf-8")
        return model.model_validate(yaml.safe_load(text))
    except ValidationError as unfit:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in unfit.errors())
        raise SetUpError(f"{name}: {wrong}") from None


Named = TypeVar("Named", bound=str)


class Chance:
    """Draws by a seed. The same seed gives the same draws in every Python version: only `Random.random` is used."""

    def __init__(self, seed: str) -> None:
        self._random = Random(seed)  # noqa: S311  # the same for the same seed is what is wanted

    def happens(self, share: float) -> bool:
        """True in this share of all draws."""
        return self._random.random() < share

    def between(self, first: int, last: int) -> int:
        """A whole number from `first` to `last`, both included."""
        return first + int(self._random.random() * (last - first + 1))

    def one_of(self, weights: Mapping[Named, float]) -> Named:
        """One of the names, each as often as its weight says."""
        left = self._random.random() * sum(weights.values())
        for name, weight in weights.items():
            left -= weight
            if left < 0:
                return name
        return next(reversed(list(weights)))
