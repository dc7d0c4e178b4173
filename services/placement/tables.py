"""Placement's own tables, declared once; engine/store.py and others write them, migrations/ creates them."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSTZRANGE

from services.placement.billing.model import PeriodKey, SentPeriod
from services.placement.programs.census import Presence
from services.placement.programs.seats import Claim
from services.placement.search.entry import ListEntry
from services.placement.search.searches import DESK
from shared.events.base import type_name
from shared.events.billing import PeriodContent
from shared.facts.envelope import Fact
from shared.facts.values import read_fact
from shared.storage import merged_episodes

METADATA = sa.MetaData()
_TEXTS = ARRAY(sa.Text)
DESK_TYPES = tuple(sorted(type_name(name) for name in DESK))
"""ce_types of placement's own facts that its desk is made of; the index of them has the same list."""

episodes = sa.Table(
    "episodes",
    METADATA,
    sa.Column("episode_id", sa.Text, primary_key=True),
    sa.Column("patient_id", sa.Text, nullable=False, server_default=""),
    sa.Column("facility", sa.Text, nullable=False, server_default="", comment="of the latest fact"),
    sa.Column("facilities", _TEXTS, nullable=False, server_default="{}", comment="who has it: those of its facts"),
    sa.Column("state", sa.Text, nullable=False, server_default="void"),
    sa.Column("level", sa.Text),
    sa.Column("since", sa.DateTime(timezone=True)),
    sa.Column("ineffective", sa.Integer, nullable=False, server_default="0"),
    sa.Column("conflicts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("seen", JSONB, nullable=False, server_default="{}", comment="last sequence of each writer"),
    sa.Column("version", sa.BigInteger, nullable=False, server_default="0", comment="of care.episodes"),
    sa.Column("fold", sa.LargeBinary, comment="what the facts come to: the fold goes on from here"),
    sa.Column("fold_version", sa.Integer, nullable=False, server_default="0"),
    sa.Column("announced", sa.LargeBinary, nullable=False, server_default="[]", comment="what stands announced"),
    sa.Column("desk", sa.Boolean, nullable=False, server_default="false", comment="it has facts of the desk"),
    sa.Column("listed", sa.LargeBinary, nullable=False, server_default="", comment="mark of its entries in lists"),
    sa.Column("rules", sa.Text, nullable=False, server_default="", comment="version of the site config it is told by"),
    sa.Index("episodes_listed", "facility", "state", "level", "episode_id"),
    sa.Index("episodes_fold_version", "fold_version", "episode_id"),
    sa.Index(
        "episodes_shared",
        "facilities",
        postgresql_using="gin",
        postgresql_where=sa.text("cardinality(facilities) > 1"),
    ),
    sa.Index("episodes_rules", "rules", "episode_id"),
    sa.Index("episodes_of_patient", "patient_id"),
    comment="one row an episode: its state, and where each writer's facts stand",
)

facts = sa.Table(
    "facts",
    METADATA,
    sa.Column("episode_id", sa.Text, primary_key=True),
    sa.Column("writer", sa.Text, primary_key=True),
    sa.Column("sequence", sa.BigInteger, primary_key=True),
    sa.Column("ce_id", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("time", sa.Text, nullable=False),
    sa.Column("correlation_id", sa.Text),
    sa.Column("causation_id", sa.Text),
    sa.Column("value", sa.LargeBinary, nullable=False),
    sa.Column("copy_of", sa.Text, comment="ce_id of the fact of a merged episode that this one copies"),
    sa.Index(
        "facts_of_the_desk",
        "episode_id",
        postgresql_where=sa.text(f"writer = 'placement' AND type IN ({', '.join(map(repr, DESK_TYPES))})"),
    ),
    sa.Index(
        "facts_of_sessions",
        "ce_id",
        postgresql_where=sa.text("writer = 'placement' AND type IN ('care.attended.v1', 'care.absent.v1')"),
    ),
    sa.Index("facts_of_merges", "episode_id", postgresql_where=sa.text("type = 'care.patients-merged.v1'")),
    comment="every fact that was applied, our own too; append-only",
)

merges = merged_episodes.table(METADATA)

periods = sa.Table(
    "periods",
    METADATA,
    sa.Column("period_id", sa.Text, primary_key=True),
    sa.Column("episode_id", sa.Text, nullable=False),
    sa.Column("stay_kind", sa.Text, nullable=False),
    sa.Column("stay_id", sa.Text, nullable=False),
    sa.Column("root", sa.Text, nullable=False, comment="the first fact that began the stretch"),
    sa.Column("life", sa.Integer, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("voided", sa.Boolean, nullable=False),
    sa.Column("supersedes", sa.Text),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Index("periods_of_episode", "episode_id"),
    comment="the latest version of each service period that was sent",
)

programs = sa.Table(
    "programs",
    METADATA,
    sa.Column("program", sa.Text, primary_key=True),
    sa.Column("told_at", sa.DateTime(timezone=True), comment="when it last told of its seats"),
    sa.Column("told_by", sa.Text, comment="who told it"),
    sa.Column("expected_free", JSONB, nullable=False, server_default="[]", comment="seats by day, as told"),
    comment="one row a program: whoever claims a seat locks it, after the episodes",
)

seats_out = sa.Table(
    "seats_out",
    METADATA,
    sa.Column("program", sa.Text, primary_key=True),
    sa.Column("nth", sa.Integer, primary_key=True, comment="place in what was told"),
    sa.Column("seats", sa.Integer, nullable=False, comment="how many; of a closure all that a program can have"),
    sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    sa.Column("until", sa.DateTime(timezone=True), comment="absent: until it tells otherwise"),
    sa.Column("reason", sa.Text, nullable=False),
    comment="seats of programs that are out of use for a time, as the programs told last",
)

seats = sa.Table(
    "seats",
    METADATA,
    sa.Column("episode_id", sa.Text, primary_key=True),
    sa.Column("seat_id", sa.Text, primary_key=True),
    sa.Column("program", sa.Text, nullable=False),
    sa.Column("group_id", sa.Text),
    sa.Column("placement_id", sa.Text),
    sa.Column("during", TSTZRANGE, nullable=False, comment="[since, until); no end: until it is given back"),
    sa.Column("asked_by", sa.Text, comment="facility whose desk asked for it, which may see it too"),
    sa.Index("seats_of_program", "program", sa.text("COALESCE(upper(during), 'infinity'::timestamptz)")),
    sa.Index("seats_by_id", "seat_id"),
    comment="claims on programs, as the seat facts leave them",
)

program_stays = sa.Table(
    "program_stays",
    METADATA,
    sa.Column("episode_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("stay_id", sa.Text, primary_key=True),
    sa.Column("nth", sa.Integer, primary_key=True, comment="of the stay's stretches at programs"),
    sa.Column("program", sa.Text, nullable=False),
    sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    sa.Column("until", sa.DateTime(timezone=True), comment="absent: it goes on"),
    sa.Column("expected", sa.DateTime(timezone=True), comment="when its end is expected"),
    sa.Index("stays_of_program", "program", sa.text("COALESCE(until, 'infinity'::timestamptz)")),
    comment="stays at programs by whichever door, without the time that they were suspended: who is there",
)

entries = sa.Table(
    "entries",
    METADATA,
    sa.Column("episode_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True, comment="search, offer, placement, authorization, conflict, waiting"),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("facility", sa.Text, nullable=False, comment="who may see it"),
    sa.Column("besides", _TEXTS, nullable=False, server_default="{}", comment="whose have to be seen too"),
    sa.Column("asked_by", sa.Text, comment="facility whose search asked, which may see it too"),
    sa.Column("program", sa.Text),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="when it began"),
    sa.Column("due", sa.DateTime(timezone=True), comment="when somebody should have done something"),
    sa.Column("content", JSONB, nullable=False),
    sa.Index(
        "entries_of_kind", "kind", "state", "at", "id", postgresql_include=["due", "facility", "besides", "asked_by"]
    ),
    sa.Index("entries_due", "kind", "state", "due", postgresql_where=sa.text("due IS NOT NULL")),
    sa.Index("entries_going_on", "kind", postgresql_where=sa.text("CAST(content ->> 'goes_on' AS boolean)")),
    sa.Index("entries_by_id", "kind", "id"),
    comment="what the desk's lists show; derived from facts, written with the episode",
)


def fact_of(row: Any) -> Fact:
    """A row of `facts` as a fact."""
    episode, writer, sequence, ce_id, kind, time, correlation, causation, value, copied = row
    told = read_fact(kind, value)
    return Fact(ce_id, kind, writer, episode, sequence, time, told, value, correlation, causation, None, copied)


_CONTENT = msgspec.json.Decoder(PeriodContent)


def sent_of(row: Any) -> tuple[str, PeriodKey, SentPeriod]:
    """A row of `periods`: the episode, the key of the period, and the version that was sent last."""
    period, episode, kind, stay, root, life, version, voided, supersedes, content = row
    sent = SentPeriod(period, life, version, voided, _CONTENT.decode(content), supersedes)
    return episode, PeriodKey(kind, stay, root), sent


def presence_of(row: Any) -> Presence:
    """A row of `program_stays`: from when to when somebody was at a program."""
    return Presence(row.kind, row.stay_id, row.nth, row.program, row.since, row.until, row.expected)


def claim_of(row: Any) -> Claim:
    """A row of `seats` as a claim."""
    return Claim(row.seat_id, row.program, row.during.lower, row.during.upper, row.group_id, row.placement_id)


def entry_of(row: Any) -> ListEntry:
    """A row of `entries` as a list entry."""
    return ListEntry(
        row.kind, row.id, row.facility, row.program, row.state, row.at, row.due, row.content,
        tuple(row.besides), row.asked_by,
    )  # fmt: skip
