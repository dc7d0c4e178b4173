"""What care.episodes tells, and what it changes for the choice of a visit's episode."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from aiokafka import ConsumerRecord

from services.intake.receiving.kafka import EPISODES, TOPIC, decode_episode, episodes, hospital_adt, keep_episodes
from services.intake.receiving.read import ER7
from services.intake.receiving.receive import Intake
from shared.errors import InvalidMessage
from shared.events.episodes import EpisodeState, read_document
from shared.facts.envelope import Fact, Record, to_record
from shared.messaging.outbox import stored
from shared.messaging.positions import Incoming, Slot, Tally
from shared.storage.tables import positions
from tests.intake.conftest import NOW, Hospital
from tests.wiring import in_memory, publish

SLOT = Slot("care.episodes", 0)


def told(
    episode: str, version: int, *, state: str = "between", stays: list[dict[str, Any]] | None = None, seen: int = 0
) -> Incoming[Fact[EpisodeState]]:
    """A record of care.episodes; `seen`: the last sequence of intake's that is in it."""
    value = {"episode_id": episode, "patient_id": "p", "state": state, "version": version, "stays": stays or []}
    value |= {"seen": {"intake": seen}}
    body = orjson.dumps(value)
    document = read_document(body)
    ce_id, at = f"{episode}-{version}", NOW.isoformat()
    fact = Fact(ce_id, "care.episode.v1", "placement", episode, version, at, document, body)
    return Incoming(SLOT, version, episode.encode(), fact)


def program(begun: str, to: str | None) -> dict[str, Any]:
    """A stay at a program."""
    ends = {"to": f"{to}T12:00:00+00:00"} if to else {}
    return {"id": "s", "kind": "placement", "level": "php", "facility": "GOODHEALTH", "suspended": False,
            "begun_by": "f", "from": f"{begun}T12:00:00+00:00", **ends}  # fmt: skip


async def apply(intake: Intake, *batch: Incoming[Fact[EpisodeState]]) -> dict[str, int]:
    """What came of records in one batch."""
    tally = Tally()
    async with intake.database.begin() as connection:
        await keep_episodes(connection, batch, tally)
    return dict(tally.total())


async def test_only_a_newer_version_is_kept(intake: Intake, hospital: Hospital) -> None:
    episode = f"e-{hospital.mrn}"
    assert await apply(intake, told(episode, 2), told(episode, 3), told(episode, 1)) == {"applied": 1, "ignored": 2}
    assert await apply(intake, told(episode, 3)) == {"ignored": 1}
    assert await apply(intake, told(episode, 4)) == {"applied": 1}


async def test_a_value_that_is_no_episode_is_never_right() -> None:
    sent = to_record(told("e", 1).fact, "care.episodes")
    good = ConsumerRecord("care.episodes", 0, 0, 0, 0, sent.key, sent.value, None, 0, 0, sent.headers)
    assert decode_episode(good).value == told("e", 1).fact.value
    with pytest.raises(InvalidMessage, match="the field version is missing or unreadable"):
        decode_episode(replace(good, value=b'{"episode_id":"e","patient_id":"p","state":"void","version":0}'))


async def test_a_message_and_a_document_reach_their_handlers_by_way_of_the_routers(own_intake: Intake) -> None:
    message = Record(TOPIC, b"GOODHEALTH", Hospital(own_intake).message("A01"), [("content-type", ER7.encode())])
    async with in_memory(hospital_adt(own_intake), episodes(own_intake.database)) as broker:
        await publish(broker, message, 0)
        await publish(broker, to_record(told("e", 1).fact, EPISODES), 1)
    async with own_intake.database.read() as connection:
        topics = [one.topic for one in await stored(connection)]
        handled = sa.select(positions.c.consumer, positions.c.partition).where(positions.c.applied == 1)
        assert {*(await connection.execute(handled))} == {("intake.hospital.adt", 0), ("intake.care.episodes", 1)}
    assert topics == ["care.events", "hospital.acks"]


@pytest.mark.parametrize(
    ("stays", "episodes"),
    [
        ([], 2),
        ([program("2026-02-13", "2026-03-10")], 1),
        ([program("2026-02-13", None)], 1),
        ([program("2026-02-13", "2026-02-14")], 2),
    ],
    ids=["no program stay", "one that ended lately", "one still open", "one that ended long ago"],
)
async def test_a_program_stay_lengthens_what_belongs_to_an_episode(
    intake: Intake, stays: list[dict[str, Any]], episodes: int
) -> None:
    hospital = Hospital(intake)
    await hospital.tells("A01", "20260201090000")
    await hospital.tells("A03", "20260212100000")
    (episode,) = {fact.subject for fact in await hospital.facts()}
    await apply(intake, told(episode, 1, stays=stays))
    await hospital.tells("A01", "20260319090000", visit="V2")
    assert len({fact.subject for fact in await hospital.facts()}) == episodes
