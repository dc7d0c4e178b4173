"""Takes in consents and revocations, and states for each episode of the patient that a consent begins or ends.

The order of locks is that of messages: the key first, then the patient's row. A new episode of a patient gets the
standing consents by a timer, whatever began it: so no message waits for a look at consents (decision 0122).
A revocation counts from when placement's gate has it, which care.episodes tells by `seen` (decision 0163).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, time, timedelta
from time import monotonic

from services.intake.people import views as people
from services.intake.receiving import store as receiving
from services.intake.receiving import visits_store as visits
from services.intake.receiving.derive_again import bring_kin_in_line
from services.intake.receiving.in_line import TOPIC
from services.intake.receiving.receive import Intake
from services.intake.requests.consents import store
from services.intake.requests.consents.commands import ConsentGiven, ConsentStated, ConsentTakenBack
from services.intake.requests.consents.store import Consent
from services.intake.requests.handlers import facility_name, owner_of, patient_known_by
from services.intake.visits.reconcile import EpisodeSequences
from shared.errors import Rejected
from shared.events.aftercare import Consent as ConsentFact
from shared.events.aftercare import ConsentExpired, ConsentRecorded, ConsentRevoked
from shared.facts.envelope import to_record
from shared.ids import new_id
from shared.messaging import outbox
from shared.storage import audit
from shared.storage.database import Connection
from shared.web import tracing
from shared.web.auth import Caller
from shared.web.requests import missing

ACTOR = "intake"


async def record(intake: Intake, connection: Connection, who: Caller, _: str, asked: ConsentGiven) -> ConsentStated:
    """Record a consent and state it for every episode that the patient has, in the caller's transaction.

    Raises a Problem (404) where patient or episode are not the caller's.
    """
    now = intake.clock()
    consent_id = new_id(now)
    patient_id = await _patient(connection, intake, who, asked)
    consent = _consent(intake, consent_id, patient_id, asked, now)
    await store.keep(connection, consent)
    sequences = await visits.sequences_of(connection, [patient_id])
    pairs = [(consent, episode) for episode in sorted(sequences.last)]
    await _state(connection, ConsentRecorded, pairs, sequences, now)
    await store.keep_episodes(connection, [(consent_id, episode) for _, episode in pairs])
    await bring_kin_in_line(connection, [patient_id], intake)
    await audit.note(connection, [audit.Entry(now, who.subject, "consent-recorded", consent_id)])
    return await _answer(connection, who, consent, [episode for _, episode in pairs])


async def revoke(
    intake: Intake, connection: Connection, who: Caller, consent_id: str, asked: ConsentTakenBack
) -> ConsentStated:
    """Revoke a consent for every episode that it was stated for, in the caller's transaction.

    One that is revoked already is answered as it stands. Raises a Problem (404), and Rejected where it has expired.
    """
    now = intake.clock()
    consent = await _revocable(connection, who, consent_id)
    if consent.state != "standing":
        episodes = [episode for _, episode in await store.episodes_of(connection, [consent_id])]
        return await _answer(connection, who, consent, episodes)
    at = asked.occurred_at or now
    episodes = await _end(connection, ConsentRevoked, [consent], at, now)
    await bring_kin_in_line(connection, [consent.patient_id], intake)
    await audit.note(connection, [audit.Entry(now, who.subject, "consent-revoked", consent_id)])
    return await _answer(connection, who, consent._replace(state="revoking"), episodes)


async def count_revoked(intake: Intake, consent_ids: Collection[str]) -> None:
    """Turn these consents from `revoking` to `revoked` where placement's gate has their revocations by now."""
    async with intake.database.begin() as connection:
        await count_revoked_in(connection, intake, consent_ids)


async def count_revoked_in(connection: Connection, intake: Intake, consent_ids: Collection[str]) -> None:
    """The same in the caller's transaction."""
    await store.count_revoked(connection, consent_ids, intake.clock())


async def until_it_counts(intake: Intake, consent_id: str) -> str:
    """Wait until a consent is not `revoking` any more, `intake.revocation_wait` seconds at most; returns its state.

    `revoked`: nothing leaves on it any more; `revoking`: placement's gate did not have the revocation in that time.
    """
    end = monotonic() + intake.revocation_wait
    while True:
        await count_revoked(intake, [consent_id])
        async with intake.database.read() as connection:
            state = (await store.consents_of(connection, [consent_id]))[consent_id].state
        if state != "revoking" or monotonic() >= end:
            return state
        await asyncio.sleep(0.05)


async def run_out(intake: Intake, most: int = 200) -> int:
    """State the expiry of at most `most` consents whose last day is over; returns how many there were. For a timer."""
    now = intake.clock()
    async with intake.database.begin() as connection:
        found = await store.over(connection, now, most)
        if found:
            await receiving.lock_patients(connection, [patient for _, patient in found])
            consents = await store.consents_of(connection, [consent for consent, _ in found])
            standing = [each for each in consents.values() if each.state == "standing"]
            await _end(connection, ConsentExpired, standing, None, now)
            await bring_kin_in_line(connection, [each.patient_id for each in standing], intake)
            entries = [audit.Entry(now, ACTOR, "consent-expired", each.consent_id) for each in standing]
            await audit.note(connection, entries)
    return len(found)


