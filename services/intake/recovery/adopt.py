"""Adopts what care.events, or placement, holds of intake's own facts and its tables lack.

A fact of a visit stands as said by a message that is not here (restated.py): that statement is stored in the place of
the message, with door `adopted`, and from then on derived with all others. Facts that a request said are stored whole,
as they were. A patient who is not here is made under the same id, with the record number that the facts tell.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from services.intake.hl7 import codec
from services.intake.hl7.model import VisitMessage
from services.intake.people import patients as whom
from services.intake.people import store as people
from services.intake.people.joining import IdentityQuery
from services.intake.receiving import deaths_store
from services.intake.receiving import store as receiving
from services.intake.receiving.merges.merging import UNMERGED
from services.intake.receiving.receive import Intake
from services.intake.receiving.visits_store import FactRow, VisitRow, visits_of
from services.intake.recovery import store
from services.intake.recovery.rebuilt import recorded_at
from services.intake.recovery.restated import (
    VisitHistory,
    about_death,
    death_message,
    fallen,
    key_of,
    message_of,
    patient_id,
    visit_key,
)
from services.intake.requests.consents.store import Consent
from services.intake.visits.death_reports import with_messages
from services.intake.visits.desired import own_fields
from services.intake.visits.reconcile import VisitRecord
from shared.clock import Clock
from shared.events.aftercare import ConsentExpired, ConsentRecorded, ConsentRevoked
from shared.events.base import PatientNumber
from shared.events.stays import Admitted, PatientDied, VisitStarted
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact
from shared.ids import new_id
from shared.messaging.spool import by_subject, next_in_line, unknown_of
from shared.site.config import Site
from shared.storage.database import Connection, Database
from shared.storage.sealing import Seal
from shared.storage.statements import array, at_once

DOOR = "adopted"
"""The door of a message that is not here: by it the feeds list what was adopted."""
Visit = tuple[str, str, str]
"""Patient, facility, and the visit's key."""


