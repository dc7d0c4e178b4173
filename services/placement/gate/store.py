"""All SQL that the gate writes with, and the reads that writing needs: locked rows, consents, the ledger; no rule.

Each statement handles a whole batch. Order of locks: positions (taken by shared/messaging/batches.py), then
gate_episodes by id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from services.placement.gate.bases import Over
from services.placement.gate.cases import DisclosureCase, Key, Past
from services.placement.gate.consents import Consent, Ended
from services.placement.gate.docket import Docket
from services.placement.gate.merges import MERGED, StandingMerge, ToldRecipient
from services.placement.gate.packets import PacketRow
from services.placement.gate.tables import consents, disclosures, gate_episodes, gate_facts, packets_out, withheld
from shared.facts.envelope import Fact
from shared.facts.ordering import FactPlace, place_of
from shared.messaging.positions import Tally, then
from shared.storage.database import Connection, copy_rows
from shared.storage.row_writes import delete, update
from shared.storage.statements import Append, Read, at_once, at_the_end, rows, written

_MISSING = (
    "INSERT INTO gate_episodes (episode_id) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING "
    "RETURNING episode_id, seen::text, sent::text, labels::text, early::text, place, over::text, merges::text"
)
_LOCK = (
    "SELECT episode_id, seen::text, sent::text, labels::text, early::text, place, over::text, merges::text "
    "FROM gate_episodes "
    "WHERE episode_id = ANY($1::text[]) ORDER BY episode_id FOR UPDATE"
)
_HEARD = (
    "SELECT f.episode_id, f.writer, f.sequence, f.ce_id FROM gate_facts AS f "
    "JOIN unnest($1::text[], $2::text[], $3::bigint[]) AS n(episode_id, writer, sequence) "
    "ON f.episode_id = n.episode_id AND f.writer = n.writer AND f.sequence = n.sequence"
)
_SAVE = update(gate_episodes, ("episode_id", "seen", "sent", "labels", "early", "place", "merges"))
_CONSENTS = (
    "SELECT episode_id, fact_id, consent_id, facility, discloser, recipient, recipient_class, purpose, scope, begins, "
    "ends, learnt_at, ended_at, over FROM consents WHERE episode_id = ANY($1::text[]) ORDER BY learnt_at, fact_id"
)
_HOLD = "SELECT episode_id FROM gate_episodes WHERE episode_id = ANY($1::text[]) ORDER BY episode_id FOR SHARE"
_ENDED = update(consents, ("fact_id", "ended_at", "over"), changes={"opens_at": "NULL"})
_PAST = (
    "SELECT episode_id, recipient, fact_id, true AS out, writer, labels, NULL AS corrects, NULL AS corrected "
    "FROM disclosures WHERE fact_id = ANY($1::text[]) UNION ALL "
    "SELECT episode_id, recipient, fact_id, false, writer, labels, corrects, corrected "
    "FROM withheld WHERE fact_id = ANY($1::text[])"
)
_WITHHELD = (
    "SELECT episode_id, recipient, fact_id, fact_type, writer, patient_id, facility, labels, occurred_at, content, "
    "place, corrects, corrected FROM withheld WHERE episode_id = ANY($1::text[]) ORDER BY episode_id, place"
)
_TOLD_OF = (
    "SELECT DISTINCT episode_id, recipient, facility, labels FROM disclosures "
    "WHERE episode_id = ANY($1::text[]) AND fact_type <> $2"
)
_IN_LEDGER = (
    "SELECT d.recipient, d.fact_id FROM unnest($1::text[], $2::text[]) AS n(recipient, fact_id) "
    "JOIN disclosures AS d ON d.recipient = n.recipient AND d.fact_id = n.fact_id"
)
_SETTLED = delete(withheld, ("recipient", "fact_id"))
_REASON = update(withheld, ("recipient", "fact_id", "reason", "config"))
_OVER = update(gate_episodes, ("episode_id", "over"), changes={"over": "n.over::jsonb || t.over"})
_END = update(
    consents, ("episode_id", "consent_id", "over", "ended_at"), by=("episode_id", "consent_id"),
    changes={"opens_at": "NULL"}, only="t.over IS NULL",
)  # fmt: skip
_OPENING = sa.text("SELECT DISTINCT episode_id FROM consents WHERE opens_at <= :now ORDER BY 1 LIMIT :most")
_OPENED = "UPDATE consents SET opens_at = NULL WHERE episode_id = ANY($1::text[]) AND opens_at <= $2"
_OTHER_CONFIG = sa.text("SELECT DISTINCT episode_id FROM withheld WHERE config <> :config ORDER BY 1 LIMIT :most")


class GateRow(NamedTuple):
    """One locked episode: each writer's last sequence, the last ce_sequence for each recipient, and the docket."""

    seen: dict[str, int]
    sent: dict[str, int]
    docket: Docket


