"""Takes in referrals and assessments: finds the patient, chooses the episode, and states one fact.

The same order of locks as for messages (tables.py): the key first (shared/web/posts.py), then the patient's row.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

from services.intake.hl7.model import PatientId
from services.intake.people import views as people
from services.intake.people.names import keep
from services.intake.people.patients import IdentityClaim
from services.intake.receiving import store as receiving
from services.intake.receiving import visits_store as visits
from services.intake.receiving.deaths_store import known_of as deaths_of
from services.intake.receiving.derive_again import bring_kin_in_line
from services.intake.receiving.in_line import TOPIC
from services.intake.receiving.receive import Intake, patient_of
from services.intake.requests import store
from services.intake.requests.commands import Assessment, KnownReferral, Person, Referral, Stated
from services.intake.requests.needs import store as unknown_needs
from services.intake.requests.needs import vocabulary
from services.intake.visits.death_facts import Provenance, deaths
from services.intake.visits.derive import choose_episode
from services.intake.visits.reconcile import EpisodeSequences, mapping_of
from shared.events import CareFact
from shared.events.assessments import Assessed
from shared.events.base import Heading
from shared.events.stays import Referred
from shared.facts.envelope import to_record
from shared.ids import new_id
from shared.messaging import outbox
from shared.storage import audit
from shared.storage.database import Connection
from shared.storage.statements import at_once
from shared.web import tracing
from shared.web.auth import Caller
from shared.web.requests import missing

RequestToState: TypeAlias = Referral | KnownReferral | Assessment


async def state(intake: Intake, connection: Connection, who: Caller, _: str, asked: RequestToState) -> Stated:
    """State a referral or assessment as a fact, in the caller's transaction; in a new episode also a known death.

    Raises a Problem (404) where the episode is not the caller's.
    """
    now = intake.clock()
    request_id = new_id(now)
    at = asked.occurred_at or now
    facility = facility_name(intake, asked.facility)
    patient_id = await _patient(connection, intake, who, asked, facility)
    sequences = await visits.sequences_of(connection, [patient_id])
    for visit in await visits.visits_of(connection, [patient_id]):
        sequences.learn(visit)
    episode_id = (
        _episode_named(asked) or _chosen(sequences, patient_id, at, facility, intake) or sequences.begin(patient_id)
    )
    about: Heading = {
        "episode_id": episode_id,
        "patient_id": patient_id,
        "facility": facility,
        "occurred_at": at,
        "recorded_at": now,
    }
    needs = vocabulary.read(intake.site, asked.needs)
    value = _fact(asked, about, needs.codes or None)
    fact = sequences.stated(value, now, request_id, trace=tracing.of_the_request())
    await store.keep_fact(connection, fact, patient_id, request_id)
    await unknown_needs.keep(connection, needs.unknown, fact, patient_id, intake.seal)
    died = deaths(await deaths_of(connection, [patient_id]), [], {}, Provenance(sequences, intake.places, now))
    await at_once(connection, visits.keep_changes([], died, sequences, mapping_of(intake.site)))
    await outbox.send(connection, [to_record(one, TOPIC) for one in (fact, *(each.fact for each in died.stated))])
    await bring_kin_in_line(connection, [patient_id], intake)
    await audit.note(connection, [audit.Entry(now, who.subject, f"{value.TYPE}-stated", episode_id)])
    places = tuple(one.place for one in needs.unknown)
    return Stated(episode_id=episode_id, patient_id=patient_id, fact_id=fact.id, unknown_needs=places)


async def _patient(connection: Connection, intake: Intake, who: Caller, asked: RequestToState, facility: str) -> str:
    """The patient, locked: found or made by the ids, the one that is named, or the owner of the episode that is."""
    if isinstance(asked, KnownReferral):
        return await known(connection, who, asked.patient_id)
    if asked.identity is None:
        return await owner_of(connection, who, _episode_named(asked) or "")
    return await patient_known_by(connection, intake, who, asked.identity, facility)


async def patient_known_by(connection: Connection, intake: Intake, who: Caller, person: Person, facility: str) -> str:
    """The patient of the caller's own facilities whom a request's ids mean, found or made, and locked.

    What the request says of the person is kept as this facility's. The answer is alike whether or not another facility
    knows the person (contract 5.9); that it may be the same one becomes a probable match.
    """
    now = intake.clock()
    ids = tuple(PatientId(one.id, one.assigning_authority, one.type) for one in person.identifiers)
    about = IdentityClaim(ids, facility, person.told(), now, now)
    patient_id = await patient_of(connection, about, intake, scope_of(who))
    await keep(connection, [(patient_id, about)], intake.seal)
    return patient_id


def facility_name(intake: Intake, facility: str) -> str:
    """The facility's name as site config writes it, whatever its case here; any other text as it is."""
    place = intake.site.facility(facility)
    return place.name if place else facility


def _episode_named(asked: RequestToState) -> str | None:
    return asked.episode_id if isinstance(asked, Assessment) else None


async def known(connection: Connection, who: Caller, patient_id: str) -> str:
    """The patient with this id, locked. Raises a Problem (404) for one whom no facility of the caller's has."""
    found = await people.patients(connection, [patient_id], who.scope)
    if not found:
        raise missing("no-such-patient", "there is no such patient that you may see")
    await receiving.lock_patients(connection, [patient_id])
    return patient_id


async def owner_of(connection: Connection, who: Caller, episode_id: str) -> str:
    """The patient of an episode, locked. Raises a Problem (404)."""
    found = await store.owner(connection, episode_id, scope_of(who))
    if found is None:
        raise missing("no-such-episode", "there is no such episode that you may see")
    await receiving.lock_patients(connection, [found])
    return found


def scope_of(who: Caller) -> frozenset[str] | None:
    """The facilities whose records the caller may see; None: all."""
    return who.scope.facilities


def _chosen(sequences: EpisodeSequences, patient_id: str, at: datetime, facility: str, intake: Intake) -> str | None:
    """The patient's open or recent episode, as for a visit (contract 3.6 rule 12); None where a new one begins."""
    place = intake.site.facility(facility)
    local = at.astimezone(place.zone_info) if place else at
    return choose_episode(local, sequences.known[patient_id].values(), intake.site.limits.episode_gap_days)


def _fact(asked: RequestToState, about: Heading, needs: tuple[str, ...] | None) -> CareFact:
    """The fact that a referral or an assessment is stated as; `needs`: in codes of the site."""
    stated_at = about["recorded_at"]
    if not isinstance(asked, Assessment):
        return Referred(
            **about,
            stated_at=stated_at,
            labels=asked.labels,
            source=asked.source,
            requested_level=asked.requested_level,
            needs=needs,
        )
    return Assessed(
        **about,
        stated_at=stated_at,
        labels=asked.labels,
        instrument=asked.instrument,
        version=asked.version,
        phase=asked.phase,
        score=asked.score,
        severity=asked.severity,
        dimensions=asked.dimensions,
        flags=asked.flags,
        recommended_level=asked.recommended_level,
        needs=needs,
    )
