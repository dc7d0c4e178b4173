"""Measures of follow-up in site config, one row each: which discharges open a window, what excludes them, what keeps
it.

Values that check themselves. Code lists of measures are licensed, so none comes with Stepdown; a site lists chapters of
a public classification here (docs/decisions/0155-follow-up-windows-are-a-table.md).
"""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from shared.events.levels import Level
from shared.events.open_lists import DispositionKind
from shared.site.values import Ages, Label, Mode, Name, Part, Setting

Reason = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")]
_CODES = re.compile(r"([A-Z][0-9][0-9A-Z])(?:-([A-Z][0-9][0-9A-Z])|\.?([0-9A-Z]{1,4}))?")
_ICD_10 = re.compile(r"i-?10.*|icd-?10.*|unknown")


def _codes(text: str) -> str:
    if (found := _CODES.fullmatch(text)) is None:
        raise PydanticCustomError(
            "codes", "not a code of ICD-10, a beginning of one, or a range of categories: `F20-F99`"
        )
    if found[2] is not None and found[2] < found[1]:
        raise PydanticCustomError("codes", "the range ends before it begins")
    return text


Codes = Annotated[str, AfterValidator(_codes)]
"""`F33`, `T14.91` and what begins so, or the categories `F20-F99`."""


def is_icd_10(system: str) -> bool:
    """True when this code system, as hospitals name it in DG1-3.3, is ICD-10; an empty name is taken for ICD-10."""
    return _ICD_10.fullmatch(system.lower()) is not None


def among(code: str, asked: tuple[str, ...]) -> bool:
    """True when an ICD-10 code is among these, with or without its dot."""
    plain = code.replace(".", "").upper()
    return any(_fits(plain, each) for each in asked)


def _fits(plain: str, asked: str) -> bool:
    first, dash, last = asked.partition("-")
    return first <= plain[:3] <= last if dash else plain.startswith(asked.replace(".", ""))


class CountedStay(Part):
    """Stays that keep a window: by a day attended, by a first day, or at a 24-hour level by presence.

    `labels`: the stay has one of them. `modes` and `provider_kinds` are about days attended; absent: any. Where a day's
    kind of provider was not given, it counts.
    """

    levels: tuple[Level, ...] = Field(min_length=1)
    labels: tuple[Label, ...] = ()
    modes: tuple[Mode, ...] = ()
    provider_kinds: tuple[Name, ...] = ()


class CountedContacts(Part):
    """Contacts that keep a window: in one of these modes, with one of these kinds of provider."""

    modes: tuple[Mode, ...] = Field(min_length=1)
    provider_kinds: tuple[Name, ...] = Field(min_length=1)


class Exclusion(Part):
    """Why a discharge is not counted: how it ended, a death, or a later stay; in days after the leaving day.

    A stay that began before the discharge and goes on after it counts as on day 0. `labels`: the later stay has one of
    them.
    """

    reason: Reason
    death: bool = False
    dispositions: tuple[DispositionKind, ...] = ()
    next_levels: tuple[Level, ...] = ()
    labels: tuple[Label, ...] = ()
    from_day: int = Field(default=0, ge=0, le=365)
    to_day: int = Field(default=30, ge=0, le=365)

    @model_validator(mode="after")
    def _one_condition(self) -> Exclusion:
        if [self.death, bool(self.dispositions), bool(self.next_levels)].count(True) != 1:
            raise PydanticCustomError("exclusion", "one of `death`, `dispositions` and `next_levels`")
        if self.labels and not self.next_levels:
            raise PydanticCustomError("exclusion", "`labels` are of the stay that followed: with `next_levels`")
        if self.to_day < self.from_day:
            raise PydanticCustomError("exclusion", "`to_day` must not be before `from_day`")
        return self


_ACUTE: Final = tuple(level for level in Level if level.traits.acute)
_NON_ACUTE: Final = tuple(level for level in Level if level.traits.round_the_clock and not level.traits.acute)
_COUNTED: Final = tuple(level for level in Level if level.traits.counts_as_follow_up)
LAST_DISCHARGE: Final = (
    Exclusion(reason="deceased", death=True),
    Exclusion(reason="transferred", dispositions=("transfer", "custody")),
    Exclusion(reason="hospice", dispositions=("hospice",)),
    Exclusion(reason="transferred", next_levels=_ACUTE, to_day=0),
    Exclusion(reason="readmitted", next_levels=_ACUTE, from_day=1),
    Exclusion(reason="non-acute-stay", next_levels=_NON_ACUTE),
)
"""Where a row says nothing: of discharges within 30 days the last one counts, and nobody is asked after who died, is
in other hands, or is cared for round the clock."""
STEPPED_DOWN: Final = (CountedStay(levels=_COUNTED),)
"""Where a row says nothing: programs and clinics keep a window."""


class FollowUpClock(Part):
    """A window after a discharge: from the first to the last day after the leaving day, both inclusive, facility's
    zone.

    Which discharges open it: `levels`; `settings` or `not_settings`; `labels`; `ages` when the stay began; `diagnoses`,
    the principal one. An absent condition asks nothing, and what nobody reported counts as met: to call a patient once
    too often does less harm than not to call.
    """

    measure: Name
    levels: tuple[Level, ...] = Field(min_length=1)
    settings: tuple[Setting, ...] = ()
    not_settings: tuple[Setting, ...] = ()
    labels: tuple[Label, ...] = ()
    ages: Ages | None = None
    diagnoses: tuple[Codes, ...] = ()
    first_day: int = Field(default=1, ge=0, le=365)
    last_day: int = Field(ge=0, le=365)
    excluded: tuple[Exclusion, ...] = LAST_DISCHARGE
    """The first that fits is the reason."""
    stays: tuple[CountedStay, ...] = STEPPED_DOWN
    contacts: CountedContacts | None = None
    """Absent: only a stay keeps the window."""

    @model_validator(mode="after")
    def _in_order(self) -> FollowUpClock:
        if self.last_day < self.first_day:
            raise PydanticCustomError("follow_up", "`last_day` must not be before `first_day`")
        if self.settings and self.not_settings:
            raise PydanticCustomError("follow_up", "either `settings` or `not_settings`")
        return self
