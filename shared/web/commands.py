"""What every request of a person has in common: a frozen value that knows its fields; no rule, no HTTP."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]+$")]
"""An id, or a code of the site."""


class Command(BaseModel):
    """One request: an unknown field is an error, and what was given is never printed."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)
