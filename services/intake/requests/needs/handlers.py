"""A person says which need of the site an unknown one is, sets it aside, or takes that back; the fact that told it is
stated anew (contract 3.5, 3.7.3).

The same order of locks as for messages (tables.py): the patient's row, then what is of the patient.
"""

from __future__ import annotations

from functools import partial

from msgspec import structs

from services.intake.receiving import store as receiving
from services.intake.receiving import visits_store as visits
from services.intake.receiving.derive_again import bring_kin_in_line
from services.intake.receiving.in_line import TOPIC
from services.intake.receiving.receive import Intake
from services.intake.requests import store as requests
from services.intake.requests.needs import store, vocabulary
from services.intake.requests.needs.commands import MapNeed, NeedDecided, SayNeed
from services.intake.requests.needs.store import UnknownNeedRow
from services.intake.requests.needs.vocabulary import MAPPED, OPEN, SET_ASIDE
from shared.errors import Rejected
from shared.facts.envelope import to_record
from shared.ids import new_id
from shared.messaging import outbox
from shared.storage import audit
from shared.storage.database import Connection
from shared.web import tracing
from shared.web.auth import Caller
from shared.web.requests import missing, unfit


async def mapped(intake: Intake, connection: Connection, who: Caller, need_id: str, asked: MapNeed) -> NeedDecided:
    """It is this need of the site's. Raises a Problem: 422 for a need that the site does not have, 404."""
    if (why := vocabulary.unfit(intake.site, asked.need)) is not None:
        raise unfit("need", why, "no-such-need")
    return await _decide(intake, connection, who, need_id, MAPPED, vocabulary.code(intake.site, asked.need))


async def _said(
    state: str, intake: Intake, connection: Connection, who: Caller, need_id: str, _: SayNeed
) -> NeedDecided:
    return await _decide(intake, connection, who, need_id, state, None)


set_aside, taken_back = partial(_said, SET_ASIDE), partial(_said, OPEN)


async def _decide(  # noqa: PLR0917 - who says what of which need
    intake: Intake, connection: Connection, who: Caller, need_id: str, state: str, need: str | None
) -> NeedDecided:
    """Note what a person says, and state the fact anew. Raises Rejected where it is so already, a Problem (404)."""
    known = await _locked(connection, who, need_id)
    if (known.state, known.need) == (state, need):
        raise Rejected("no-change", "this is said of it already", state=state)
    now = intake.clock()
    await store.decide(connection, need_id, state, need, who.subject, now)
    await _restate(intake, connection, known)
    action = f"unknown-need-{'taken-back' if state == OPEN else state}"
    await audit.note(connection, [audit.Entry(now, who.subject, action, need_id)])
    return decided(known._replace(state=state, need=need))


async def _locked(connection: Connection, who: Caller, need_id: str) -> UnknownNeedRow:
    """The need, with its patient locked. Raises a Problem (404)."""
    found = None if "\0" in need_id else await store.by_id(connection, who.scope, need_id)
    if found is not None:
        await receiving.lock_patients(connection, [found.patient_id])
        found = await store.by_id(connection, who.scope, need_id)
    if found is None:
        raise missing()
    return found


async def _restate(intake: Intake, connection: Connection, known: UnknownNeedRow) -> None:
    """State the referral or assessment anew with its needs as people read them; nothing where it says so already."""
    told = await store.told_by(connection, known.fact_id)
    if told is None:
        return
    needs = vocabulary.answered(told.first.needs or (), await store.decided_of(connection, known.fact_id)) or None
    if needs == told.value.needs:
        return
    now, by = intake.clock(), new_id(intake.clock())
    sequences = await visits.sequences_of(connection, [known.patient_id])
    value = structs.replace(told.value, needs=needs, recorded_at=now, replaces=told.standing)
    fact = sequences.stated(value, now, by, trace=tracing.of_the_request())
    await store.fall(connection, told.standing)
    await requests.keep_fact(connection, fact, known.patient_id, by, root=known.fact_id)
    await outbox.send(connection, [to_record(fact, TOPIC)])
    await bring_kin_in_line(connection, [known.patient_id], intake)


def decided(known: UnknownNeedRow) -> NeedDecided:
    """The answer."""
    told = {"facility": known.facility, "patient_id": known.patient_id, "need": known.need, "since": known.told_at}
    return NeedDecided.model_validate({"need_id": known.need_id, "state": known.state, **told})
