"""Which facility has an episode, as SQL conditions on `episodes AS e`; `:facilities` are those of a reader."""

from __future__ import annotations

_THEIRS = "ANY(CAST(:facilities AS text[]))"
PLACED_THERE = (
    "EXISTS (SELECT 1 FROM told_episodes AS h WHERE h.episode_id = e.episode_id "
    "AND h.facilities && CAST(:facilities AS text[]))"
)
"""An offer, seat, placement or stay of the episode is at a program of one of them, by care.episodes (contract 5.9)."""
HAD_THERE = (
    f"(EXISTS (SELECT 1 FROM visits AS v WHERE v.episode_id = e.episode_id AND v.facility = {_THEIRS}) "  # noqa: S608 - our own words
    "OR EXISTS (SELECT 1 FROM facts AS t WHERE t.episode_id = e.episode_id AND t.standing AND t.visit_id IS NULL "
    "AND t.type IN ('referred', 'assessed') "
    f"AND convert_from(t.value, 'UTF8')::jsonb ->> 'facility' = {_THEIRS}) OR {PLACED_THERE})"
)
"""One of them told a visit, referral or assessment of the episode, or it is at a program of one of them."""
