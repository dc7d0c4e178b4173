"""What a fact must be for the fold to read it, beyond what its type says; the fold looks at nothing again. Pure."""

from __future__ import annotations

from collections.abc import Callable

from shared.errors import InvalidMessage
from shared.facts.envelope import Fact
from shared.facts.values import UnknownFact


def checked(fact: Fact, has_facility: Callable[[str], bool]) -> Fact:
    """A fact that the fold can read, else InvalidMessage, which names a field and never its value.

    Nothing is asked of types that this release does not know: they are kept.
    """
    if isinstance(fact.value, UnknownFact):
        return fact
    if fact.value.episode_id != fact.subject:
        raise InvalidMessage("the episode_id is not the ce_subject")
    if not has_facility(fact.value.facility):
        raise InvalidMessage("the site config has no such facility; add it, then replay the dead letter")
    return fact
