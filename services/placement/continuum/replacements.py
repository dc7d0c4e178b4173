"""Chains of one writer's facts that replace each other: the first of each, and the one that stands. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shared.facts.envelope import Fact
from shared.facts.restating import OwnFacts


def roots_of(own: Iterable[Fact]) -> dict[str, str]:
    """ce_id → ce_id of the first fact of its chain of replacements. `own`: one writer's facts by sequence."""
    found: dict[str, str] = {}
    for fact in own:
        before = fact.value.replaces
        found[fact.id] = found.get(before, before) if before else fact.id
    return found


def standing_of(own: OwnFacts, ce_id: str) -> Fact | None:
    """The fact that stands of the chain that `ce_id` is in; None where it was cancelled or there is no such fact."""
    found = last_of(own, ce_id)
    return None if found is None or found.id in own.cancelled else found


def last_of(own: Sequence[Fact], ce_id: str) -> Fact | None:
    """The last fact of the chain that `ce_id` is in, cancelled or not; None where there is no such fact."""
    roots = roots_of(own)
    root = roots.get(ce_id)
    return next((fact for fact in reversed(own) if root is not None and roots[fact.id] == root), None)