class LedgerRow(NamedTuple):
    """A row of the ledger; its fields are the columns, in their order."""

    disclosure_id: str
    recipient: str
    episode_id: str
    sequence: int
    patient_id: str
    facility: str
    fact_id: str
    fact_type: str
    writer: str
    labels: list[str]
    fields: list[str]
    corrects: str | None
    corrected: str | None
    basis: str
    basis_id: str
    basis_fact: str | None
    basis_scope: list[str]
    basis_from: date
    basis_to: date | None
    purpose: str
    disclosed_at: datetime
    config: str


async def lock(connection: Connection, episode_ids: Iterable[str], tally: Tally | None = None) -> dict[str, GateRow]:
    """Lock these episodes in the order of their ids, inserting missing ones; returns their rows by id. Positions that
    the tally has to advance are advanced before."""
    ids = sorted(episode_ids)
    [found] = await then(connection, tally or Tally(), [Read(_LOCK, (ids,))])
    there = {row[0]: _row(row) for row in found}
    if missing := [episode for episode in ids if episode not in there]:
        made = await rows(connection, _MISSING, missing)
        if len(made) < len(missing):  # somebody else inserted some meanwhile
            made = await rows(connection, _LOCK, ids)
        there |= {row[0]: _row(row) for row in made}
    return there


def _row(row: Any) -> GateRow:
    episode, seen, sent, labels, early, place, over, merges = row
    known = {where: frozenset(each) for where, each in orjson.loads(labels).items()}
    docket = Docket(episode, known, {(writer, fact) for writer, fact in orjson.loads(early)}, place)
    docket.over = {one: Ended(how, datetime.fromisoformat(at)) for one, (how, at) in orjson.loads(over).items()}
    if merges != "{}":
        docket.merges = {one: StandingMerge(**told) for one, told in orjson.loads(merges).items()}
    return GateRow(orjson.loads(seen), orjson.loads(sent), docket)


async def heard(connection: Connection, places: Sequence[FactPlace], tally: Tally) -> dict[FactPlace, str]:
    """The ce_id of the fact that the gate handled at each of these places (episode, writer, sequence). Positions that
    the tally has to advance are advanced before."""
    [found] = await then(connection, tally, [Read(_HEARD, tuple(map(list, zip(*places, strict=True))))])
    return {(row[0], row[1], row[2]): row[3] for row in found}


async def hear(connection: Connection, facts: Iterable[Fact]) -> None:
    """Store the places of these facts at the end, so that a repeat can be told from another fact."""
    places = [(*place_of(fact), fact.id) for fact in facts]
    await at_the_end(connection, [Append(gate_facts, ("episode_id", "writer", "sequence", "ce_id"), places)])


async def save(connection: Connection, changed: Sequence[GateRow]) -> None:
    """Write locked episodes back at the end of the transaction."""
    await at_the_end(connection, written(_SAVE, [_saved(each) for each in changed]))


def _saved(row: GateRow) -> tuple[str, str, str, str, str, int, str]:
    docket = row.docket
    labels = {where: sorted(found) for where, found in docket.labels.items() if found}
    parts = (row.seen, row.sent, labels, sorted(docket.early))
    seen, sent, of_stays, early = (orjson.dumps(part).decode() for part in parts)
    merges = orjson.dumps({one: told._asdict() for one, told in docket.merges.items()}) if docket.merges else b"{}"
    return docket.episode_id, seen, sent, of_stays, early, docket.place, merges.decode()


async def fill(
    connection: Connection, dockets: Mapping[str, Docket], targets: Sequence[str], again: Sequence[str]
) -> None:
    """Load into the dockets the consents, what became of the facts `targets` that are corrected, and for the episodes
    in `again` what is withheld."""
    for episode, *consent in await rows(connection, _CONSENTS, list(dockets)):
        found = Consent(*consent)
        dockets[episode].consents[found.fact_id] = found
    for row in await rows(connection, _PAST, list(targets)) if targets else ():
        if row["episode_id"] in dockets:
            corrects = (row["corrects"], row["corrected"]) if row["corrects"] else None
            past = Past(row["out"], row["writer"], frozenset(row["labels"]), corrects)
            dockets[row["episode_id"]].past[row["recipient"], row["fact_id"]] = past
    for row in await rows(connection, _WITHHELD, list(again)) if again else ():
        dockets[row["episode_id"]].withheld.append(_case(row))


async def fill_merged(connection: Connection, dockets: Mapping[str, Docket]) -> None:
    """Load into the dockets of episodes with merges who was told of them."""
    for episode, recipient, facility, labels in await rows(connection, _TOLD_OF, list(dockets), MERGED):
        dockets[episode].told.append(ToldRecipient(recipient, facility, frozenset(labels)))


