"""What may be asked of the messages: by time, facility, trigger, control id, answer and note; by record number or visit
number only in a request's body, never in an address. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple, get_args

from pydantic import AwareDatetime, Field

from shared.scope import Scope
from shared.web.commands import Command, Name

AnswerCode = Literal["AA", "AE", "AR"]
MessageNote = Literal["applied", "waiting", "no-effect", "unmapped", "taken-back", "kept", "error", "refused"]
"""What became of a message; `refused` is said of those answered AR, which are kept for a limited time."""
NOTES: tuple[str, ...] = get_args(MessageNote)
ANSWERS: tuple[str, ...] = get_args(AnswerCode)
Sent = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]
"""A text as a sender writes it in one field."""


class MessageFilters(Command):
    """Which messages; without any all that the caller may see. No field is about a patient: these may be in an
    address."""

    since: AwareDatetime | None = Field(default=None, description="that arrived then or later")
    until: AwareDatetime | None = Field(default=None, description="that arrived before then")
    facility: Name | None = Field(default=None, description="one facility of site config")
    trigger: Sent | None = Field(default=None, description="MSH-9.2, as in `A01`")
    control_id: Sent | None = Field(default=None, description="MSH-10")
    answer: AnswerCode | None = Field(default=None, description="MSA-1 as it was sent back")
    note: MessageNote | None = Field(default=None, description="what became of it")


class MessageQuestion(MessageFilters):
    """The same, and of which patient or visit."""

    mrn: Sent | None = Field(default=None, description="PID-3.1 of the patient")
    authority: Sent | None = Field(default=None, description="PID-3.4 of it; without: the facility's own")
    visit_number: Sent | None = Field(default=None, description="PV1-19")
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, Field(max_length=400)] | None = None


FILTERS = tuple(MessageFilters.model_fields)
"""The names of the filters that may be in an address."""
LISTED_NOTES: Mapping[str, MessageNote] = {
    "waiting": "waiting", "ae": "error", "unmapped": "unmapped", "ar": "refused",
}  # fmt: skip
"""State of a list of messages, as a caller names it → the note of the messages in it."""


class WantedMessages(NamedTuple):
    """A question as it is looked up. `scope`: the facilities; `since` and `until`: bounds of message ids, which sort by
    arrival; `patients` and `visits`: ids that it is narrowed to, None: it is not; `after`: the id behind which the page
    begins; `down`: the newest first."""

    scope: Scope
    most: int
    since: str | None = None
    until: str | None = None
    trigger: str | None = None
    control_id: str | None = None
    answer: str | None = None
    note: str | None = None
    patients: frozenset[str] | None = None
    visits: frozenset[str] | None = None
    after: str | None = None
    down: bool = True

    @property
    def of_kept(self) -> bool:
        """Whether messages answered AA or AE may be among them."""
        return self.answer != "AR" and self.note != "refused"

    @property
    def of_refused(self) -> bool:
        """Whether messages answered AR may be among them: nobody reads whom such a message is about."""
        narrowed = self.patients is not None or self.visits is not None
        return self.answer in {None, "AR"} and self.note in {None, "refused"} and not narrowed
