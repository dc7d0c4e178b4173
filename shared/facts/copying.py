"""What a writer states under the surviving episode of a merge, so that its facts of the retired one count there
(contract 3.6 rule 11). Pure; knows no type of fact.

A copy says what the original says, of the surviving episode and patient; what it names are the copies of what the
original names. It is stated once these are seen, restated where they or the original change, and taken back with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from msgspec import structs

from shared.events.base import CareFact
from shared.events.taking_back import FactCancelled, taken_back
from shared.facts.envelope import Fact
from shared.facts.restating import OwnFacts, same

REFERENCES: Final = ("corroborates", "derived_from", "trigger", "discharge", "by_fact", "falls")
"""Fields that hold ce_ids, beside `replaces`, which a copy has only where it restates a copy."""
COPY_GONE: Final = "copied-fact-gone"
"""The reason for taking back a copy whose original does not count there any more."""
Named = Callable[[str, str], str | None]
"""(Field, ce_id that the original names) → the ce_id that its copy names; None: that has not been seen yet."""


class Survivor(NamedTuple):
    """Under whom copies are stated."""

    episode_id: str
    patient_id: str


class CopyMaker(Protocol):
    """How the facts of a retired episode read in the surviving one, and how they are stated there, at `now`."""

    now: datetime

    def of(self, value: CareFact) -> CareFact | None:
        """The value of the copy; None while it names what has not been seen yet."""

    def line_of(self, value: CareFact) -> str:
        """The line in which the fact waits: those of one line are copied in their order."""

    def state(self, value: CareFact, copy_of: str | None = None) -> Fact:
        """State a value as the writer's next fact in the surviving episode; `copy_of`: the original's ce_id."""


def mapped(value: CareFact, into: Survivor, named: Named) -> CareFact | None:
    """The value as its copy says it; None while it names what has no copy yet."""
    changes: dict[str, object] = {"episode_id": into.episode_id, "patient_id": into.patient_id, "replaces": None}
    for field in REFERENCES:
        told = getattr(value, field, None)
        if not told:
            continue
        found = [named(field, told)] if isinstance(told, str) else [named(field, one) for one in told]
        if None in found:
            return None
        changes[field] = found[0] if isinstance(told, str) else tuple(found)
    return structs.replace(value, **changes)


def latest_copies(own: Iterable[Fact], roots: Mapping[str, str]) -> dict[str, Fact]:
    """Root of an original's chain → its last copy among the writer's facts of the surviving episode, by sequence.
    `roots`: of the facts of the retired episode."""
    return {roots[fact.copy_of]: fact for fact in own if fact.copy_of and fact.copy_of in roots}


def copy_over(
    originals: Sequence[Fact],
    own: OwnFacts,
    roots: Mapping[str, str],
    by: CopyMaker,
) -> list[Fact]:
    """State what makes the copies in the surviving episode those of `originals`; returns the new facts. Of facts that
    have no copy yet, one that waits holds back those after it in its line, since their order may be their meaning.

    `originals`: the writer's standing facts that were merged there, by sequence. `own`: the writer's facts of the
    surviving episode. A copy that somebody took back or restated there
    is left alone.
    """
    copies = latest_copies(own, roots)
    back = {
        fact.value.cancels for fact in own if isinstance(fact.value, FactCancelled) and fact.value.reason == COPY_GONE
    }
    keys = {roots[one.id] for one in originals}
    said = [
        by.state(taken_back(was.value, was.id, reason=COPY_GONE, now=by.now))
        for key, was in copies.items()
        if key not in keys and was.id not in own.fallen
    ]
    held = set[str]()
    for one in originals:
        was = copies.get(roots[one.id])
        if was is not None and was.id in own.fallen:
            if was.id not in back:
                continue
            was = None
        value, line = by.of(one.value), by.line_of(one.value)
        if value is None and was is None:
            held.add(line)
        if value is None or (line in held and was is None) or (was is not None and same(was.value, value)):
            continue
        said.append(by.state(structs.replace(value, replaces=was.id) if was else value, copy_of=one.id))
    return said