def _case(row: Any) -> DisclosureCase:
    names = ("recipient", "fact_id", "fact_type", "writer", "patient_id", "facility", "place")
    return DisclosureCase(
        **{name: row[name] for name in names},
        labels=frozenset(row["labels"]),
        occurred_at=datetime.fromisoformat(row["occurred_at"]),
        content=orjson.loads(row["content"]),
        corrects=(row["corrects"], row["corrected"]) if row["corrects"] else None,
    )


async def keep_consents(
    connection: Connection, changed: Sequence[tuple[str, Consent]], known: set[str], opens: Mapping[str, datetime]
) -> None:
    """Store (episode, consent): new ones, and the ends of those in `known`. `opens`: ce_id → when a first day that is
    still to come begins."""
    names = (
        "fact_id", "consent_id", "facility", "discloser", "recipient", "recipient_class", "purpose", "scope", "begins",
        "ends", "learnt_at", "ended_at", "over",
    )  # fmt: skip
    new = [(episode, each) for episode, each in changed if each.fact_id not in known]
    new_rows = [
        (episode, opens.get(each.fact_id), *(_plain(getattr(each, name)) for name in names)) for episode, each in new
    ]
    await copy_rows(connection, consents, ("episode_id", "opens_at", *names), new_rows)
    ended = [(each.fact_id, each.ended_at, each.over) for _, each in changed if each.fact_id in known]
    await at_once(connection, written(_ENDED, ended))


async def end(connection: Connection, ended: Mapping[str, Mapping[str, Over]], now: datetime) -> None:
    """Mark consents as over from `now` on, also those that the gate has not read yet. `ended`: locked episode →
    consent_id → why."""
    told = [(e, orjson.dumps({one: [how, now] for one, how in over.items()}).decode()) for e, over in ended.items()]
    flat = [(episode, one, how, now) for episode, over in ended.items() for one, how in over.items()]
    await at_once(connection, [*written(_OVER, told), *written(_END, flat)])


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


async def in_ledger(connection: Connection, keys: Iterable[Key]) -> set[Key]:
    """Those of these (recipient, fact_id) that are in the ledger of disclosures."""
    return {(row[0], row[1]) for row in await rows(connection, _IN_LEDGER, *map(list, zip(*keys, strict=True)))}


async def keep_ledger(connection: Connection, entries: Sequence[LedgerRow]) -> None:
    """Append rows to the ledger of disclosures."""
    await copy_rows(connection, disclosures, LedgerRow._fields, entries)


async def consents_of(connection: Connection, episode_id: str) -> list[Consent]:
    """The consents of an episode; the gate decides on nothing of it until the caller's transaction is over."""
    await rows(connection, _HOLD, [episode_id])
    return [Consent(*consent) for _, *consent in await rows(connection, _CONSENTS, [episode_id])]


async def keep_packet(connection: Connection, entry: PacketRow) -> None:
    """Append a row to the ledger of packets."""
    await copy_rows(connection, packets_out, PacketRow._fields, [entry])


async def keep_withheld(
    connection: Connection, cases: Sequence[tuple[str, DisclosureCase, str]], now: datetime, config: str
) -> None:
    """Store (episode, case, reason) of facts that have no basis; `config`: the version of the site config."""
    columns = (
        "recipient", "fact_id", "episode_id", "patient_id", "facility", "fact_type", "writer", "labels", "occurred_at",
        "place", "content", "corrects", "corrected", "reason", "since", "config",
    )  # fmt: skip
    told = [
        (
            case.recipient, case.fact_id, episode, case.patient_id, case.facility, case.fact_type, case.writer,
            sorted(case.labels), case.occurred_at.isoformat(), case.place, orjson.dumps(case.content),
            *(case.corrects or (None, None)), reason, now, config,
        )
        for episode, case, reason in cases
    ]  # fmt: skip
    await copy_rows(connection, withheld, columns, told)


async def settle(
    connection: Connection, gone: Iterable[Key], still: Sequence[tuple[DisclosureCase, str]], config: str
) -> None:
    """Delete withheld facts that went out or are void (`gone`), and store the new reasons of the others (`still`)."""
    told = [(case.recipient, case.fact_id, reason, config) for case, reason in still]
    await at_once(connection, [*written(_SETTLED, sorted(gone)), *written(_REASON, told)])


async def to_look_at_again(connection: Connection, now: datetime, config: str, most: int) -> list[str]:
    """Ids of up to `most` episodes with a consent whose first day has come, or decided on with another site config."""
    opening = (await connection.execute(_OPENING, {"now": now, "most": most})).scalars().all()
    other = (await connection.execute(_OTHER_CONFIG, {"config": config, "most": most})).scalars().all()
    return sorted({*opening, *other})[:most]


async def opened(connection: Connection, episode_ids: Sequence[str], now: datetime) -> None:
    """Note that these episodes were looked at for consents whose first day has come."""
    await rows(connection, _OPENED, list(episode_ids), now)
