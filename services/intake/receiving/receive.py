"""Takes in messages, whatever the door: one transaction for a batch, then the answers.

Messages are read before (read.py); here they are stored with what follows from them: in_line.py brings visits in line,
store.py has the SQL. Kafka's door calls `take_in` inside its own transaction, the other doors call `receive`.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from services.intake.hl7.acknowledgements import Outcome
from services.intake.hl7.mapping import FacilityMap, SiteRules
from services.intake.hl7.triggers import RESOURCES, TRIGGERS
from services.intake.people import first_version
from services.intake.people import patients as whom
from services.intake.receiving import store, visits_store
from services.intake.receiving.derive_again import derive_again
from services.intake.receiving.in_line import is_long, reconcile_batch
from services.intake.receiving.long_visits import LongVisits
from services.intake.receiving.merges.kinship import find_kin, told_of_records
from services.intake.receiving.merges.statements import sides_of
from services.intake.receiving.read import (
    AWAY,
    CLOCK_WRONG,
    LEFT,
    NOT_KEPT,
    UNFORESEEN,
    Answer,
    InboundMessage,
    Received,
    read,
    reason_of,
    together,
    unread,
)
from services.intake.receiving.read_fhir import read_fhir
from services.intake.receiving.shared_numbers import numbered
from services.intake.visits.reconcile import (
    mapping_of,
)
from shared import metrics, spans
from shared.errors import Transient
from shared.site.config import Site
from shared.storage import audit
from shared.storage.database import Connection, Database
from shared.storage.retired import retired
from shared.storage.sealing import Seal
from shared.storage.statements import Writes, array, at_once, at_the_end, bytes_array

log = logging.getLogger(__name__)
TRIES = 3
"""Tries of a transaction: a pooled connection that is dead shows it only in use, so the next try may succeed."""
OTHER_BODY = "another message had the same MSH-3, MSH-4 and MSH-10"

SEVERAL_PATIENTS = "the ids of PID-3 belong to several patients; the surest was taken"
NO_KEY = "no-patient-key"
"""The reason noted for a message that waits because it has no id by which a patient can be found."""


@dataclass(slots=True)
class Intake:
    """What messages and requests are handled with: database, site config, seal, clock, and long visits.

    `revocation_wait`: seconds at most that a revocation's answer waits for placement's gate.
    """

    database: Database
    site: Site
    seal: Seal
    clock: Callable[[], datetime]
    revocation_wait: float = 5.0
    rules: SiteRules = field(init=False)
    places: FacilityMap = field(init=False)
    numbering: whom.Numbering = field(init=False)
    long_visits: LongVisits = field(init=False)
    retired: frozenset[str] = frozenset()
    """The facilities that have left, as the last batch found them."""
    prepared: bool = False
    """Whether what the first version stored of persons is brought over, with the keys that it was stored with."""

    def __post_init__(self) -> None:
        self.rules, self.places = SiteRules(self.site), FacilityMap(self.site)
        self.numbering = whom.Numbering.at(self.site, self.seal)
        self.long_visits = LongVisits(self.site)

    async def receive(self, frames: Sequence[list[InboundMessage]]) -> list[Answer]:
        """An answer for each frame's messages, in order; when it returns, what was answered AA or AE is committed."""
        await self._keep([message for inbound in frames for message in inbound])
        answers = [together(inbound) for inbound in frames]
        for inbound, answer in zip(frames, answers, strict=True):
            metrics.MESSAGES.labels(inbound[0].door, answer.code).inc()
        return answers

    def messages_of(self, received: Received) -> list[InboundMessage]:
        """The messages in a frame, record or request body: read, hashed and sealed, not stored yet."""
        try:
            if received.fhir:
                return read_fhir(received, self.rules, self.seal)
            return read(received, self.rules, self.seal, self.site.limits.frame_messages)
        except Exception:
            message = unread(received, self.seal)
            log.exception("a message can't be read", extra={"message_id": message.message_id})
            return [message]

    async def _keep(self, inbound: list[InboundMessage]) -> None:
        """Commit messages; where the database is away they get AR, and of a batch that fails each half is tried."""
        try:
            await self._committed(inbound)
        except Transient as fault:
            log.warning("messages are refused", extra={"why": str(fault), "messages": len(inbound)})
            for message in inbound:
                message.answer(Outcome("AR", message.outcome.fault if message.outcome.code == "AR" else AWAY))
        except Exception as fault:  # noqa: BLE001 - whatever it is, it may concern one message only
            await self._halve(inbound, fault)

    async def _committed(self, inbound: list[InboundMessage]) -> None:
        """Take in messages in one transaction. Raises Transient after TRIES tries."""
        for attempt in range(1, TRIES + 1):
            try:
                with intake_work(inbound):
                    async with self.database.begin() as connection:
                        await take_in(connection, inbound, self)
            except Transient:
                if attempt == TRIES:
                    raise
            else:
                return

    async def _halve(self, inbound: list[InboundMessage], fault: Exception) -> None:
        """Commit each half of a batch that failed. A single message is kept with AE, and gets AR if that fails, too."""
        if len(inbound) > 1:
            middle = len(inbound) // 2
            await self._keep(inbound[:middle])
            await self._keep(inbound[middle:])
            return
        message = inbound[0]
        log.error("a message can't be applied", extra={"message_id": message.message_id}, exc_info=fault)
        if message.outcome.code == "AA":
            message.patient_id = message.visit_id = None
            message.answer(Outcome("AE", UNFORESEEN))
            await self._keep(inbound)
        else:
            message.answer(Outcome("AR", NOT_KEPT))

    async def is_ahead(self, at: datetime | None) -> bool:
        """Whether a time of a request lies further in the future than the site allows.

        Raises Transient where it does so by our own clock alone, which is wrong then (decision 0162).
        """
        limit = self.rules.future_limit
        if at is None or at <= self.clock() + limit:
            return False
        async with self.database.read() as connection:
            if at <= await store.others_time(connection) + limit:
                raise Transient(CLOCK_WRONG.text)
        return True

    async def prepare(self) -> None:
        """Bring over what the first version stored of persons. Raises SetUpError where the keys are others than it was
        stored with, Transient while the database is away."""
        if not self.prepared:
            number = await first_version.bring_over(self.database, self.numbering)
            if number:
                log.info("the first version's persons are brought over", extra={"patients": number})
            self.prepared = True

    async def derive_again(self, page: int = 200) -> int:
        """Derive again visits that were derived with another site config, at most `page`; returns how many patients."""
        async with self.database.begin() as connection:
            patients = await visits_store.patients_of_another_mapping(connection, mapping_of(self.site), page)
            if patients:
                await derive_again(connection, patients, self)
        return len(set(patients))