@dataclass(slots=True)
class Page:
    """What is adopted in one transaction: facts by episode in order, and what is to be written."""

    facts: dict[str, list[Fact[Any]]]
    visits: dict[Visit, list[Fact[Any]]] = field(default_factory=lambda: defaultdict(list))
    others: list[Fact[Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        where: dict[str, Visit] = {}
        for fact in self.every:
            value = fact.value
            if value.stay is not None and value.stay.kind == "visit" and not _of_a_merge(fact):
                where[fact.id] = visit = (value.patient_id, value.facility, visit_key(value.stay.id))
                self.visits[visit].append(fact)
            else:
                self.others.append(fact)

    @property
    def every(self) -> list[Fact[Any]]:
        """All facts."""
        return [fact for facts in self.facts.values() for fact in facts]


@dataclass(slots=True)
class Adoption:
    """Adopts facts, page by page; `derive_again` brings their visits in line at the end."""

    site: Site
    seal: Seal
    clock: Clock
    numbering: whom.Numbering = field(init=False)

    def __post_init__(self) -> None:
        self.numbering = whom.Numbering.at(self.site, self.seal)

    async def adopt(self, connection: Connection, episodes: Sequence[str]) -> Counter[str]:
        """Adopt the facts of these episodes that follow those which the table has."""
        last = await store.sequences_of(connection, episodes)
        unknown = by_subject(await unknown_of(connection, "intake", episodes))
        page = Page({one: found for one in episodes if (found := next_in_line(last.get(one, 0), unknown.get(one, ())))})
        if not page.facts:
            return Counter()
        new = await self._patients(connection, page)
        known = await self._visits(connection, page)
        messages = await self._messages(connection, page, known)
        await self._store(connection, page, known)
        await at_once(connection, receiving.keep_messages([self._row(*each) for each in messages]))
        counts = Counter((visit[1], DOOR, said.adt.trigger, "AA") for visit, _, said in messages)
        await at_once(connection, receiving.count_feeds(counts, self.clock()))
        await self._consents(connection, page)
        await self._deaths(connection, page, {said.message_id for _, _, said in messages})
        return Counter(
            {"own facts adopted": len(page.every), "raw messages": len(messages), "persons without a name": len(new)}
        )

    async def derive_again(self, database: Database) -> None:
        """Derive the visits again that adopted facts are of."""
        intake = Intake(database, self.site, self.seal, self.clock)
        while await intake.derive_again():
            pass

    # ── patients ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _patients(self, connection: Connection, page: Page) -> list[str]:
        """Make the patients who are not here, with their record numbers, and lock all of them; returns the new ones."""
        patients = {fact.value.patient_id for fact in page.every}
        new = await store.new_patients(connection, patients)
        await receiving.lock_patients(connection, patients)
        told = {
            (fact.value.patient_id, fact.value.facility, fact.value.patient)
            for fact in page.every
            if isinstance(fact.value, Admitted | VisitStarted) and fact.value.patient
        }
        if told:
            await self._numbers(connection, told)
        places = {(fact.value.patient_id, fact.value.facility) for fact in page.every}
        await at_once(connection, people.keep_places(places))
        return new

    async def _numbers(self, connection: Connection, told: Iterable[tuple[str, str, PatientNumber]]) -> None:
        await self.numbering.up_to_date(connection, ())
        queries = {}
        for patient, facility, number in sorted(told, key=str):
            numbers = self.numbering.numbers.of([patient_id(number)], facility, self.numbering.authorities)
            queries[patient, facility, number] = IdentityQuery(facility, numbers, {}, patient)
        register = await whom.register_of(connection, list(queries.values()), self.numbering)
        for (patient, _, _), query in queries.items():
            register.adopt(patient, query)
        await whom.keep(connection, register, self.clock(), self.seal)

    # ── visits ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _visits(self, connection: Connection, page: Page) -> dict[Visit, VisitRecord]:
        """The visits of these facts, those that are stored with their messages and standing facts."""
        found = await visits_of(connection, {patient for patient, _, _ in page.visits})
        known = {(each.patient_id, each.facility, each.key): each for each in found}
        stored = {each.visit_id: each for place, each in known.items() if place in page.visits}
        await receiving.fill(connection, stored)
        for place, facts in page.visits.items():
            if place not in known:
                known[place] = VisitRecord(new_id(recorded_at(facts[0].id)), *place, episode_id=facts[0].subject)
        return known

    async def _messages(
        self, connection: Connection, page: Page, known: dict[Visit, VisitRecord]
    ) -> list[tuple[Visit, VisitRecord, VisitMessage]]:
        """The statements of the messages that are not here."""
        here = await store.here(connection, (message_of(fact) for fact in page.every))
        found = []
        for place, facts in page.visits.items():
            history = VisitHistory(place[1], place[2], self.site, here)
            for active in known[place].standing.values():
                history.learn(active.ce_id, active.value)
            found += [(place, known[place], said) for said in history.messages(facts)]
        return found

    def _row(self, place: Visit, visit: VisitRecord, said: VisitMessage) -> receiving.MessageRow:
        one = self.seal.blind(f"adopted\x1f{said.message_id}")
        return receiving.MessageRow(
            message_id=said.message_id,
            ids=one,
            body=one,
            door=DOOR,
            arrived_at=said.arrived_at,
            facility=place[1],
            trigger=said.adt.trigger,
            control_id=said.adt.control_id,
            charset=said.adt.charset,
            answer="AA",
            replies="{}",
            note="applied",
            reason=None,
            warnings=array(said.adt.warnings),
            patient_id=place[0],
            visit_id=visit.visit_id,
            said=codec.encode(said.adt),
            sealed=self.seal.close(b"", said.message_id),
        )

    async def _store(self, connection: Connection, page: Page, known: dict[Visit, VisitRecord]) -> None:
        gone = fallen(page.every)
        visit_of = {fact.id: known[place].visit_id for place, facts in page.visits.items() for fact in facts}
        new = [
            VisitRow(each.visit_id, *place, page.visits[place][0].subject, None, None, None, False, "{}", "")
            for place, each in known.items()
            if place in page.visits
        ]
        owners = {episode: (_owner(facts), facts[-1].sequence) for episode, facts in page.facts.items()}
        rows = [(_fact_row(fact, visit_of.get(fact.id), fact.id not in gone), fact.copy_of) for fact in page.every]
        await store.keep_adopted(connection, owners, new, rows, gone)

    # ── what is of no visit ───────────────────────────────────────────────────────────────────────────────────────────

    async def _consents(self, connection: Connection, page: Page) -> None:
        recorded, of, ended = [], [], []
        for fact in page.others:
            if fact.copy_of:
                continue  # it is the other episode's
            match fact.value:
                case ConsentRecorded() as told:
                    recorded.append(self._consent(told))
                    of.append((told.consent_id, fact.subject))
                case ConsentRevoked() | ConsentExpired() as told:
                    state = "revoking" if isinstance(told, ConsentRevoked) else "expired"
                    ended.append(
                        store.ConsentChange(told.consent_id, fact.subject, state, told.recorded_at, fact.sequence)
                    )
        unique = {one.consent_id: one for one in recorded}
        await store.keep_consents(connection, list(unique.values()), of, ended)

    def _consent(self, told: ConsentRecorded) -> Consent:
        zone = self.site.zone(told.facility)
        over = datetime.combine(told.ends + timedelta(days=1), time(), zone) if told.ends else None
        return Consent(
            told.consent_id, told.patient_id, told.facility, told.discloser, told.recipient, told.recipient_class,
            told.purpose, list(told.scope), told.begins, told.ends, told.occurred_at, over,
        )  # fmt: skip

    async def _deaths(self, connection: Connection, page: Page, adopted: set[str]) -> None:
        """Note what was told of deaths. What the end of a visit tells is noted when that is derived again; until then
        the record is empty, by which the facts of it that stand are found."""
        told = [fact for fact in page.others if about_death(fact.value) and not fact.copy_of]
        known = await deaths_store.known_of(connection, {fact.value.patient_id for fact in told})
        for fact in told:
            teller = (fact.value.patient_id, fact.value.facility)
            said = [] if fact.causation_id in adopted else [death_message(fact)]
            known.records[teller] = with_messages(known.record(teller), said)
        if told:
            await at_once(connection, deaths_store.keep(known.records))


def _owner(facts: Sequence[Fact[Any]]) -> str:
    """Whose an episode is, by the last fact that is no copy: a copy names the patient who stays."""
    own = next((fact for fact in reversed(facts) if fact.copy_of is None), facts[-1])
    return str(own.value.patient_id)


def _of_a_merge(fact: Fact[Any]) -> bool:
    """Whether a fact is a copy, or takes one back: no message of the visit said it."""
    return fact.copy_of is not None or (isinstance(fact.value, FactCancelled) and fact.value.reason == UNMERGED)


def _fact_row(fact: Fact[Any], visit_id: str | None, stands: bool) -> FactRow:
    """A fact as a row; what is of no visit and no death is kept whole, as what a request says and a copy
    are."""
    value = fact.value
    is_cancel = isinstance(value, FactCancelled)
    whole = bool(fact.copy_of) or (visit_id is None and not isinstance(value, PatientDied) and not is_cancel)
    key = key_of(value)
    if isinstance(value, PatientDied) and not whole:
        key = (value.TYPE, value.facility, value.episode_id)
    elif whole:
        key = (fact.name, fact.id)
    return FactRow(
        ce_id=fact.id,
        episode_id=fact.subject,
        sequence=fact.sequence,
        visit_id=visit_id,
        key=array(key),
        type=fact.name,
        stay_id=value.stay.id if value.stay and not whole else None,
        occurred_at=value.occurred_at,
        value=fact.body if whole else b"{}" if is_cancel else own_fields(fact.body),
        message_id=message_of(fact) if visit_id else fact.causation_id or "",
        standing=stands and not is_cancel,
    )
