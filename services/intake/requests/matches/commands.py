"""The JSON of a decision about two records, as types that check it."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from services.intake.requests.commands import Text
from shared.web.commands import Command


class SamePerson(Command):
    """`POST /api/matches/{match_id}/same`: a merge where one facility has both records, else a link."""

    surviving_patient_id: Text | None = Field(
        default=None, description="which of the two stays after a merge; absent: the one who was known first"
    )
    occurred_at: AwareDatetime | None = Field(default=None, description="when it was decided; absent: now")


class NotDecided(Command):
    """`POST /api/matches/{match_id}/different` and `/taken-back`: two people; or what was decided is taken back."""

    occurred_at: AwareDatetime | None = Field(default=None, description="when it was decided; absent: now")


class MatchDecided(Command):
    """The answer: what the match is now, and what that did."""

    match_id: str = Field(description="the match")
    state: Literal["open", "same", "different"] = Field(description="what it is now")
    merged_at: tuple[str, ...] = Field(description="facilities whose two records are one now")
    linked: bool = Field(description="whether records of different facilities are linked")
