"""Whether every disclosure had a basis when it left (contract 5.7), as far as placement's database shows it.

Checked twice: the ledger against the consents as the gate knew them then, and those consents against the facts that
recorded them, which placement's other consumer stored. `stepdown verify` compares the topics.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from typing import Any

from services.placement.gate import views
from services.placement.gate.bases import Basis, DisclosureRequest, obstacle
from services.placement.gate.recipients import GateRules, gate_rules
from shared.errors import InvalidMessage
from shared.events.aftercare import ConsentRecorded
from shared.facts.values import read_fact
from shared.invariants import Broken, Checked, nobody
from shared.site.config import TREATS, Site
from shared.storage.database import Database


async def broken(database: Database, site: Site, *, checked: Checked = nobody) -> AsyncIterator[Broken]:
    """Every disclosure without a basis that was valid then, named by its own id, the recipient's and the episode's."""
    rules = gate_rules(site)
    async for row in views.rested_on(database):
        checked(7, 1)
        for what in _of(row, rules):
            yield Broken(7, f"disclosure {row.disclosure_id} of episode {row.episode_id} to {row.recipient}", what)
    async for row in views.packets_rested_on(database):
        checked(7, 1)
        for what in _of(row, rules, TREATS):
            yield Broken(7, f"packet {row.disclosure_id} of episode {row.episode_id} to {row.recipient}", what)


def sent(database: Database) -> AsyncIterator[tuple[str, str, int, str]]:
    """(recipient, episode, sequence, "disclosure_id fact_id basis") of the ledger, each recipient's by sequence."""
    return database.rows(views.SENT)


async def known(database: Database, ids: Sequence[str]) -> set[str]:
    """Those of these ids that are disclosures in the ledger."""
    async with database.read() as connection:
        return await views.known(connection, ids)


async def late(database: Database, revoked: Sequence[tuple[str, datetime]]) -> list[Broken]:
    """Disclosures on a consent after its revocation took effect. `revoked`: (ce_id of the consent-recorded, that
    instant)."""
    async with database.read() as connection:
        found = await views.after(connection, revoked)
    text = "it left after the answer that its consent is revoked"
    return [Broken(7, f"disclosure {one} of episode {episode} to {to}", text) for one, to, episode in found]


def _of(row: Any, rules: GateRules, of_class: str = "") -> Iterator[str]:
    """What is broken about a row. `of_class`: the recipient's class; empty: as site config has it."""
    basis = _as_it_was(row)
    day = rules.day(row.facility, row.disclosed_at)
    if word := obstacle(basis, _asked(row, rules, of_class), day, rules.discloses):
        yield f"its {row.basis} did not hold then ({word})"
    if row.basis != "consent":
        return
    if row.consent_fact_id is None:
        yield "the gate has no such consent"
    elif not row.consent_learnt_at <= row.disclosed_at:
        yield "the gate had not heard of the consent yet"
    elif row.consent_ended_at is not None and row.consent_ended_at < row.disclosed_at:
        yield f"the gate knew that the consent was {row.consent_over}"
    elif not _same_terms(row):
        yield "the consent's terms are not those that intake stated"


def _as_it_was(row: Any) -> Basis:
    """The basis of a disclosure by the ledger; the parties of a consent come from the gate's table."""
    consent = row.basis == "consent"
    return Basis(
        kind=row.basis,
        id=row.basis_id,
        scope=frozenset(row.basis_scope),
        begins=row.basis_from,
        ends=row.basis_to,
        recipient=row.consent_recipient if consent else row.recipient,
        recipient_class=row.consent_recipient_class if consent else None,
        discloser=row.consent_discloser if consent else None,
        purpose=row.consent_purpose if consent else None,
    )


def _asked(row: Any, rules: GateRules, of_class: str) -> DisclosureRequest:
    """The request that was decided on. The recipient's class is that of today's site config; for a recipient that is no
    longer there, the class that the consent names."""
    outsider = rules.outsiders.get(row.recipient)
    of_class = of_class or (outsider.recipient_class if outsider else row.consent_recipient_class or "")
    return DisclosureRequest(row.recipient, of_class, row.purpose, row.facility, frozenset(row.labels))


def _same_terms(row: Any) -> bool:
    """True when the gate's consent equals the fact that recorded it, and the ledger's days and scope equal the
    consent's."""
    told = _told(row)
    ledger = (sorted(row.basis_scope), row.basis_from, row.basis_to, row.basis_id)
    kept = (sorted(row.consent_scope), row.consent_begins, row.consent_ends, row.consent_consent_id)
    return (
        ledger == kept
        and told is not None
        and _terms(told)
        == (
            row.consent_discloser,
            row.consent_recipient,
            row.consent_recipient_class,
            row.consent_purpose,
            tuple(row.consent_scope),
            row.consent_begins,
            row.consent_ends,
        )
    )


def _told(row: Any) -> ConsentRecorded | None:
    """The fact that recorded the consent, as placement's other consumer stored it; None where it is no such fact."""
    try:
        told = read_fact(row.told_as, row.told) if row.told_as else None
    except InvalidMessage:
        return None
    return told if isinstance(told, ConsentRecorded) else None


def _terms(told: ConsentRecorded) -> tuple[object, ...]:
    parties = (told.discloser, told.recipient, told.recipient_class, told.purpose)
    return (*parties, told.scope, told.begins, told.ends)
