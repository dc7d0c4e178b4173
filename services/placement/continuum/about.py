"""Whom and what one of placement's own facts is about: the fields that every fact has; decides nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from services.placement.continuum.model import Folded


class About(NamedTuple):
    """The episode as its facts name it; `facility` is the program's where a fact is about one."""

    episode_id: str
    patient_id: str
    facility: str
    labels: tuple[str, ...] = ()

    def heading(self, now: datetime, at: datetime | None = None) -> dict[str, Any]:
        """The fields of every fact: it happened at `at`, else now, and is learnt now."""
        return {**self._asdict(), "occurred_at": at or now, "recorded_at": now}


def about(folded: Folded, facility: str | None = None) -> About:
    """What the fold says of the episode, at this facility where one is named."""
    return About(folded.episode_id, folded.patient_id, facility or folded.facility, folded.labels)
