"""What intake reads from Kafka: care.episodes, for the choice of a visit's episode."""

from __future__ import annotations

from collections.abc import Sequence

from faststream.kafka import KafkaBroker
from pydantic import ValidationError

from services.intake import store
from shared.db import Connection, Database
from shared.errors import InvalidMessage
from shared.events import EpisodeState
from shared.kafka import Subscription
from shared.positions import Incoming, Tally


def episodes(broker: KafkaBroker, database: Database) -> Subscription:
    """The subscription to care.episodes."""
    return Subscription(broker, database, service="intake", topic="care.episodes", apply=keep_episodes)


async def keep_episodes(connection: Connection, batch: Sequence[Incoming], tally: Tally) -> None:
    """Keep the newest version of each episode; an older one than is kept is dropped (house.md section 6)."""
    newest: dict[str, tuple[Incoming, store.Told]] = {}
    for incoming in batch:
        told = told_by(incoming)
        if told.episode_id not in newest or newest[told.episode_id][1].version < told.version:
            newest[told.episode_id] = (incoming, told)
    kept = await store.keep_told(connection, [told for _, told in newest.values()])
    applied = {id(incoming) for incoming, told in newest.values() if told.episode_id in kept}
    for incoming in batch:
        tally.add(incoming.slot, "applied" if id(incoming) in applied else "ignored")


def told_by(incoming: Incoming) -> store.Told:
    """What a record of care.episodes says that intake needs. Raises InvalidMessage."""
    try:
        episode = EpisodeState.model_validate(incoming.fact.value)
    except ValidationError:
        raise InvalidMessage("the value is not that of an episode") from None
    programs = [stay for stay in episode.stays if stay.kind == "placement"]
    ends = [stay.to for stay in programs if stay.to is not None]
    return store.Told(
        episode.episode_id,
        episode.version,
        episode.state,
        min((stay.begun for stay in programs), default=None),
        max(ends) if ends and len(ends) == len(programs) else None,
    )
