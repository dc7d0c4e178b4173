"""The JSON of what a person says of a need that the site's vocabulary does not have, as types that check it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from services.intake.requests.commands import Code
from shared.web.commands import Command

NeedState = Literal["open", "mapped", "set-aside"]


class MapNeed(Command):
    """`POST /api/unknown-needs/{id}/mapped`: it is a need that the site has."""

    need: Code = Field(description="the need of the site's vocabulary: `transport`, or with a value `language:es`")


class SayNeed(Command):
    """`POST /api/unknown-needs/{id}/set-aside` and `/taken-back`: the address says it all."""


class NeedDecided(BaseModel):
    """A need that is not in the vocabulary, and what is decided of it; what was told is in the list alone."""

    need_id: str
    facility: str
    patient_id: str
    state: NeedState
    need: str | None
    since: datetime
