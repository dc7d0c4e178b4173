"""From one episode's new fold to its row, placement's own facts, and the records to send. Pure.

Announcements and service periods go out as the difference from what went out before (contract 3.6 rule 9), and the
episode itself once for each transaction that changed it. Everything names the fact that caused it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import orjson
from msgspec import structs

from services.placement.billing.difference import BeforeTheMerge, sent_after
from services.placement.billing.difference import difference as period_changes
from services.placement.billing.model import PeriodChange, PeriodKey, SentPeriod
from services.placement.billing.periods import billed_from, periods
from services.placement.continuum import codec
from services.placement.continuum.announcements import (
    Announced,
    StandingAnnouncement,
    announced_from,
    announcements,
    difference,
)
from services.placement.continuum.document import NO_DESK, DeskNow, episode_state
from services.placement.continuum.model import FOLD_VERSION, Folded
from services.placement.engine.store import EpisodeRow, LockedEpisode
from services.placement.engine.visible import having
from services.placement.rules import Rules
from shared.events import CARE_FACTS, EPISODE_TYPE, billing_type, type_name
from shared.events.base import CareFact
from shared.events.billing import PeriodOpened, ServicePeriod
from shared.events.episodes import EpisodeState
from shared.events.published import encode, read_as_struct
from shared.events.taking_back import taken_back
from shared.facts.envelope import Fact, Record, rfc3339, to_record
from shared.facts.restating import numbered
from shared.facts.stating import Provenance
from shared.facts.tracing import onward
from shared.storage.statements import array
from shared.values import value_object

WRITER = "placement"
UNKNOWN = "unknown"
"""The patient of an episode of which no fact names one."""
Ids = Callable[[], str]
"""A source of new ids."""
Document = TypeVar("Document", EpisodeState, ServicePeriod)
Standing = dict[str, StandingAnnouncement]
"""Key → the announcement that stands."""


@value_object
class AtTheDesk:
    """What is stored of an episode's desk. `desk`: the desk has facts of it; `listed`: the digest of its list entries;
    `told`: what care.episodes says of the desk."""

    desk: bool = False
    listed: bytes = b""
    told: DeskNow = NO_DESK


NOTHING = AtTheDesk()


@value_object
class Outcome:
    """What to store and send of one episode. `own`: facts to store; `sent`: the periods with a new version; `opened`:
    ids of those among them that are new."""

    saved: EpisodeRow
    own: tuple[Fact, ...]
    records: tuple[Record, ...]
    sent: dict[PeriodKey, SentPeriod]
    opened: frozenset[str]


def by_the_same(row: LockedEpisode, rules: Rules) -> bool:
    """Whether what is stored and was sent of an episode was made by this fold and site config."""
    return row.version > 0 and row.fold_version == FOLD_VERSION and row.rules == rules.site.version


def outcome(
    row: LockedEpisode,
    before: Folded,
    folded: Folded,
    seen: Mapping[str, int],
    *,
    sent: Mapping[PeriodKey, SentPeriod],
    rules: Rules,
    provenance: Provenance,
    desk: AtTheDesk = NOTHING,
    stated: Sequence[Fact] = (),
    new: Sequence[Fact] = (),
    before_the_merge: BeforeTheMerge | None = None,
) -> Outcome:
    """What to store and send of an episode with a new fold.

    `row`: its locked row; `before`: the fold stored in it. `seen`: the last sequence of each writer in the fold.
    `sent`: the latest versions of its periods. `stated`: own facts in the fold that have not been sent yet. `new`:
    facts that came in. `before_the_merge`: which period of a retired episode a new one takes the place of. Where all is
    as before that announcements are derived from, they are too; so are periods.
    """
    same = by_the_same(row, rules)
    standing, announcing = row.announced, tuple[Fact, ...]()
    if not (same and announced_from(before) == announced_from(folded)):
        standing, announcing = _announce(row.announced, folded, seen.get(WRITER, 0), rules, provenance)
    own = (*stated, *announcing)
    as_billed = same and billed_from(before) == billed_from(folded)
    changes = [] if as_billed else _bill(sent, folded, rules, before_the_merge)
    seen = {**seen, WRITER: own[-1].sequence} if own else seen
    document = _document(row, folded, seen, rules, desk, new=new, own=own)
    return Outcome(
        saved=_row(
            row,
            folded,
            document,
            facility=folded.facility or (new[-1].value.facility if new else ""),
            announced=standing,
            desk=desk,
            rules=rules.site.version,
        ),
        own=own,
        records=(
            *(to_record(fact, "care.events") for fact in own),
            *_billed(changes, provenance),
            to_record(published(EPISODE_TYPE, row.episode_id, document, provenance), "care.episodes"),
        ),
        sent=sent_after({}, changes),
        opened=frozenset(change.sent.period_id for change in changes if isinstance(change.value, PeriodOpened)),
    )


def _document(
    row: LockedEpisode,
    folded: Folded,
    seen: Mapping[str, int],
    rules: Rules,
    desk: AtTheDesk,
    *,
    new: Sequence[Fact],
    own: Sequence[Fact],
) -> EpisodeState:
    return episode_state(
        folded,
        seen,
        row.version + 1,
        rules.places,
        patient_id=row.patient_id or (new[-1].value.patient_id if new else "") or UNKNOWN,
        desk=desk.told,
        facilities=having(row.facilities, (*new, *own)),
    )


def _bill(
    sent: Mapping[PeriodKey, SentPeriod], folded: Folded, rules: Rules, before_the_merge: BeforeTheMerge | None
) -> list[PeriodChange]:
    wanted = periods(folded, rules.zone_of, rules.billed, rules.payers)
    return period_changes(sent, wanted, before_the_merge)


def announced(stored: bytes) -> Standing:
    """The announcements that stand, from the bytes in the episode's row."""
    return {key: StandingAnnouncement(ce_id, _content(name, told)) for key, ce_id, name, told in orjson.loads(stored)}


