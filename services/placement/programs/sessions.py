"""The sessions of an episode's stays at programs, each as it was stated last, with its effect. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from services.placement.continuum.replacements import roots_of
from services.placement.continuum.states import MEANING, NoEffectReason
from shared.events.published import as_json
from shared.events.stays import Absent, Attended
from shared.facts.restating import OwnFacts
from shared.values import value_object

State = Literal["attended", "absent", "withdrawn"]
STATES: tuple[State, ...] = ("attended", "absent", "withdrawn")


@value_object
class SessionRecord:
    """One session. `id`: ce_id of the first fact about it; `told`: the last fact about it; `word`: why that has no
    effect, by contract 3.6; None: it has one."""

    id: str
    state: State
    told: Attended | Absent
    word: str | None

    @property
    def placement_id(self) -> str:
        """The id of its stay, which is the placement's."""
        return self.told.stay.id

    def shown(self) -> dict[str, Any]:
        """The session as the API shows it."""
        told = self.told
        found: dict[str, Any] = {
            "placement_id": self.placement_id, "session_id": told.session_id, "date": told.date.isoformat(),
        }  # fmt: skip
        if isinstance(told, Absent):
            found["reason"] = told.reason
        else:
            found |= {"group": told.group} if told.group is not None else {}
            found["services"] = [as_json(one) for one in told.services]
        return {**found, "effect": self._effect()}

    def _effect(self) -> dict[str, Any]:
        found: dict[str, Any] = {"counts": self.state != "withdrawn" and self.word is None}
        if self.word is not None:
            found |= {"word": self.word, "means": MEANING.get(NoEffectReason(self.word), self.word)}
        return found


def sessions(own: OwnFacts, ineffective: Mapping[str, str]) -> tuple[SessionRecord, ...]:
    """Every session that was stated, withdrawn ones too. `own`: placement's facts of the episode; `ineffective`: the
    fold's."""
    roots = roots_of(own)
    last = {roots[fact.id]: (fact.id, told) for fact in own if isinstance(told := fact.value, Attended | Absent)}
    return tuple(
        SessionRecord(root, "withdrawn", told, None)
        if ce_id in own.cancelled
        else SessionRecord(root, _state(told), told, ineffective.get(ce_id))
        for root, (ce_id, told) in last.items()
    )


def _state(told: Attended | Absent) -> State:
    return "attended" if isinstance(told, Attended) else "absent"
