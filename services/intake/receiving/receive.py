"""What intake does with messages, whatever the door: one transaction for a batch, then the answers.

Load → decide → save → send: what letters say is read before (reading.py), what visits mean is decided by settling.py,
SQL is store.py's. Kafka's door calls `take_in` inside its own transaction, the others `receive`.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.intake.hl7.acknowledgements import Outcome
from services.intake.hl7.adt import TRIGGERS
from services.intake.hl7.mapping import SiteRules
from services.intake.hl7.model import Said
from services.intake.people import first_version
from services.intake.people import patients as whom
from services.intake.people.names import Telling as OfPerson
from services.intake.people.names import keeping
from services.intake.receiving import store
from services.intake.receiving.assign import Places, deliver, put
from services.intake.receiving.deaths_store import known_of as deaths_of
from services.intake.receiving.derive_apart import Row
from services.intake.receiving.long_visits import LongVisits
from services.intake.receiving.read import (
    AWAY,
    CLOCK_WRONG,
    NOT_KEPT,
    UNFORESEEN,
    Answer,
    Letter,
    Received,
    read,
    together,
    unread,
)
from services.intake.visits.death_facts import Heard, Known, Telling, deaths, hear
from services.intake.visits.reconcile import Ledger, Meant, OnFile, Settled, mapping_of, settle
from services.intake.visits.unnamed import visit_id
from shared import metrics
from shared.errors import Transient
from shared.events import to_record
from shared.messaging import outbox
from shared.site.config import Site
from shared.storage import audit
from shared.storage.database import Connection, Database
from shared.storage.sealing import Seal
from shared.storage.statements import Writes, array, at_once, bytes_array

log = logging.getLogger(__name__)
TOPIC = "care.events"
TRIES = 3
"""A pooled connection that died shows only when it is used: so the store is away after three tries."""
OTHER_BODY = "another message had the same MSH-3, MSH-4 and MSH-10"

SEVERAL_PATIENTS = "the ids of PID-3 belong to several patients; the surest was taken"
OTHERS_VISIT = "another patient of the facility has a visit of this number"
NO_KEY = "no-patient-key"
"""Why a message waits that names the patient by nothing that a patient is known by."""


@dataclass(slots=True)
class Intake:
    """What the handlers stand on: database, site config, seal and clock; and what they know of long visits.

    `revocation_wait`: seconds at most that a revocation's answer waits for placement's gate.
    """

    database: Database
    site: Site
    seal: Seal
    clock: Callable[[], datetime]
    revocation_wait: float = 5.0
    numbering: whom.Numbering = field(init=False)
    long_visits: LongVisits = field(init=False)
    prepared: bool = False
    """Whether what the first version stored of persons is as this one has it, and the keys are the ones it was."""

    def __post_init__(self) -> None:
        self.numbering = whom.Numbering.at(self.site, self.seal)
        self.long_visits = LongVisits(self.site)

    async def receive(self, frames: Sequence[list[Letter]]) -> list[Answer]:
        """An answer for each frame's letters, in order; when it returns, what was answered AA or AE is committed."""
        await self._keep([letter for letters in frames for letter in letters])
        answers = [together(letters) for letters in frames]
        for letters, answer in zip(frames, answers, strict=True):
            metrics.MESSAGES.labels(letters[0].door, answer.code).inc()
        return answers

    def letters_of(self, received: Received) -> list[Letter]:
        """A frame, record or body as letters: read, hashed and sealed; nothing is stored yet."""
        try:
            return read(received, SiteRules(self.site), self.seal)
        except Exception:
            letter = unread(received, self.seal)
            log.exception("a message can't be read", extra={"message_id": letter.message_id})
            return [letter]

    async def _keep(self, letters: list[Letter]) -> None:
        try:
            await self._committed(letters)
        except Transient as fault:
            log.warning("messages are refused", extra={"why": str(fault), "messages": len(letters)})
            for letter in letters:
                letter.answer(Outcome("AR", letter.outcome.fault if letter.outcome.code == "AR" else AWAY))
        except Exception as fault:  # noqa: BLE001 - whatever it is, it may concern one message only
            await self._halve(letters, fault)

    async def _committed(self, letters: list[Letter]) -> None:
        for attempt in range(1, TRIES + 1):
            try:
                async with self.database.begin() as connection:
                    await take_in(connection, letters, self)
            except Transient:
                if attempt == TRIES:
                    raise
            else:
                return

    async def _halve(self, letters: list[Letter], fault: Exception) -> None:
        if len(letters) > 1:
            middle = len(letters) // 2
            await self._keep(letters[:middle])
            await self._keep(letters[middle:])
            return
        letter = letters[0]
        log.error("a message can't be applied", extra={"message_id": letter.message_id}, exc_info=fault)
        if letter.outcome.code == "AA":
            letter.patient_id = letter.visit_id = None
            letter.answer(Outcome("AE", UNFORESEEN))
            await self._keep(letters)
        else:
            letter.answer(Outcome("AR", NOT_KEPT))

    async def is_ahead(self, at: datetime | None) -> bool:
        """Whether a time of a request lies further in the future than the site allows.

        Raises Transient where it does so by our own clock alone, which is wrong then (decision 0162).
        """
        limit = SiteRules(self.site).future_limit
        if at is None or at <= self.clock() + limit:
            return False
        async with self.database.read() as connection:
            if at <= await store.others_time(connection) + limit:
                raise Transient(CLOCK_WRONG.text)
        return True

    async def prepare(self) -> None:
        """Bring over what the first version stored of persons. Raises SetUpError for other keys, Transient."""
        if not self.prepared:
            number = await first_version.bring_over(self.database, self.numbering)
            if number:
                log.info("the first version's persons are brought over", extra={"patients": number})
            self.prepared = True

    async def derive_again(self, page: int = 200) -> int:
        """Bring visits in line that were derived with another site config; how many patients there were."""
        async with self.database.begin() as connection:
            patients = await store.patients_of_another_mapping(connection, mapping_of(self.site), page)
            if not patients:
                return 0
            unsure = await store.lock_patients(connection, patients)
            found = deliver([], await store.visits_of(connection, patients), unsure)
            found.settle_all()
            await store.fill(connection, found.stored, self.long_visits.aside)
            ledger = await store.ledger_of(connection, patients)
            told = await deaths_of(connection, patients)
            hear(told, [Heard(v.patient_id, v.facility, one) for v in found.touched.values() for one in v.messages])
            _, writes = await _settled(connection, found, [], (ledger, told), self)
            await at_once(connection, writes)
        return len(set(patients))


