"""Aftercare's tables: each episode's latest document, aftercare's own facts, and the rows of lists. Declarations
only."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from shared.storage import merged_episodes

METADATA = sa.MetaData()

episodes = sa.Table(
    "episodes",
    METADATA,
    sa.Column("episode_id", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("sequence", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("document", JSONB),
    sa.Column("next_deadline", sa.DateTime(timezone=True)),
    sa.Column("site_version", sa.Text, nullable=False, server_default=""),
    sa.Index("episodes_next_deadline", "next_deadline", postgresql_where=sa.text("next_deadline IS NOT NULL")),
    comment="the last document of each episode, our own last sequence in it, when its next window is over",
)

facts = sa.Table(
    "facts",
    METADATA,
    sa.Column("episode_id", sa.Text, primary_key=True),
    sa.Column("sequence", sa.BigInteger, primary_key=True),
    sa.Column("ce_id", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("value", JSONB, nullable=False),
    sa.Column("stands", sa.Boolean, nullable=False),
    sa.Column("copy_of", sa.Text, comment="ce_id of the fact of a merged episode that this one copies"),
    sa.Index("facts_standing", "episode_id", postgresql_where=sa.text("stands")),
    sa.Index("facts_decided", "episode_id", postgresql_where=sa.text("value ? 'decided_by'")),
    comment="every fact that aftercare stated; a cancel and what is cancelled or replaced do not stand",
)

merges = merged_episodes.table(METADATA)

follow_ups = sa.Table(
    "follow_ups",
    METADATA,
    sa.Column("follow_up_id", sa.Text, primary_key=True),
    sa.Column("episode_id", sa.Text, nullable=False),
    sa.Column("patient_id", sa.Text, nullable=False),
    sa.Column("facility", sa.Text, nullable=False),
    sa.Column("measure", sa.Text, nullable=False),
    sa.Column("discharge", sa.Text, nullable=False),
    sa.Column("due_from", sa.Date, nullable=False),
    sa.Column("due_to", sa.Date, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("kept_at", sa.DateTime(timezone=True)),
    sa.Column("by_fact", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Index("follow_ups_by_day", "due_to", "follow_up_id"),
    sa.Index("follow_ups_by_state", "state", "due_to", "follow_up_id", postgresql_include=["facility"]),
    sa.Index("follow_ups_episode", "episode_id"),
    sa.Index("follow_ups_of_patient", "patient_id"),
    comment="one row a window that stands, for lists; derived from the facts that stand",
)

entries = sa.Table(
    "entries",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("episode_id", sa.Text, nullable=False),
    sa.Column("patient_id", sa.Text, nullable=False),
    sa.Column("facility", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("sort_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("value", JSONB, nullable=False),
    sa.Index("entries_by_time", "kind", "sort_at", "id"),
    sa.Index("entries_by_state", "kind", "state", "sort_at", "id", postgresql_include=["facility"]),
    sa.Index(
        "entries_unreplaced",
        "state",
        "sort_at",
        "id",
        postgresql_include=["facility"],
        postgresql_where=sa.text("value ? 'unreplaced'"),
    ),
    sa.Index("entries_episode", "episode_id"),
    sa.Index("entries_of_patient", "patient_id"),
    comment="plans, referrals, contacts, appointments, risks as lists show them; folded from the facts that stand",
)

FACT = (
    *(facts.c[name] for name in ("episode_id", "sequence", "ce_id", "name")),
    sa.cast(facts.c.value, sa.Text).label("value"),
    facts.c.copy_of,
)
DOCUMENT = sa.cast(episodes.c.document, sa.Text).label("document")
"""Columns of a fact, and of an episode's document, with their JSON as text, to be decoded into its type by the
reader."""
