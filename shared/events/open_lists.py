"""Lists of words that may grow: published as a string with examples, an unknown word is read as `other` (contract 2).

A writer names a known word (the type checker sees the list); an older reader meets a newer word and goes on.
`Level` is no such list: a new level is a v2 of the types that name one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar, get_args

from pydantic import Field

OTHER: Final = "other"

VisitClass = Literal["emergency", "observation", "crisis", "other"]
DispositionKind = Literal[
    "home", "transfer", "against-advice", "elopement", "deceased", "hospice", "custody", "other", "unknown"
]
SearchReason = Literal[
    "placed",
    "patient-declined",
    "no-program",
    "lost-contact",
    "discharge-cancelled",
    "plan-cancelled",
    "deceased",
    "other",
]
BegunBy = Literal["discharge", "discharge-planned", "referral", "assessment", "person", "other"]
WaitingFor = Literal["bed", "payer", "placement", "family", "court", "transport", "other"]
ReferralKind = Literal[
    "outpatient-therapy",
    "psychiatry",
    "medication",
    "support-group",
    "community-support",
    "recovery-residence",
    "primary-care",
    "family",
    "peer-support",
    "other",
]
Role = Literal["coordinator", "therapist", "other"]
DecidedBy = Literal["person", "other"]
ReviewKind = Literal[
    "authorization-ending",
    "authorization-used-up",
    "next-review",
    "peer-to-peer",
    "appeal",
    "certification",
    "recertification",
    "plan",
    "length-of-stay",
    "other",
]
BenefitKind = Literal["eligibility", "self-pay-price", "other"]
DoneBy = Literal["authorization", "certification", "plan", "person", "other"]

_Told = TypeVar("_Told")


def read_as(words: tuple[str, ...], told: _Told) -> _Told | str:
    """The word itself where it is one of `words`, else `other`; a value that is not text is returned as it is."""
    return OTHER if isinstance(told, str) and told not in words else told


if TYPE_CHECKING:
    Open = Annotated[_Told, "open"]
else:

    class Open:
        """`Open[Words]` in a struct: any text, which its `__post_init__` reads as one of these words."""

        def __class_getitem__(cls, words: Any) -> Any:
            """The field's type, with the words as a schema's examples."""
            return Annotated[str, Field(json_schema_extra={"examples": list(get_args(words))})]