def intake_work(inbound: Sequence[InboundMessage]) -> spans.Work:
    """The span of a transaction that takes in messages, in the trace of each."""
    return spans.work("intake transaction", lambda: [each.place for each in inbound], told=partial(_told, inbound))


def _told(inbound: Sequence[InboundMessage]) -> spans.Attributes:
    triggers = ",".join(sorted({_known_trigger(message) for message in inbound}))
    return {"stepdown.messages": len(inbound), "stepdown.triggers": triggers}


def _known_trigger(message: InboundMessage) -> str:
    """Its HL7 event; one that HL7 does not have is `other`."""
    return message.trigger if message.trigger in TRIGGERS or message.trigger in RESOURCES else "other"


async def take_in(connection: Connection, inbound: Sequence[InboundMessage], intake: Intake) -> None:
    """Store messages and what follows from them, inside the caller's transaction, at its end; each message gets its
    answer.

    Raises Transient where a facility of the batch is found to have left, which the next try knows from the beginning.
    """
    await _refuse_retired(connection, inbound, intake)
    await _blame_our_clock(connection, inbound, intake)
    news = [message for message in inbound if message.stored]
    about = [message for message in news if message.adt is not None and message.outcome.code == "AA"]
    unsure = await _find_patients(connection, about, intake) if about else set()
    loaded = await _load(connection, news, about, intake) if news else store.NOTHING
    _learn_retired(news, loaded, intake)
    repeats = await _repeats(connection, news, loaded)
    news = [message for message in news if id(message) not in repeats]
    about = [message for message in about if id(message) not in repeats]
    writes = await reconcile_batch(connection, about, unsure, loaded, intake) if about else []
    writes += store.keep_messages([_message_row(message) for message in news])
    writes += store.keep_refused(_refused_row(message) for message in inbound if message.kept_refused)
    await at_the_end(connection, writes + _account(inbound, repeats, intake))


