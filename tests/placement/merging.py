"""Intake as placement hears it where patients are merged: its facts by episode, its copies, and their cancels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from shared.facts.envelope import Fact
from tests import builders as tell


class Intake:
    """States facts with the next sequence of each episode; a merge and its copies are told in the order of a relay."""

    def __init__(self) -> None:
        self.said: dict[str, list[Fact]] = defaultdict(list)

    def says(self, *facts: Fact) -> list[Fact]:
        """These facts, numbered."""
        told = []
        for one in facts:
            numbered = replace(one, sequence=len(self.said[one.subject]) + 1)
            self.said[one.subject].append(numbered)
            told.append(numbered)
        return told

    def stays(self, episode: str, *facts: Fact) -> list[Fact]:
        """Facts of this episode and its patient, each with an id of its own."""
        named = (tell.of_episode(episode, one) for one in facts)
        own = (tell.with_value(one, one.as_json | {"patient_id": f"patient-of-{episode}"}) for one in named)
        return self.says(*(replace(one, id=f"{one.id}-{episode}") for one in own))

    def merges(self, retired: str, surviving: str, **more: Any) -> list[Fact]:
        """The merge on the retired episode, and copies of all that stands there under the surviving one."""
        told = tell.merged(surviving, episode=retired, patient_id=f"patient-of-{retired}", **more)
        return [*self.says(told), *self.copies(retired, surviving)]

    def copies(self, retired: str, surviving: str) -> list[Fact]:
        """Copies of what stands on the retired episode and has none yet."""
        known = {one.copy_of for one in self.standing(surviving)}
        left = [one for one in self.standing(retired) if one.id not in known and not one.name.startswith("patients-")]
        number = len(self.said[surviving])
        return self.says(*(replace(tell.copied(one, surviving), id=f"{one.id}-copy-{number}") for one in left))

    def unmerges(self, retired: str, surviving: str, **more: Any) -> list[Fact]:
        """The merge is cancelled, and so are the copies."""
        merge = next(one for one in self.standing(retired) if one.name == "patients-merged")
        copied = {one.id for one in self.said[retired]}
        gone = [one for one in self.standing(surviving) if one.copy_of in copied]
        return self.takes_back(merge, *gone, **more)

    def takes_back(self, *facts: Fact, **more: Any) -> list[Fact]:
        """Cancels of these facts."""
        return self.says(*(self._cancel(one, more) for one in facts))

    def _cancel(self, one: Fact, more: dict[str, Any]) -> Fact:
        own: dict[str, Any] = {"cancels": one.id, "cancelled_type": one.type, "reason": "cancelled-by-sender", **more}
        at = one.value.occurred_at
        return tell.fact("fact-cancelled", at, episode=one.subject, patient_id=one.value.patient_id, **own)

    def standing(self, episode: str) -> list[Fact]:
        """What it said of an episode and did not take back."""
        gone = {one.as_json.get("cancels") for one in self.said[episode]}
        gone |= {one.as_json.get("replaces") for one in self.said[episode]}
        return [one for one in self.said[episode] if one.id not in gone and one.name != "fact-cancelled"]


def by_episode(facts: Iterable[Fact]) -> dict[str, list[Fact]]:
    """The facts of each episode, in their order."""
    found: dict[str, list[Fact]] = defaultdict(list)
    for one in facts:
        found[one.subject].append(one)
    return found