def _content(name: str, told: dict[str, Any]) -> CareFact:
    """A stored announcement; rows of earlier versions have no `recorded_at`."""
    return read_as_struct(CARE_FACTS[type_name(name)], {"recorded_at": told["occurred_at"], **told})


def stored_announcements(standing: Standing) -> bytes:
    """The announcements that stand as they are stored in the episode's row."""
    return encode([(key, one.ce_id, one.value.TYPE, one.value) for key, one in standing.items()])


def _announce(
    stored: bytes, folded: Folded, last: int, rules: Rules, provenance: Provenance
) -> tuple[bytes, tuple[Fact, ...]]:
    """The announcements that stand afterwards, as bytes for the row, and the facts that bring that about: first
    cancels, then restatements, then new ones. `stored`: those that stand before; `last`: placement's last sequence in
    the episode."""
    standing = announced(stored)
    due = difference(standing, announcements(folded, rules.zone_of))
    if not due:
        return stored, ()
    values = due.said(partial(_taken_back, now=provenance.now), partial(_statement, now=provenance.now))
    own = numbered(values, last, provenance.stated)
    after = {key: one for key, one in standing.items() if key not in due.cancel}
    for (_, wanted), fact in zip(due.state, own[len(due.cancel) :], strict=True):
        after[wanted.key] = StandingAnnouncement(fact.id, wanted.value)
    return stored_announcements(after), own


def _statement(wanted: Announced, was: StandingAnnouncement | None, now: datetime) -> CareFact:
    return structs.replace(wanted.value, recorded_at=now, replaces=was.ce_id if was else None)


def _taken_back(one: StandingAnnouncement, now: datetime) -> CareFact:
    return taken_back(one.value, one.ce_id, reason="derived-away", now=now)


def _billed(changes: list[PeriodChange], provenance: Provenance) -> Iterator[Record]:
    """The records of billing.service-periods (every version) and billing.periods (the last one of each period)."""
    latest: dict[str, Record] = {}
    for change in changes:
        value = change.value
        record = to_record(published(billing_type(value.TYPE), value.period_id, value, provenance), "billing.periods")
        latest[value.period_id] = record
        yield Record("billing.service-periods", value.episode_id.encode(), record.value, record.headers)
    yield from latest.values()


def published(kind: str, subject: str, value: Document, provenance: Provenance) -> Fact[Document]:
    """A record of care.episodes or billing.* as an envelope and value; its version is its sequence."""
    ce_id = provenance.new_id()
    return Fact(
        id=ce_id,
        type=kind,
        writer=provenance.writer,
        subject=subject,
        sequence=value.version,
        time=rfc3339(provenance.now),
        value=value,
        body=encode(value),
        correlation_id=provenance.correlation_id,
        causation_id=provenance.causation_id,
        traceparent=onward(provenance.trace, ce_id),
    )


def _row(
    row: LockedEpisode,
    folded: Folded,
    document: EpisodeState,
    *,
    facility: str,
    announced: bytes,
    desk: AtTheDesk,
    rules: str,
) -> EpisodeRow:
    return EpisodeRow(
        episode_id=row.episode_id,
        patient_id=document.patient_id,
        facility=facility,
        state=document.state,
        level=folded.level,
        since=folded.since,
        ineffective=document.ineffective,
        conflicts=document.conflicts,
        seen=orjson.dumps(document.seen).decode(),
        version=document.version,
        fold=codec.packed(folded),
        fold_version=FOLD_VERSION,
        announced=announced,
        desk=row.desk or desk.desk,
        listed=desk.listed,
        facilities=array(document.facilities or ()),
        rules=rules,
    )
