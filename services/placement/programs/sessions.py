"""The sessions of an episode's stays at programs, as they were told and what became of each. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from services.placement.continuum.replacements import roots_of
from services.placement.continuum.states import MEANING, NoEffectReason
from shared.facts.envelope import Fact
from shared.values import value_object

SESSIONS = frozenset({"attended", "absent"})
State = Literal["attended", "absent", "withdrawn"]
STATES: tuple[State, ...] = ("attended", "absent", "withdrawn")


@value_object
class SessionRecord:
    """One session. `id` is the ce_id of its first statement, `fact` its last wording; `word` says why it has no
    effect."""

    id: str
    state: State
    fact: Fact
    word: str | None

    @property
    def placement_id(self) -> str:
        """The stay that it is of."""
        return str(self.fact.value["stay"]["id"])

    def told(self) -> dict[str, Any]:
        """As lists show it."""
        value = self.fact.value
        names = ("session_id", "date", "group", "services", "reason")
        content = {name: value[name] for name in names if value.get(name) is not None}
        effect: dict[str, Any] = {"counts": self.state != "withdrawn" and self.word is None}
        if self.word is not None:
            effect |= {"word": self.word, "means": MEANING.get(NoEffectReason(self.word), self.word)}
        return {"placement_id": self.placement_id, **content, "effect": effect}


def sessions(own: Sequence[Fact], ineffective: Mapping[str, str]) -> tuple[SessionRecord, ...]:
    """Every session that was told, by placement's own facts in their order; `ineffective` is the fold's."""
    roots, gone = roots_of(own), {fact.value.get("cancels") for fact in own}
    last = {roots[fact.id]: fact for fact in own if fact.name in SESSIONS}
    return tuple(
        SessionRecord(root, _state(fact, gone), fact, None if fact.id in gone else ineffective.get(fact.id))
        for root, fact in last.items()
    )


def _state(fact: Fact, gone: set[Any]) -> State:
    if fact.id in gone:
        return "withdrawn"
    return "attended" if fact.name == "attended" else "absent"
