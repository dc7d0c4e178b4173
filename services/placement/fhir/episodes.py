"""Reads episodes as resources: each is made of the facts that the reader may see, nothing else (contract 5.9)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from services.placement.continuum import codec
from services.placement.engine import views as stored
from services.placement.engine.visible import Part, part
from services.placement.fhir.codes import EPISODE_STATUS, FIRST_DAY_STATUS, OFFER_STATUS, episode_of, instant
from services.placement.fhir.views import having, ids_after
from services.placement.rules import Rules
from shared.fhir.elements import Meta
from shared.fhir.resources import Resource
from shared.fhir.searching import SearchQuestion
from shared.web import requests
from shared.web.fhir_reads import Batch, Place, ReadingLook, ShownResource

EPISODES = 25
"""Episodes that are read at once."""


class SeenEpisode(NamedTuple):
    """An episode as the reader sees it: its id, its patient, the part in sight, and the site's rules."""

    episode_id: str
    patient_id: str
    part: Part
    rules: Rules

    @property
    def meta(self) -> Meta:
        """When something in sight was recorded last."""
        return Meta(last_updated=instant(max(fact.value.recorded_at for fact in self.part.facts)))


Make = Callable[[SeenEpisode], Iterable[Resource]]
"""Makes the resources of a type of an episode."""


ENTRIES = {"ServiceRequest": "search", "Task": "offer", "Appointment": "placement"}
"""Type → the kind of entries of the desk's lists that it is made of; a ServiceRequest may be a referral, too."""
STATES: dict[str, Mapping[Any, str]] = {
    "EpisodeOfCare": EPISODE_STATUS,
    "Task": OFFER_STATUS,
    "Appointment": FIRST_DAY_STATUS,
}
"""Type → the states of episodes or entries by which its status goes."""


def _states(kind: str, asked: SearchQuestion) -> set[str] | None:
    """The states that the asked statuses can have; None: any."""
    found: set[str] | None = None
    for one in asked.filters:
        if kind in STATES and one.parameter.name == "status" and one.modifier != "not":
            wanted = {each.rpartition("|")[2] for each in one.values}
            own = {str(state) for state, status in STATES[kind].items() if status in wanted}
            found = own if found is None else found & own
    return found


async def _among(look: ReadingLook, kind: str, asked: SearchQuestion) -> Collection[str] | None:
    """The episodes that the asked ids and identifiers name; None: any. Raises a Problem (400) for a visit number
    without a patient: nothing here is sorted by it."""
    numbers = [one.values for one in asked.filters if one.parameter.name == "identifier" and one.modifier != "not"]
    if kind == "Encounter" and numbers and asked.ids is None and asked.patients is None:
        raise requests.invalid("a search of Encounter by identifier has patient, too")
    found: Collection[str] | None = None
    if asked.ids is not None:
        found = set(asked.ids) if kind == "EpisodeOfCare" else {episode_of(one) for one in asked.ids}
    if kind in ENTRIES:
        for values in numbers:
            named = await having(look.connection, ENTRIES[kind], {each.rpartition("|")[2] for each in values})
            found = named if found is None else named & set(found)
    return found


class EpisodeReader:
    """The reader of what is told of episodes. `makes`: type → what makes its resources."""

    def __init__(self, makes: dict[str, Make], rules: Rules) -> None:
        self.makes, self.rules = makes, rules

    async def one(self, look: ReadingLook, kind: str, own_id: str) -> ShownResource | None:
        """A resource by its id, which names its episode."""
        episode = own_id if kind == "EpisodeOfCare" else episode_of(own_id)
        if not episode:
            return None
        found = await self._of(look, kind, "", [episode])
        return next((one for one in found if one.resource.id == own_id), None)

    async def batch(self, look: ReadingLook, kind: str, asked: SearchQuestion, after: Place) -> Batch:
        """The resources of the next episodes; a place is (the episode before, the episode, the resource)."""
        before, episode, last = after
        among = await _among(look, kind, asked)
        ids = await ids_after(
            look.connection, look.scope, after=before, most=EPISODES + 1, among=among, patients=asked.patients,
            entry=ENTRIES.get(kind) if kind != "ServiceRequest" else None, states=_states(kind, asked),
        )  # fmt: skip
        end: Place | None = (ids[EPISODES - 1], "", "") if len(ids) > EPISODES else None
        found = await self._of(look, kind, before, ids[:EPISODES])
        return Batch([one for one in found if one.place[1] != episode or one.resource.id > last], end)

    async def _of(self, look: ReadingLook, kind: str, before: str, ids: Sequence[str]) -> list[ShownResource]:
        """The resources of these episodes, by episode and id."""
        found: list[ShownResource] = []
        for one in await self.seen(look, ids):
            made = sorted(self.makes[kind](one), key=lambda each: each.id)
            for resource in made:
                resource.meta = one.meta
                found.append(ShownResource((before, one.episode_id, resource.id), resource, one.episode_id))
            before = one.episode_id
        return found

    async def seen(self, look: ReadingLook, ids: Sequence[str]) -> list[SeenEpisode]:
        """These episodes as the caller sees them; those of which that is nothing are left out."""
        missing = [one for one in ids if ("episode", one) not in look.kept and "\0" not in one]
        if missing:
            rows = await stored.stored(look.connection, missing)
            rows = [one for one in rows if look.scope.has_any(one.facilities)]
            facts = await stored.facts_of(look.connection, [one.listed.episode_id for one in rows])
            for row in rows:
                episode = row.listed.episode_id
                mine = part(facts[episode], codec.unpacked(row.fold), look.scope, self.rules)
                look.kept["episode", episode] = SeenEpisode(episode, row.listed.patient_id, mine, self.rules)
        every = (look.kept.get(("episode", one)) for one in ids)
        return [one for one in every if one is not None and one.part.facts]