async def take_in(connection: Connection, letters: Sequence[Letter], intake: Intake) -> None:
    """Store letters and what follows from them, inside the caller's transaction; each letter gets its answer."""
    await _blame_our_clock(connection, letters, intake)
    news = [letter for letter in letters if letter.stored]
    about = [letter for letter in news if letter.adt is not None and letter.outcome.code == "AA"]
    unsure = await _find_patients(connection, about, intake) if about else set()
    loaded = await _load(connection, news, about, intake) if news else store.NOTHING
    repeats = await _repeats(connection, news, loaded)
    news = [letter for letter in news if id(letter) not in repeats]
    about = [letter for letter in about if id(letter) not in repeats]
    writes = await _settle(connection, about, unsure, loaded, intake) if about else []
    writes += store.keep_messages([_kept(letter) for letter in news])
    await at_once(connection, writes + _account(letters, repeats, intake))


async def _blame_our_clock(connection: Connection, letters: Sequence[Letter], intake: Intake) -> None:
    """AR, and nothing kept, where a time lies in the future by our clock alone: that is no fault of the sender's."""
    if early := [letter for letter in letters if letter.too_early is not None]:
        latest = await store.others_time(connection) + SiteRules(intake.site).future_limit
        for letter in early:
            if letter.too_early is not None and letter.too_early <= latest:
                letter.answer(Outcome("AR", CLOCK_WRONG))


async def _find_patients(connection: Connection, letters: Sequence[Letter], intake: Intake) -> set[str]:
    """Whom each letter is about: found or made, and locked; those of whom any message names no visit."""
    await _prepared(connection, intake)
    every = [_about(letter) for letter in letters]
    found, unsure = await whom.find(connection, every, intake.numbering)
    for letter, whose in zip(letters, found, strict=True):
        letter.patient_id = whose.patient_id
        if whose.several:
            letter.warn(SEVERAL_PATIENTS)
        if whose.patient_id is None:
            letter.note, letter.reason = "waiting", NO_KEY
    return unsure


async def patient_of(connection: Connection, about: whom.About, intake: Intake, scope: frozenset[str] | None) -> str:
    """Whom a request is about, among the patients of these facilities (None: all): found or made, and locked."""
    await _prepared(connection, intake)
    [found], _ = await whom.find(connection, [about], intake.numbering, scope=scope, is_request=True)
    if found.patient_id is None:
        raise ValueError("a request about nobody")
    return found.patient_id


async def _prepared(connection: Connection, intake: Intake) -> None:
    if not intake.prepared:
        await first_version.must_be_done(connection, intake.seal)
        intake.prepared = True


def _about(letter: Letter) -> whom.About:
    said_at = letter.adt.stated_at if letter.adt else letter.arrived_at
    return whom.About(letter.known, letter.facility, letter.person, said_at, letter.arrived_at)


