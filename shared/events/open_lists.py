"""Lists of words that may grow: published as a string with examples, an unknown word is read as `other` (contract 2).

A writer names a known word (the type checker sees the list); an older reader meets a newer word and goes on.
`Level` is no such list: a new level is a v2 of the types that name one.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar, get_args

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

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

_Told = TypeVar("_Told")


def read_as(words: tuple[str, ...], told: _Told) -> _Told | str:
    """The word as it was told, or `other` where it is none of `words`; what is no text is left as it is."""
    return OTHER if isinstance(told, str) and told not in words else told


class OpenList:
    """Marks a field of one of the lists above: its schema has no closed list, its reader knows no wrong word."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Before the list is checked, a word that is not in it becomes `other`."""
        return core_schema.no_info_before_validator_function(partial(read_as, get_args(source)), handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """A string; the words of today are its examples."""
        return {"type": "string", "examples": handler(schema)["enum"]}


OPEN: Final = OpenList()

if TYPE_CHECKING:
    Open = Annotated[_Told, OPEN]
else:

    class Open:
        """`Open[Words]` in a struct: any text, which its `__post_init__` reads as one of these words."""

        def __class_getitem__(cls, words: Any) -> Any:
            """The field's type, with the words as a schema's examples."""
            return Annotated[str, Field(json_schema_extra={"examples": list(get_args(words))})]
