"""The base of every request body that a person's act is read from; without rules and HTTP."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]+$")]
"""An id or a code of the site: 1 to 80 characters, none of them a control character."""


class Command(BaseModel):
    """One request body, immutable. An unknown field is an error; errors do not repeat what was sent."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)
