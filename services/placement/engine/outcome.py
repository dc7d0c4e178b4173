"""What one episode's new fold comes to: its row, our own facts, and every record that goes out. Pure.

The differences against what went out before (contract 3.6 rule 9): announcements, service periods; and the episode
itself, once for each batch that changed it. Everything names the fact that caused it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

import orjson

from services.placement.billing.difference import OPENED, sent_after
from services.placement.billing.difference import difference as period_changes
from services.placement.billing.model import PeriodChange, PeriodKey, SentPeriod
from services.placement.billing.periods import periods
from services.placement.continuum import codec
from services.placement.continuum.announcements import Announced, StandingAnnouncement, announcements, difference
from services.placement.continuum.document import episode_value
from services.placement.continuum.model import FOLD_VERSION, Folded
from services.placement.engine.store import EpisodeRow, LockedEpisode
from services.placement.engine.visible import having
from services.placement.rules import Rules
from shared.events import CARE_FACTS, EPISODE_TYPE, billing_type, type_name
from shared.events.base import CareFact
from shared.events.stating import said
from shared.events.taking_back import taken_back
from shared.facts.envelope import Fact, Record, rfc3339, to_record
from shared.facts.restating import numbered
from shared.facts.tracing import onward, trace_from
from shared.storage.statements import array
from shared.values import value_object

WRITER = "placement"
UNKNOWN = "unknown"
Ids = Callable[[], str]
Standing = dict[str, StandingAnnouncement]


@value_object
class AtTheDesk:
    """What an episode's row and document say of its desk: whether there is anything, the mark of its entries in lists,
    the state of the search that is open, the first day agreed where none has begun, when the patient declined
    further care."""

    desk: bool = False
    listed: bytes = b""
    search: str | None = None
    next_start: str | None = None
    declined_at: str | None = None


NOTHING = AtTheDesk()
_OF_THE_DESK = ("search", "next_start", "declined_at")
"""What the document says of it, under the same names."""


@value_object
class Outcome:
    """What is to be kept and sent of one episode. `sent` are only the periods with a new version."""

    saved: EpisodeRow
    own: tuple[Fact, ...]
    records: tuple[Record, ...]
    sent: dict[PeriodKey, SentPeriod]
    opened: frozenset[str]


@value_object
class Provenance:
    """How this batch tells things of one episode: when, by which ids, caused by which fact.

    `trace`: the trace context of what asked for it, where no fact is the cause.
    """

    now: datetime
    ids: Ids
    cause: Fact | None
    trace: str | None = None

    @property
    def at(self) -> str:
        """When, as text."""
        return _text(self.now)

    def fact(self, kind: str, subject: str, sequence: int, value: dict[str, Any]) -> Fact:
        """A record's fact: a document's version is its sequence."""
        ce_id = self.ids()
        return Fact(
            id=ce_id,
            type=kind,
            writer=WRITER,
            subject=subject,
            sequence=sequence,
            time=self.at,
            value=value,
            correlation_id=self.cause.correlation_id if self.cause else None,
            causation_id=self.cause.id if self.cause else None,
            traceparent=onward(self._came_in, ce_id),
        )

    @property
    def _came_in(self) -> str | None:
        return trace_from(self.cause) if self.cause else self.trace

    def stated(self, value: CareFact, sequence: int) -> Fact:
        """One of placement's own facts."""
        return said(
            value,
            ce_id=self.ids(),
            writer=WRITER,
            sequence=sequence,
            correlation_id=self.cause.correlation_id if self.cause else None,
            causation_id=self.cause.id if self.cause else None,
            trace=self._came_in,
        )


@lru_cache(4)
def _text(now: datetime) -> str:
    return rfc3339(now)


