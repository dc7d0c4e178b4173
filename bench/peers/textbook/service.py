"""Facts as most would take them in: FastStream, SQLAlchemy's ORM (async), one message a transaction, an outbox.

For each record: load the episode's row or make one, insert the fact, update level and count, insert what is to be sent,
commit; then commit the offset. Less than Stepdown does: nothing is taken back, no service period is derived, nothing is
audited, a repeat is an error, and nobody empties the outbox.

Arguments: bootstrap servers, topic, database URL, number of records. Prints {"count": …, "seconds": …}, from the first
record until the last commit.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Its tables."""


class Episode(Base):
    """One row an episode."""

    __tablename__ = "textbook_episodes"
    id: Mapped[str] = mapped_column(primary_key=True)
    level: Mapped[str | None]
    facts: Mapped[int] = mapped_column(default=0)


class EpisodeFact(Base):
    """What was told."""

    __tablename__ = "textbook_facts"
    id: Mapped[str] = mapped_column(primary_key=True)
    episode_id: Mapped[str] = mapped_column(sa.ForeignKey(Episode.id), index=True)
    type: Mapped[str]
    occurred_at: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True))
    body: Mapped[dict[str, Any]] = mapped_column(sa.JSON)


class Outgoing(Base):
    """What is to be sent."""

    __tablename__ = "textbook_outbox"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str]
    body: Mapped[dict[str, Any]] = mapped_column(sa.JSON)


async def take_in(session: AsyncSession, fact: dict[str, Any], headers: dict[str, Any]) -> None:
    """One fact, inside its transaction."""
    key = fact["episode_id"]
    episode = await session.get(Episode, key, with_for_update=True)
    if episode is None:
        episode = Episode(id=key, facts=0)
        session.add(episode)
        await session.flush()
    at = datetime.fromisoformat(fact["occurred_at"])
    session.add(EpisodeFact(id=headers["ce_id"], episode_id=key, type=headers["ce_type"], occurred_at=at, body=fact))
    episode.level = (fact.get("to") or fact).get("level") or episode.level
    episode.facts += 1
    state = {"episode_id": key, "level": episode.level, "facts": episode.facts, "since": fact["occurred_at"]}
    session.add(Outgoing(key=key, body=state))


async def served(kafka: str, topic: str, url: str, wanted: int) -> float:
    """Seconds from the first record until so many are committed."""
    engine = create_async_engine(sa.make_url(url).set(drivername="postgresql+asyncpg"))
    sessions = async_sessionmaker(engine)
    broker = KafkaBroker(kafka, logger=None)
    began: list[float] = []
    done: list[float] = []
    ended = asyncio.Event()

    @broker.subscriber(
        topic,
        group_id=f"bench-textbook-{time.time_ns()}",
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.NACK_ON_ERROR,  # the offset after the transaction, message by message: none is lost
    )
    async def on_fact(fact: dict[str, Any], message: KafkaMessage) -> None:
        began.append(time.perf_counter())
        async with sessions.begin() as session:
            await take_in(session, fact, message.headers)
        done.append(time.perf_counter())
        if len(done) == wanted:
            ended.set()

    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
        await connection.run_sync(Base.metadata.create_all)
    async with broker:
        await broker.start()
        await ended.wait()
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
    await engine.dispose()
    return done[wanted - 1] - began[0]


def main() -> None:
    """As a process of its own."""
    kafka, topic, url, wanted = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    print(json.dumps({"count": wanted, "seconds": asyncio.run(served(kafka, topic, url, wanted))}))


if __name__ == "__main__":
    main()
