"""What a fact must be for the fold to read it, beyond what its type checks; the fold checks nothing more. Pure."""

from __future__ import annotations

from collections.abc import Callable

from shared.errors import InvalidMessage
from shared.facts.envelope import Fact
from shared.facts.values import UnknownFact


def checked(fact: Fact, has_facility: Callable[[str], bool]) -> Fact:
    """The fact, when the fold can read it. Raises InvalidMessage, which names a field and never its value.

    A fact of a type that this release does not know is not checked: it is kept as it came.
    """
    if isinstance(fact.value, UnknownFact):
        return fact
    if fact.value.episode_id != fact.subject:
        raise InvalidMessage("the episode_id is not the ce_subject")
    if not has_facility(fact.value.facility):
        raise InvalidMessage("the site config has no such facility; add it, then replay the dead letter")
    return fact