def outcome(
    row: LockedEpisode,
    folded: Folded,
    seen: Mapping[str, int],
    *,
    sent: Mapping[PeriodKey, SentPeriod],
    rules: Rules,
    telling: Provenance,
    desk: AtTheDesk = NOTHING,
    stated: Sequence[Fact] = (),
    new: Sequence[Fact] = (),
) -> Outcome:
    """What the episode's new fold comes to. `seen` is up to the facts that went in, `stated` own facts among these
    that have not gone out yet, `new` those of others, `sent` what billing has."""
    standing = announced(row.announced)
    after, announcing = _announce(standing, folded, seen.get(WRITER, 0), rules, telling)
    own = (*stated, *announcing)
    changes = period_changes(sent, periods(folded, rules.zone_of, rules.billed, rules.needs_authorization))
    seen = {**seen, WRITER: own[-1].sequence} if own else seen
    value = episode_value(folded, seen, row.version + 1, rules.places)
    value |= {name: told for name in _OF_THE_DESK if (told := getattr(desk, name)) is not None}
    value["facilities"] = having(row.facilities, (*new, *own))
    value["patient_id"] = folded.patient_id or row.patient_id or _told(telling.cause, "patient_id") or UNKNOWN
    return Outcome(
        saved=_row(row, folded, value, telling.cause)._replace(
            announced=row.announced if after == standing else _stored(after),
            desk=row.desk or desk.desk,
            listed=desk.listed,
            rules=rules.site.version,
        ),
        own=own,
        records=(
            *(to_record(fact, "care.events") for fact in own),
            *_billed(changes, telling),
            to_record(telling.fact(EPISODE_TYPE, row.episode_id, value["version"], value), "care.episodes"),
        ),
        sent=sent_after({}, changes),
        opened=frozenset(change.sent.period_id for change in changes if change.name == OPENED),
    )


def announced(stored: bytes) -> Standing:
    """What stands announced, from the episode's row: key → announcement."""
    return {key: StandingAnnouncement(ce_id, name, value) for key, ce_id, name, value in orjson.loads(stored)}


def _stored(standing: Standing) -> bytes:
    return orjson.dumps([(key, one.ce_id, one.name, one.value) for key, one in standing.items()])


def _announce(
    standing: Standing, folded: Folded, last: int, rules: Rules, telling: Provenance
) -> tuple[Standing, tuple[Fact, ...]]:
    """What stands afterwards, and the facts that say so: taken back first, then restated, then new."""
    due = difference(standing, announcements(folded, rules.zone_of))
    values = due.said(partial(_taken_back, now=telling.now), partial(_statement, now=telling.now))
    own = numbered(values, last, telling.stated)
    after = {key: one for key, one in standing.items() if key not in due.cancel}
    for (_, wanted), fact in zip(due.state, own[len(due.cancel) :], strict=True):
        after[wanted.key] = StandingAnnouncement(fact.id, wanted.name, wanted.value)
    return after, own


def _statement(wanted: Announced, was: StandingAnnouncement | None, now: datetime) -> CareFact:
    more = {"recorded_at": now} | ({"replaces": was.ce_id} if was else {})
    return CARE_FACTS[type_name(wanted.name)].model_validate({**wanted.value, **more})


def _taken_back(one: StandingAnnouncement, now: datetime) -> CareFact:
    return taken_back(one.value, one.ce_id, type_name(one.name), reason="derived-away", now=now)


def _billed(changes: list[PeriodChange], telling: Provenance) -> Iterator[Record]:
    """Every version for those who follow, the last one of each period for those who look up."""
    latest: dict[str, Record] = {}
    for change in changes:
        value = change.value
        fact = telling.fact(billing_type(change.name), value["period_id"], value["version"], value)
        latest[fact.subject] = to_record(fact, "billing.periods")
        yield to_record(fact, "billing.service-periods", value["episode_id"])
    yield from latest.values()


def _row(row: LockedEpisode, folded: Folded, value: Mapping[str, Any], cause: Fact | None) -> EpisodeRow:
    return EpisodeRow(
        episode_id=row.episode_id,
        patient_id=value["patient_id"],
        facility=folded.facility or _told(cause, "facility"),
        state=value["state"],
        level=value.get("level"),
        since=folded.since,
        ineffective=value["ineffective"],
        conflicts=value["conflicts"],
        seen=orjson.dumps(value["seen"]).decode(),
        version=value["version"],
        fold=codec.packed(folded),
        fold_version=FOLD_VERSION,
        announced=row.announced,
        desk=row.desk,
        listed=row.listed,
        facilities=array(value["facilities"]),
        rules=row.rules,
    )


def _told(cause: Fact | None, name: str) -> str:
    told = cause.value.get(name) if cause else None
    return told if isinstance(told, str) else ""