async def _load(
    connection: Connection, news: Sequence[Letter], about: Sequence[Letter], intake: Intake
) -> store.Loaded:
    """What a batch needs to know; long visits are filled later, a page at a time."""
    patients = sorted({letter.patient_id for letter in about if letter.patient_id})
    short = [] if _is_long(about, intake) else about
    keys = sorted({key for letter in short if letter.adt and (key := visit_id(letter.adt))})
    numbered = sorted({each for letter in about if (each := _numbered(letter))})
    return await store.load(connection, [(letter.ids, letter.body) for letter in news], patients, keys, numbered)


def _numbered(letter: Letter) -> store.Numbered | None:
    """The visit that a letter names by a number."""
    number = letter.adt.visit_number if letter.adt else None
    return (letter.patient_id, letter.facility, number) if letter.patient_id and number else None


def _is_long(letters: Iterable[Letter], intake: Intake) -> bool:
    return intake.long_visits.has(key for letter in letters for key in letter.keys)


async def _repeats(connection: Connection, letters: Sequence[Letter], loaded: store.Loaded) -> set[int]:
    """The letters that came before, or came already in this batch; they get the first answer."""
    before = loaded.before
    came = [same.message_id for same in before.values() if same.message_id]
    replies = await store.replies_to(connection, came) if came else {}
    first: dict[tuple[bytes, bytes], Letter] = {}
    bodies: dict[bytes, bytes] = {}
    repeats: set[int] = set()
    for letter in letters:
        same = before[letter.ids, letter.body]
        earlier = first.setdefault((letter.ids, letter.body), letter)
        if same.message_id is not None:
            letter.replies = replies[same.message_id]
            letter.outcome, letter.note = Outcome(same.answer), "repeat"
            repeats.add(id(letter))
        elif earlier is not letter:
            letter.replies, letter.outcome, letter.note = earlier.replies, earlier.outcome, "repeat"
            repeats.add(id(letter))
        elif bodies.setdefault(letter.ids, letter.body) != letter.body or same.other:
            letter.warn(OTHER_BODY)
    return repeats


async def _settle(
    connection: Connection, letters: Sequence[Letter], unsure: set[str], loaded: store.Loaded, intake: Intake
) -> Writes:
    found = deliver(letters, loaded.visits, unsure)
    found.settle(hear(loaded.deaths, _heard(letters)))
    await store.doubt(connection, found.unsure - unsure)
    stored = {key: visit for key, visit in found.stored.items() if key not in loaded.filled}
    long = _is_long(letters, intake)
    meant = None
    if long and not found.unsure:
        await store.fill_standing(connection, stored)
        meant = await _meant_apart(connection, found, letters, loaded.deaths, intake)
    else:
        await store.fill(connection, stored, intake.long_visits.aside if long else None)
    for visit in found.untouched:
        loaded.ledger.learn(visit)
    _doubt_numbers(letters, loaded.elsewhere)
    known = (loaded.ledger, loaded.deaths)
    settled, writes = await _settled(connection, found, letters, known, intake, meant=meant)
    _note(letters, settled)
    return writes + keeping(_tellings(letters), loaded.persons, intake.seal)


def _doubt_numbers(letters: Sequence[Letter], elsewhere: Collection[store.Numbered]) -> None:
    """Warn of visit numbers that another patient of the facility has, or gets in this batch."""
    told = [(letter, each) for letter in letters if (each := _numbered(letter))]
    patients: dict[tuple[str, str], set[str]] = defaultdict(set)
    for _, (patient, *number) in told:
        patients[number[0], number[1]].add(patient)
    for letter, each in told:
        if each in elsewhere or len(patients[each[1:]]) > 1:
            letter.warn(OTHERS_VISIT)


async def _meant_apart(
    connection: Connection, found: Places, letters: Sequence[Letter], of_deaths: Known, intake: Intake
) -> dict[str, Meant]:
    """What the touched visits mean with these letters: their messages go to the other process as they are stored."""

    async def pages() -> AsyncIterator[list[Row]]:
        async for page in store.said_of(connection, found.stored):
            yield page
        yield [
            Row(letter.visit_id, letter.message_id, letter.arrived_at, letter.values)
            for letter in letters
            if letter.visit_id is not None and letter.values is not None
        ]

    _whether_alive(found.touched.values(), of_deaths)
    return await intake.long_visits.apart.derive(found.touched, pages())


def _whether_alive(visits: Iterable[OnFile], of_deaths: Known) -> None:
    for visit in visits:
        visit.alive = of_deaths.record((visit.patient_id, visit.facility)).alive


def _tellings(letters: Iterable[Letter]) -> list[OfPerson]:
    """What letters say of persons, in the order said."""
    told = [
        OfPerson(letter.patient_id, letter.facility, letter.person, letter.adt.stated_at)
        for letter in letters
        if letter.adt is not None and letter.patient_id is not None
    ]
    return sorted(told, key=lambda each: each.said_at)


