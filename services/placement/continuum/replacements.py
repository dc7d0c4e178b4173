"""One writer's statements through their rewordings (`replaces`): the first of each, and the one that stands. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shared.facts.envelope import Fact
from shared.facts.restating import OwnFacts


def roots_of(own: Iterable[Fact]) -> dict[str, str]:
    """ce_id → the first statement of what it says, of one writer's facts in their order."""
    found: dict[str, str] = {}
    for fact in own:
        before = fact.value.replaces
        found[fact.id] = found.get(before, before) if before else fact.id
    return found


def standing_of(own: OwnFacts, ce_id: str) -> Fact | None:
    """What stands of a statement, by the ce_id of any of its wordings; None where it was taken back, or never made."""
    found = last_of(own, ce_id)
    return None if found is None or found.id in own.cancelled else found


def last_of(own: Sequence[Fact], ce_id: str) -> Fact | None:
    """The last wording of a statement, taken back or not."""
    roots = roots_of(own)
    root = roots.get(ce_id)
    return next((fact for fact in reversed(own) if root is not None and roots[fact.id] == root), None)
