"""Whom and what one of placement's own facts is about: the fields that every fact has; decides nothing."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from services.placement.continuum.model import Folded
from shared.events.base import LabelledHeading


class About(NamedTuple):
    """The episode as its facts name it; `facility` is the program's where a fact is about one."""

    episode_id: str
    patient_id: str
    facility: str
    labels: tuple[str, ...] = ()

    def heading(self, now: datetime, at: datetime | None = None) -> LabelledHeading:
        """The fields of every fact: it happened at `at`, else now, and is learnt now."""
        return LabelledHeading(
            episode_id=self.episode_id,
            patient_id=self.patient_id,
            facility=self.facility,
            labels=self.labels,
            occurred_at=at or now,
            recorded_at=now,
        )


def about(folded: Folded, facility: str | None = None) -> About:
    """What the fold says of the episode, at this facility where one is named."""
    return About(folded.episode_id, folded.patient_id, facility or folded.facility, folded.labels)