async def _settled(
    connection: Connection,
    found: Places,
    letters: Sequence[Letter],
    known: tuple[Ledger, Known],
    intake: Intake,
    *,
    meant: Mapping[str, Meant] | None = None,
) -> tuple[list[Settled], Writes]:
    """Settle the touched visits, which are filled (or `meant`); what is to be written of them, and to be sent."""
    ledger, of_deaths = known
    ledger.traces |= {letter.message_id: letter.trace for letter in letters if letter.trace}
    for letter in letters:
        if letter.visit_id is not None and letter.adt is not None:
            told = Said(letter.adt, letter.message_id, letter.arrived_at)
            found.touched[letter.visit_id].messages.append(told)
            found.touched[letter.visit_id].newest = told
    if found.unsure:
        await _find_visits(connection, found, letters, intake)
    visits = list(found.touched.values())
    _whether_alive(visits, of_deaths)
    now = intake.clock()
    settled = await _in_line(visits, ledger, letters, intake, meant)
    newest = {patient: said for patient, _, said in _heard(letters)}
    died = deaths(of_deaths, settled, newest, Telling(ledger, intake.site, now))
    new = {letter.message_id for letter in letters}
    changed = [note for each in settled for note in each.notes if note.message_id not in new]
    stated = [*(one for each in settled for one in each.stated), *died.stated]
    said = [to_record(one.fact, TOPIC) for one in stated]
    writes = store.keep_settled(settled, died, ledger, mapping_of(intake.site))
    return settled, [*writes, *store.keep_notes(changed), *outbox.sending(said)]


async def _in_line(
    visits: Sequence[OnFile],
    ledger: Ledger,
    letters: Sequence[Letter],
    intake: Intake,
    meant: Mapping[str, Meant] | None,
) -> list[Settled]:
    """The visits, settled; who has one that has become long is known from now on."""
    given = (visits, ledger, intake.site, intake.clock(), meant)
    sizes = {visit.visit_id: len(visit.messages) for visit in visits}
    if meant is not None or max(sizes.values(), default=0) <= intake.long_visits.long:
        return settle(*given)
    for letter in letters:
        intake.long_visits.learn(letter.keys, sizes.get(letter.visit_id or "", 0))
    return await intake.long_visits.aside(settle, *given)


def _heard(letters: Sequence[Letter]) -> list[Heard]:
    return [
        Heard(letter.patient_id, letter.facility, Said(letter.adt, letter.message_id, letter.arrived_at))
        for letter in letters
        if letter.adt is not None and letter.patient_id is not None
    ]


async def _find_visits(connection: Connection, found: Places, letters: Sequence[Letter], intake: Intake) -> None:
    """The visits of messages that name none; where one lies elsewhere now, that is stored."""
    found.strays += await store.strays_of(connection, found.unsure)
    if _is_long(letters, intake):
        moved = await intake.long_visits.aside(put, found, intake.site)
    else:
        moved = put(found, intake.site)
    for letter in letters:
        letter.visit_id = moved.pop(letter.message_id, letter.visit_id)
    await store.move(connection, moved)


def _note(letters: Sequence[Letter], settled: Sequence[Settled]) -> None:
    notes = {note.message_id: note for each in settled for note in each.notes}
    for letter in letters:
        if letter.message_id in notes:
            _, letter.note, letter.reason = notes[letter.message_id]


def _kept(letter: Letter) -> store.Kept:
    return store.Kept(
        message_id=letter.message_id,
        ids=letter.ids,
        body=letter.body,
        door=letter.door,
        arrived_at=letter.arrived_at,
        facility=letter.facility,
        trigger=letter.trigger,
        control_id=letter.control_id,
        charset=letter.head.charset,
        answer=letter.outcome.code,
        replies=bytes_array(letter.replies),
        note=letter.note,
        reason=letter.reason,
        warnings=array(letter.warnings),
        patient_id=letter.patient_id,
        visit_id=letter.visit_id,
        said=letter.values,
        sealed=letter.sealed,
    )


def _account(letters: Sequence[Letter], repeats: set[int], intake: Intake) -> Writes:
    """Who sent what: audit rows and the feeds' counts, added up over the batch."""
    counts: Counter[tuple[str, str, str, str]] = Counter()
    for letter in letters:
        facility = intake.site.facility(letter.facility)
        trigger = letter.trigger if letter.trigger in TRIGGERS else "other"
        answer = "repeat" if id(letter) in repeats else letter.outcome.code
        counts[facility.name if facility else "other", letter.door, trigger, answer] += 1
    now = intake.clock()
    entries = [
        audit.Entry(now, f"{door}:{facility}", f"message {trigger}", facility, answer, number)
        for (facility, door, trigger, answer), number in counts.items()
    ]
    return [*audit.noting(entries), *store.count_feeds(counts, now)]
