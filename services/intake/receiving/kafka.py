"""What intake reads from Kafka: care.episodes for the choice of a visit's episode, hospital.adt as a door.

The door adds bytes and takes away replies: what a message means is decided behind `receive.take_in`, in the
transaction that also moves the position and has the acknowledgements in its outbox (decision 0114). A record about a
patient with a long visit is put into a lane of its own in that transaction, and taken in by another (decision 0170).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from services.intake.hl7.acknowledgements import NOT_HL7
from services.intake.hl7.charsets import charset_of
from services.intake.receiving import visits_store
from services.intake.receiving.lane import store as lane
from services.intake.receiving.read import ER7, InboundMessage, Received
from services.intake.receiving.read_fhir import InboundResource
from services.intake.receiving.receive import Intake, intake_work, take_in
from shared import metrics, spans
from shared.errors import InvalidMessage
from shared.events.episodes import EpisodeState, read_document
from shared.facts.envelope import Fact, Record
from shared.facts.tracing import HEADER
from shared.fhir.outcomes import MEDIA
from shared.messaging import outbox
from shared.messaging.dead_letters import RawRecord
from shared.messaging.handlers import Outcomes, Records, Transaction
from shared.messaging.positions import Incoming, Outcome, Tally
from shared.messaging.subscription import Subscription, decode_fact
from shared.storage.database import Connection, Database
from shared.storage.statements import at_the_end

_ER7, _FHIR = ER7.encode(), MEDIA.encode()
DOOR = "kafka"
TOPIC = "hospital.adt"
CONSUMER, DEAD = f"intake.{TOPIC}", "dead.intake"
"""The consumer name of the door's positions, and the topic of its dead letters."""
ACKS = "hospital.acks"
EPISODES = "care.episodes"
CORRELATION = ("correlationid", "correlation_id", "ce_correlationid", "traceparent")
"""Names of the headers that are copied from a record to its acknowledgements."""
LONGEST = 1000
"""Bytes that such a header may have; a longer one is left out."""
BATCH = 256
"""Records in one transaction at most, as for the other doors (decision 0104)."""
FETCHED = 4 * BATCH
"""Records that are taken from Kafka together where so many wait: while one transaction waits for the database, the
records of the next are read (decision 0225)."""


class AdtRecord(NamedTuple):
    """A record of hospital.adt: its messages, the headers that its acknowledgements get, the record itself, and when it
    arrived."""

    messages: list[InboundMessage]
    headers: list[tuple[str, bytes]]
    record: RawRecord
    arrived_at: datetime


def hospital_adt(intake: Intake) -> Subscription:
    """The consumer of hospital.adt: the door `kafka`."""
    door = Subscription("intake", TOPIC, intake.database, decode=partial(adt_record_of, intake=intake), most=BATCH)

    @door.router.subscriber(TOPIC, group_id="stepdown-intake", max_records=FETCHED, **door.options)
    async def on_messages(batch: Records[AdtRecord], connection: Transaction, tally: Outcomes) -> None:
        """Take in what a hospital sent, and answer on hospital.acks."""
        await take_records(connection, batch, tally, intake=intake)

    return door


def adt_record_of(record: RawRecord, *, intake: Intake, arrived_at: datetime | None = None) -> AdtRecord:
    """Read the messages of a record. `arrived_at`: when it arrived, None for now. Raises InvalidMessage where it is
    empty, longer than the site's limit, or of another content-type than ER7 and FHIR."""
    kinds, traces, back = list[bytes](), list[bytes](), list[tuple[str, bytes]]()
    for given, value in record.headers:
        name, raw = given.lower(), value or b""
        if name == "content-type":
            kinds.append(raw)
        if name == HEADER:
            traces.append(raw)
        if name in CORRELATION and len(raw) <= LONGEST:
            back.append((name, raw))
    kind = kinds[0].split(b";")[0].strip().lower() if kinds and kinds[0] != _ER7 else _ER7
    if kind not in {b"", _ER7, _FHIR}:
        raise InvalidMessage(f"its content-type is neither {ER7} nor {MEDIA}")
    if not record.value:
        raise InvalidMessage("the record is empty")
    if len(record.value) > intake.site.limits.message_bytes:
        raise InvalidMessage(f"a message may have {intake.site.limits.message_bytes} bytes at most")
    trace = traces[0].decode("latin-1") if traces else None
    at = arrived_at or intake.clock()
    told = charset_of(kinds[0].decode("latin-1")) if kinds and kinds[0] != _ER7 else ""
    inbound = intake.messages_of(Received(record.value, DOOR, at, trace, told, kind == _FHIR))
    if inbound[0].outcome.fault is NOT_HL7:
        inbound[0].sealed = b""  # it becomes a dead letter, which has its bytes
    return AdtRecord(inbound, back, record, at)


async def take_records(
    connection: Connection, batch: Sequence[Incoming[AdtRecord]], tally: Tally, *, intake: Intake
) -> None:
    """Take in a batch of records; those about patients with long visits are put into the lane instead."""
    at_once = await put_aside(connection, batch, tally, intake)
    await answer(connection, at_once, intake)
    for incoming in at_once:
        outcome = outcome_of(incoming.fact.messages)
        if outcome == "dead":
            tally.refuse(incoming, NOT_HL7.text)
        else:
            tally.add(incoming.slot, outcome)