async def tell_new_episodes(intake: Intake, most: int = 200) -> int:
    """State standing consents for episodes that began after them, at most `most` pairs of the two; returns how many
    there were. For a timer."""
    now = intake.clock()
    async with intake.database.begin() as connection:
        found = await store.untold(connection, most)
        if found:
            patients = sorted({patient for _, patient, _ in found})
            await receiving.lock_patients(connection, patients)
            pairs = await store.still_untold(connection, [(consent, episode) for consent, _, episode in found])
            consents = await store.consents_of(connection, [consent for consent, _ in pairs])
            sequences = await visits.sequences_of(connection, patients)
            told = [(consents[consent], episode) for consent, episode in pairs]
            await _state(connection, ConsentRecorded, told, sequences, now)
            await store.keep_episodes(connection, pairs)
            await bring_kin_in_line(connection, patients, intake)
    return len(found)


async def _patient(connection: Connection, intake: Intake, who: Caller, asked: ConsentGiven) -> str:
    """The patient, locked."""
    if asked.identity is not None:
        facility = facility_name(intake, asked.facility)
        return await patient_known_by(connection, intake, who, asked.identity, facility)
    if asked.episode_id is not None:
        return await owner_of(connection, who, asked.episode_id)
    patient_id = asked.patient_id or ""
    facilities = await store.facilities_of(connection, patient_id)
    if facilities is None or not any(who.may_see(place) for place in facilities):
        raise missing("no-such-patient", "there is no such patient that you may see")
    await receiving.lock_patients(connection, [patient_id])
    return patient_id


def _consent(intake: Intake, consent_id: str, patient_id: str, asked: ConsentGiven, now: datetime) -> Consent:
    """The row of a consent; days count in the zone of the facility where it was given."""
    zone = intake.site.zone(asked.facility)
    facility = facility_name(intake, asked.facility)
    at = asked.occurred_at or now
    over = datetime.combine(asked.ends + timedelta(days=1), time(), zone) if asked.ends else None
    return Consent(
        consent_id=consent_id,
        patient_id=patient_id,
        facility=facility,
        discloser=facility_name(intake, asked.discloser) if asked.discloser else facility,
        recipient=asked.recipient,
        recipient_class=asked.recipient_class,
        purpose=asked.purpose,
        scope=sorted(set(asked.scope)),
        begins=asked.begins or at.astimezone(zone).date(),
        ends=asked.ends,
        occurred_at=at,
        over_at=over,
    )


async def _revocable(connection: Connection, who: Caller, consent_id: str) -> Consent:
    """The consent, its patient locked. Raises a Problem (404), or Rejected where it has expired."""
    found = (await store.consents_of(connection, [consent_id])).get(consent_id)
    if found is None or not who.may_see(found.facility):
        raise missing("no-such-consent", "there is no such consent that you may see")
    await receiving.lock_patients(connection, [found.patient_id])
    found = (await store.consents_of(connection, [consent_id]))[consent_id]
    if found.state == "expired":
        raise Rejected("not-standing", f"the consent is {found.state} already", state=found.state)
    return found


async def _end(
    connection: Connection, kind: type[ConsentFact], consents: Sequence[Consent], at: datetime | None, now: datetime
) -> list[str]:
    """State the end of consents for every episode that has them; returns these. `at`: when; None: with the last day."""
    known = {each.consent_id: each._replace(occurred_at=at or each.over_at or now) for each in consents}
    pairs = [(known[consent], episode) for consent, episode in await store.episodes_of(connection, known)]
    sequences = await visits.sequences_of(connection, sorted({each.patient_id for each in consents}))
    stated = await _state(connection, kind, pairs, sequences, now)
    if kind is ConsentRevoked:
        await store.keep_revoked_by(connection, stated)
    await store.end(connection, known, "revoking" if kind is ConsentRevoked else "expired", now)
    return [episode for _, episode in pairs]


async def _state(
    connection: Connection,
    kind: type[ConsentFact],
    pairs: Iterable[tuple[Consent, str]],
    sequences: EpisodeSequences,
    now: datetime,
) -> list[tuple[str, str, int]]:
    """State a fact of this kind for each (consent, episode); returns (consent, episode, sequence of the fact)."""
    trace = tracing.of_the_request()
    values = [(one.consent_id, _value(kind, one, episode, now)) for one, episode in pairs]
    stated = [(consent, sequences.stated(value, now, consent, trace=trace)) for consent, value in values]
    if stated:
        await store.keep_stated(connection, stated, sequences.owners)
        await outbox.send(connection, [to_record(fact, TOPIC) for _, fact in stated])
    return [(consent, fact.subject, fact.sequence) for consent, fact in stated]


def _value(kind: type[ConsentFact], consent: Consent, episode: str, now: datetime) -> ConsentFact:
    return kind(
        episode_id=episode,
        patient_id=consent.patient_id,
        facility=consent.facility,
        occurred_at=consent.occurred_at,
        recorded_at=now,
        stated_at=now,
        consent_id=consent.consent_id,
        discloser=consent.discloser,
        recipient=consent.recipient,
        recipient_class=consent.recipient_class,
        purpose=consent.purpose,
        scope=tuple(consent.scope),
        begins=consent.begins,
        ends=consent.ends,
    )


async def _answer(connection: Connection, who: Caller, consent: Consent, episodes: Sequence[str]) -> ConsentStated:
    """The answer, with those of these episodes that the caller may see."""
    seen = await people.episodes_within(connection, consent.patient_id, who.scope)
    return ConsentStated.model_validate(
        {
            "consent_id": consent.consent_id,
            "patient_id": consent.patient_id,
            "state": consent.state,
            "episodes": tuple(each for each in episodes if each in seen),
        }
    )