async def _refuse_retired(connection: Connection, inbound: Sequence[InboundMessage], intake: Intake) -> None:
    """Answer AR, and keep nothing, where the facility has left."""
    if any(message.kept_refused for message in inbound):  # of the others `_learn_retired` knows
        intake.retired = await retired(connection)
    for message in inbound:
        if message.facility in intake.retired and (message.stored or message.kept_refused):
            message.answer(Outcome("AR", LEFT))


def _learn_retired(news: Sequence[InboundMessage], loaded: store.Loaded, intake: Intake) -> None:
    """Take over which facilities have left, as this transaction sees it. Raises Transient where a message is of one."""
    if news:
        intake.retired = loaded.retired
    if any(message.facility in intake.retired for message in news):
        raise Transient(LEFT.text)


async def _blame_our_clock(connection: Connection, inbound: Sequence[InboundMessage], intake: Intake) -> None:
    """Answer AR, and keep nothing, where a message's time lies in the future only because our own clock is slow."""
    if early := [message for message in inbound if message.too_early is not None]:
        latest = await store.others_time(connection) + intake.rules.future_limit
        for message in early:
            if message.too_early is not None and message.too_early <= latest:
                message.answer(Outcome("AR", CLOCK_WRONG))


async def take_again(connection: Connection, message: InboundMessage, intake: Intake) -> None:
    """Store a message whose row was taken out, with what follows from what is read in it now, at once; the feeds do not
    count it again. The lock of its patients is held."""
    about = [message] if message.adt is not None and message.outcome.code == "AA" else []
    unsure = await _find_patients(connection, about, intake, late=False) if about else set()
    loaded = await _load(connection, about, about, intake) if about else store.NOTHING
    writes = await reconcile_batch(connection, about, unsure, loaded, intake) if about else []
    kept = store.keep_messages([_message_row(message)]) if message.stored else []
    refused = store.keep_refused([_refused_row(message)]) if message.kept_refused else []
    await at_once(connection, [*writes, *kept, *refused])


async def _find_patients(
    connection: Connection, inbound: Sequence[InboundMessage], intake: Intake, *, late: bool = True
) -> set[str]:
    """Find or make the patient of each message, and lock them; returns those who are unsure (`VisitAssignment`).
    `late`: new patients may be written at the end of the transaction."""
    await _prepared(connection, intake)
    late = late and all(message.alone for message in inbound)  # else a patient may be marked
    sides = [] if late else sides_of(inbound)
    claims = [claim for one in sides for claim in one.claims]
    found = await whom.find(connection, [*inbound, *claims], intake.numbering, late=late)
    for message, whose in zip(inbound, found.every, strict=False):
        message.patient_id = whose.patient_id
        if whose.several:
            message.warn(SEVERAL_PATIENTS)
        if whose.patient_id is None and not (message.adt and message.adt.means.nobody):
            message.note, message.reason = "waiting", NO_KEY
    if sides:
        await told_of_records(connection, sides, found.every[len(inbound) :])
    if found.have_kin or sides:
        return found.unsure | await find_kin(connection, inbound)
    return found.unsure


