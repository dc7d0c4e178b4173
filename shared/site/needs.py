"""The site's vocabulary of needs: what a patient may need of a program, in words, and who answers it (contract 3.7.3).

Eight needs are known to the code (`KNOWN`), since they are judged by a program's own fields; a row for one of them
says its words and kind. Every other one is the site's own, and is answered by what its programs say of it.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from shared.events.open_lists import ReferralKind
from shared.site.values import Label, Name, NeedKey, Part

Kind = Literal["must", "preference"]
YES = ("yes",)
"""What a need is told with that is only asked for or not."""
REFERRAL_DAYS = 7
"""In how many days a referral that answers a need ought to be settled, where the site says nothing."""
NO = "no"
"""What a need is told with that is there no longer."""
RESERVED = frozenset({*YES, NO})


class Need(Part):
    """One need. `values`: the codes that it may have; empty: it is asked for or not.

    `judged`: `any`: the program answers one of the values that are needed; `all`: every one; `up-to`: the values are in
    ascending order, and the program answers up to the highest that it says. `answered_by`: the field of a program that
    answers, else its `answers`; `hours`: at which times of day it meets (morning, afternoon, evening), and `all`
    of them have to suit. `unsaid`: what it means when a program says nothing of it. `referral`: the kind of referral
    that answers it instead of a program; `referral_to`: to whom it goes, absent: that is open; `referral_days`: in how
    many days it ought to be settled, absent: `REFERRAL_DAYS`. `labels`: what the need tells of the patient.
    """

    key: NeedKey
    words: Name
    kind: Kind = "preference"
    values: tuple[Name, ...] = ()
    judged: Literal["any", "all", "up-to"] = "any"
    answered_by: Literal["answers", "modalities", "hours"] = "answers"
    unsaid: Literal["fails", "meets"] = "fails"
    referral: ReferralKind | None = None
    referral_to: Name | None = None
    referral_days: int | None = Field(default=None, ge=0, le=365)
    labels: tuple[Label, ...] = ()

    @model_validator(mode="after")
    def _fits_itself(self) -> Need:
        if self.key in KNOWN and (self.values or self.referral or self.judged != "any"):
            text = "this need is judged by a field of the program: its row has words and kind alone"
            raise PydanticCustomError("need", text)
        if self.referral is None and (self.referral_to or self.referral_days is not None):
            raise PydanticCustomError("need", "`referral_to` and `referral_days` are of a `referral`")
        if RESERVED & {*self.values}:
            raise PydanticCustomError("need", "`yes` and `no` say whether a need is there: no value is called so")
        if self.judged == "up-to" and not self.values:
            raise PydanticCustomError("need", "`up-to` asks for `values` in ascending order")
        return self


class LinePoints(Part):
    """Points in a waiting line for who has a need, or this value of it."""

    need: NeedKey
    value: Name | None = None
    points: int = Field(ge=1, le=10_000)


class WaitingLine(Part):
    """Who is first in a waiting line: points for each day since the discharge or referral, and for needs; of equal
    points who waits longer."""

    per_day: int = Field(default=1, ge=0, le=1000)
    needs: tuple[LinePoints, ...] = ()


KNOWN: dict[str, Kind] = {
    "payer": "must", "age_years": "must", "language": "must", "start_by": "must",
    "track": "preference", "days": "preference", "mode": "preference", "accreditation": "preference",
}  # fmt: skip
"""Needs that are judged by a program's own fields, and what each is where the site says nothing."""
DAY_PARTS = ("morning", "afternoon", "evening")
"""Times of day: before noon, from noon to five, from five on."""


def unfit_code(needs: tuple[Need, ...], code: str) -> str | None:
    """Why a code of a referral or an assessment (`transport`, `risk:high`) is none of the vocabulary's; None where it
    is one."""
    key, _, value = code.partition(":")
    need = next((each for each in needs if each.key == key), None)
    if key in KNOWN:
        return None if value else f"the need `{key}` is told with its value"
    if need is None:
        return "the site has no such need"
    if need.values and value not in need.values:
        return f"the need `{key}` has other values: {', '.join(need.values)}"
    return "this need has no values" if value and not need.values else None


def codes_of(needs: tuple[Need, ...]) -> dict[str, str]:
    """Every code of the site's own needs that a referral may tell, in words: `risk:high` → `risk: high`."""
    own = [each for each in needs if each.key not in KNOWN]
    with_values = [(each, value) for each in own for value in each.values or ("",)]
    return {
        f"{each.key}:{value}" if value else each.key: f"{each.words}: {value}" if value else each.words
        for each, value in with_values
    }


def words_of(needs: tuple[Need, ...]) -> dict[str, str]:
    """Need → its words."""
    return {each.key: each.words for each in needs}


def kind_of(needs: tuple[Need, ...], key: str) -> Kind:
    """Whether a need is a must or a preference, by the site's row, else as it is known."""
    return next((each.kind for each in needs if each.key == key), KNOWN.get(key, "preference"))
