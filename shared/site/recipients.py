"""The recipients outside in site config: what each gets, and under which agreements. Values that check themselves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import cache
from typing import Annotated, Literal

from msgspec.structs import fields
from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from shared.events import CARE_FACTS, CONSENTS, TAKING_BACK, CareFact, type_name
from shared.site.values import Label, Name, Part

RecipientId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")]
"""The topic is out.<id>."""
Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")]
ALWAYS = frozenset(field.encode_name for field in fields(CareFact)) - {"stay"}
"""Fields of every fact: which of them go out is not the site's to say."""
NEVER = frozenset(type_name(fact.TYPE) for fact in (*CONSENTS, *TAKING_BACK))
"""What is no content: consents are the gate's own, and a correction goes to whoever got what it corrects."""


class Agreement(Part):
    """A basis for disclosing without the patient's consent, by its kind (42 CFR 2.11 and 2.12(c)(4), 2.53, 2.61-2.67).

    `covers`: labels that a disclosed fact may have; empty: only facts without labels.
    """

    id: Name
    kind: Literal["service-agreement", "audit", "court-order"] = "service-agreement"
    covers: tuple[Label, ...] = ()
    begins: date = Field(alias="from")
    ends: date | None = Field(default=None, alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> Agreement:
        if self.ends is not None and self.ends < self.begins:
            raise PydanticCustomError("agreement", "`to` must not be before `from`")
        return self


class Received(Part):
    """One type of fact that a recipient gets, and which of its fields."""

    type: Name
    fields: tuple[Name, ...] = ()

    @property
    def ce_type(self) -> str:
        """`admitted` → `care.admitted.v1`."""
        return type_name(self.type)


class Recipient(Part):
    """A recipient outside. A consent names it or its class; its purpose is what a consent has to be for."""

    id: RecipientId
    title: Name
    recipient_class: Word = Field(alias="class")
    purpose: Word
    facilities: tuple[Name, ...] = ()
    """Whose facts; absent: every facility's."""
    receives: tuple[Received, ...] = Field(min_length=1)
    agreements: tuple[Agreement, ...] = ()


def unknown_parts(recipient: Recipient) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """(where, what is wrong) for types and fields that do not exist, or that a site may not name."""
    for n, each in enumerate(recipient.receives):
        model = CARE_FACTS.get(each.ce_type)
        if model is None or each.ce_type in NEVER:
            yield ("receives", n, "type"), f"there is no fact `{each.type}` that a recipient may get"
            continue
        for m, name in enumerate(each.fields):
            if name not in _own_fields(model):
                yield ("receives", n, "fields", m), f"`{each.type}` has no field `{name}` of its own"


@cache
def _own_fields(model: type[CareFact]) -> frozenset[str]:
    """The fields of a type of fact that not every fact has."""
    return frozenset(field.encode_name for field in fields(model)) - ALWAYS