async def put_aside(
    connection: Connection, batch: Sequence[Incoming[AdtRecord]], tally: Tally, intake: Intake
) -> Sequence[Incoming[AdtRecord]]:
    """Put records about long visits into the lane and return the others. A record that shares its key or an id of the
    patient with one in the lane goes there too, so that it does not overtake it."""
    if not tally.some_wait and not intake.long_visits.known:
        return batch
    long = [intake.long_visits.has(_ids(incoming)) for incoming in batch]
    if not tally.some_wait and not any(long):
        return batch
    keys = [_keys(incoming, intake) for incoming in batch]
    waiting = await lane.keys_waiting(connection, set().union(*keys)) if tally.some_wait else set()
    at_once, aside = [], []
    for incoming, own, is_long in zip(batch, keys, long, strict=True):
        if is_long or own & waiting:
            waiting |= own
            aside.append(lane.Waiting(incoming.fact.record, frozenset(own), incoming.fact.arrived_at))
            tally.add(incoming.slot, "waiting")
        else:
            at_once.append(incoming)
    await lane.keep(connection, aside, intake.seal)
    return at_once


def _ids(incoming: Incoming[AdtRecord]) -> set[tuple[str, str | None, str]]:
    return {key for message in incoming.fact.messages for key in message.keys}


def _keys(incoming: Incoming[AdtRecord], intake: Intake) -> set[bytes]:
    """Keyed hashes of the record's Kafka key and of its patients' ids: records that share one keep their order."""
    told = {repr(each) for each in _ids(incoming)} | ({f"key {incoming.key!r}"} if incoming.key else set())
    return {intake.seal.blind(each) for each in told}


async def answer(connection: Connection, batch: Sequence[Incoming[AdtRecord]], intake: Intake) -> None:
    """Take in the messages of records, and put their acknowledgements into the outbox in the order of the records."""
    inbound, began = [message for incoming in batch for message in incoming.fact.messages], time.perf_counter()
    with intake_work(inbound):
        await take_in(connection, inbound, intake)
        told = [ack for incoming in batch for ack in acknowledgements(incoming)]
        await at_the_end(connection, outbox.sending(connection, told))
    for code, number in Counter([message.outcome.code for message in inbound]).items():
        metrics.MESSAGES.labels(DOOR, code).inc(number)
    for message in inbound if spans.on() else ():
        if message.trace is None:
            spans.door(f"{TOPIC} message", [message.place], began, {"stepdown.answer": message.outcome.code})


def acknowledgements(incoming: Incoming[AdtRecord]) -> list[Record]:
    """The acknowledgements of a record, with its key; the header `x-origin` is its topic/partition/offset."""
    origin = ("x-origin", f"{incoming.slot.topic}/{incoming.slot.partition}/{incoming.offset}".encode())
    messages = incoming.fact.messages
    headers = [("content-type", _FHIR if isinstance(messages[0], InboundResource) else _ER7), origin]
    headers += incoming.fact.headers
    replies = [reply for message in messages for reply in message.replies]
    return [Record(ACKS, incoming.key, reply, headers) for reply in replies]


def outcome_of(inbound: Sequence[InboundMessage]) -> Outcome:
    """The record's outcome for the counts. applied: a message of it is stored now; repeated: all were stored before;
    ignored: none is taken (AR); dead: it is not HL7."""
    if inbound[0].outcome.fault is NOT_HL7:
        return "dead"
    if any(message.stored and message.note != "repeat" for message in inbound):
        return "applied"
    return "repeated" if any(message.stored for message in inbound) else "ignored"


def episodes(database: Database) -> Subscription:
    """The consumer of care.episodes. It has its own group, so that its rebalances don't stop the door."""
    known = Subscription("intake", EPISODES, database, decode=decode_episode)

    @known.router.subscriber(EPISODES, group_id=f"stepdown-intake-{EPISODES}", max_records=10_000, **known.options)
    async def on_episodes(batch: Records[Fact[EpisodeState]], connection: Transaction, tally: Outcomes) -> None:
        """Keep the newest version of each episode, for the choice of a visit's episode."""
        await keep_episodes(connection, batch, tally)

    return known


def decode_episode(record: RawRecord) -> Fact[EpisodeState]:
    """Decode a record of care.episodes. Raises InvalidMessage."""
    return decode_fact(record, lambda _, body: read_document(body))


async def keep_episodes(connection: Connection, batch: Sequence[Incoming[Fact[EpisodeState]]], tally: Tally) -> None:
    """Keep the newest version of each episode; an older one than is kept is dropped."""
    newest: dict[str, tuple[Incoming[Fact[EpisodeState]], visits_store.EpisodeVersion]] = {}
    for incoming in batch:
        told = told_by(incoming.fact.value)
        if told.episode_id not in newest or newest[told.episode_id][1].version < told.version:
            newest[told.episode_id] = (incoming, told)
    kept = await visits_store.keep_told(connection, [told for _, told in newest.values()])
    applied = {id(incoming) for incoming, told in newest.values() if told.episode_id in kept}
    for incoming in batch:
        tally.add(incoming.slot, "applied" if id(incoming) in applied else "ignored")


def told_by(episode: EpisodeState) -> visits_store.EpisodeVersion:
    """What a value of care.episodes says that intake needs."""
    programs = [stay for stay in episode.stays if stay.kind == "placement"]
    ends = [stay.to for stay in programs if stay.to is not None]
    return visits_store.EpisodeVersion(
        episode.episode_id,
        episode.version,
        episode.state,
        min((stay.begun for stay in programs), default=None),
        max(ends) if ends and len(ends) == len(programs) else None,
        episode.seen.get("intake", 0),
        episode.facilities or (),
    )
