"""Aftercare's only consumer: it reads whole documents of care.episodes and computes no episode from facts (contract
3.6)."""

from __future__ import annotations

from aiokafka import ConsumerRecord

from services.aftercare.engine.apply import Rules, apply
from shared.errors import InvalidMessage
from shared.events import EPISODE_TYPE
from shared.events.episodes import EpisodeState, read_document
from shared.events.published import json_of
from shared.facts.envelope import Fact
from shared.facts.values import UnknownFact
from shared.messaging.handlers import Outcomes, Records, Transaction
from shared.messaging.subscription import Subscription, decode_fact
from shared.storage.database import Database

TOPIC = "care.episodes"


def decode_document(record: ConsumerRecord) -> Fact[EpisodeState | UnknownFact]:
    """A record of care.episodes as a fact. Raises InvalidMessage for a document that the published language does not
    allow."""
    fact = decode_fact(record, _read)
    if isinstance(fact.value, EpisodeState) and fact.value.episode_id != fact.subject:
        raise InvalidMessage("ce_subject and the document name different episodes")
    return fact


def _read(ce_type: str, body: bytes) -> EpisodeState | UnknownFact:
    """The document, or for a type that this release does not know an UnknownFact, once it is valid JSON."""
    if ce_type == EPISODE_TYPE:
        return read_document(body)
    json_of(body)
    return UnknownFact()


def subscription(database: Database, rules: Rules, *, topic: str = TOPIC) -> Subscription:
    """The consumer with its handler."""
    episodes = Subscription("aftercare", topic, database, decode=decode_document, pace=0.1)

    @episodes.router.subscriber(topic, group_id="stepdown-aftercare", max_records=1000, **episodes.options)
    async def on_documents(documents: Records[Fact], connection: Transaction, tally: Outcomes) -> None:
        """Decide anew on each episode with a document newer than the one that was last decided on."""
        await apply(rules, connection, documents, tally)

    return episodes
