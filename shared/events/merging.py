"""What is said of a merge that was taken back, and of the facts that hang on neither patient's records (contract 3.6
rule 11)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from shared.events.base import CareFact, Identifier, Instant, Writer


class MergeEnded(CareFact):
    """From `since` to `until` the records of another episode counted in this one; the merge was taken back since."""

    TYPE: ClassVar[str] = "merge-ended"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("placement",)
    retired_episode_id: Annotated[Identifier, Meta(description="the episode that counts by itself again")]
    since: Annotated[Instant, Meta(description="when intake recorded the merge")]
    until: Annotated[Instant, Meta(description="when intake recorded that it is taken back")]


class LeftoverSettled(CareFact):
    """A person says whose the facts are that were stated of a merged patient and hang on nothing of either record."""

    TYPE: ClassVar[str] = "leftover-settled"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("placement", "aftercare")
    facts: Annotated[tuple[Identifier, ...], Meta(description="ce_ids of the writer's own facts")]
    goes_to: Annotated[
        Identifier | None, Meta(description="the episode in which they are stated instead; absent: they stay")
    ] = None