async def patient_of(
    connection: Connection, about: whom.IdentityClaim, intake: Intake, scope: frozenset[str] | None
) -> str:
    """The patient whom a request is about, among those of the facilities in `scope` (None: all), locked."""
    await _prepared(connection, intake)
    [found] = (await whom.find(connection, [about], intake.numbering, scope=scope, is_request=True)).every
    if found.patient_id is None:
        raise ValueError("a request about nobody")
    return found.patient_id


async def _prepared(connection: Connection, intake: Intake) -> None:
    """Raises Transient while anything of the first version is not brought over."""
    if not intake.prepared:
        await first_version.must_be_done(connection, intake.seal)
        intake.prepared = True


async def _load(
    connection: Connection, news: Sequence[InboundMessage], about: Sequence[InboundMessage], intake: Intake
) -> store.Loaded:
    """Load what a batch needs to know. Where a visit may be long, visits get their messages later, in pages."""
    patients = sorted({each for message in about if message.patient_id for each in (message.patient_id, *message.kin)})
    short = [] if is_long(about, intake) else about
    keys = sorted({message.visit_key for message in short if message.visit_key})
    by_number = sorted({each for message in about if (each := numbered(message, intake.places))})
    return await store.load(connection, [(message.ids, message.body) for message in news], patients, keys, by_number)


async def _repeats(connection: Connection, inbound: Sequence[InboundMessage], loaded: store.Loaded) -> set[int]:
    """Give messages that came before, also earlier in this batch, their first answer. Returns their `id()`s."""
    before = loaded.before
    came = [same.message_id for same in before.values() if same.message_id]
    replies = await store.replies_to(connection, came) if came else {}
    first: dict[tuple[bytes, bytes], InboundMessage] = {}
    bodies: dict[bytes, bytes] = {}
    repeats: set[int] = set()
    for message in inbound:
        same = before[message.ids, message.body]
        earlier = first.setdefault((message.ids, message.body), message)
        if same.message_id is not None:
            message.replies = replies[same.message_id]
            message.outcome, message.note = Outcome(same.answer), "repeat"
            repeats.add(id(message))
        elif earlier is not message:
            message.replies, message.outcome, message.note = earlier.replies, earlier.outcome, "repeat"
            repeats.add(id(message))
        elif bodies.setdefault(message.ids, message.body) != message.body or same.other:
            message.warn(OTHER_BODY)
    return repeats


def _message_row(message: InboundMessage) -> store.MessageRow:
    return store.MessageRow(
        message.message_id, message.ids, message.body, message.door, message.arrived_at, message.facility,
        message.trigger, message.control_id, message.head.charset, message.outcome.code, bytes_array(message.replies),
        message.note, message.reason, array(message.warnings), message.patient_id, message.visit_id, message.values,
        message.sealed,
    )  # fmt: skip


def _refused_row(message: InboundMessage) -> store.RefusedRow:
    at, fault = message.arrived_at, message.outcome.fault or UNFORESEEN
    head = (message.ids, message.body, message.message_id, message.door, at, at, 1)
    return store.RefusedRow(
        *head, message.facility, message.trigger, message.control_id, reason_of(fault), message.sealed
    )


def _account(inbound: Sequence[InboundMessage], repeats: set[int], intake: Intake) -> Writes:
    """The writes for the audit and the feeds' counts, added up over the batch."""
    told: Counter[tuple[str, str, str, str]] = Counter()
    for message in inbound:
        if message.silent:
            continue  # its first part is counted
        trigger = _known_trigger(message)
        answer = "repeat" if id(message) in repeats else message.outcome.code
        told[message.facility, message.door, trigger, answer] += 1
    counts: Counter[tuple[str, str, str, str]] = Counter()
    for (name, door, trigger, code), number in told.items():
        facility = intake.site.facility(name)
        counts[facility.name if facility else "other", door, trigger, code] += number
    now = intake.clock()
    entries = [
        audit.Entry(now, f"{door}:{facility}", f"message {trigger}", facility, answer, number)
        for (facility, door, trigger, answer), number in counts.items()
    ]
    return [*audit.noting(entries), *store.count_feeds(counts, now)]
