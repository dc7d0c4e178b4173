"""The fields that every fact of placement has: which episode, patient and facility it is about, with which labels."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from services.placement.continuum.model import Folded
from shared.events.base import LabelledHeading


class About(NamedTuple):
    """What a fact is about; `facility` is the program's where the fact is about a program."""

    episode_id: str
    patient_id: str
    facility: str
    labels: tuple[str, ...] = ()

    def heading(self, now: datetime, at: datetime | None = None) -> LabelledHeading:
        """The fields that every fact has: it happened at `at`, else now, and is recorded now."""
        return LabelledHeading(
            episode_id=self.episode_id,
            patient_id=self.patient_id,
            facility=self.facility,
            labels=self.labels,
            occurred_at=at or now,
            recorded_at=now,
        )


def about(folded: Folded, facility: str | None = None) -> About:
    """The heading's fields from the fold; `facility` takes the place of the episode's own where it is given."""
    return About(folded.episode_id, folded.patient_id, facility or folded.facility, folded.labels)
