"""The tables of a desk, as people work with its lists: who has an entry, saved views, who uses it, and what
left. The services that have a desk with lists create them."""

from __future__ import annotations

import sqlalchemy as sa

DESK = sa.MetaData()
_TIME = sa.DateTime(timezone=True)
_TEXTS = sa.ARRAY(sa.Text)

entry_marks = sa.Table(
    "entry_marks",
    DESK,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True, comment="of the entry"),
    sa.Column("state", sa.Text, nullable=False, comment="the entry's then: in another state the mark counts no more"),
    sa.Column("taken_by", sa.Text, comment="subject of who has it"),
    sa.Column("taken_at", _TIME),
    sa.Column("snoozed_until", _TIME, comment="when it comes back to the list"),
    sa.Column("snoozed_by", sa.Text),
    sa.Column("snooze_reason", sa.Text, comment="a word of a fixed list"),
    sa.Index("marks_of_a_person", "taken_by"),
    comment="who has an entry of a list, and until when it is out of sight; the desk's, no fact",
)

saved_views = sa.Table(
    "saved_views",
    DESK,
    sa.Column("owner", sa.Text, primary_key=True, comment="subject of who made it"),
    sa.Column("view_id", sa.Text, primary_key=True),
    sa.Column("list", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("query", sa.Text, nullable=False, comment="parameters of the page's address: codes only"),
    sa.Column("made_at", _TIME, nullable=False),
    sa.UniqueConstraint("owner", "list", "name"),
    comment="lists as a person likes to see them",
)

desk_people = sa.Table(
    "desk_people",
    DESK,
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, comment="as the issuer says; may be empty"),
    sa.Column("roles", _TEXTS, nullable=False),
    sa.Column("facilities", _TEXTS, nullable=False, comment="`*`: all"),
    sa.Column("seen_at", _TIME, nullable=False, comment="at most an hour before the desk was opened last"),
    comment="who uses the desk: to whom an entry can be handed",
)

exits = sa.Table(
    "exits",
    DESK,
    sa.Column("id", sa.BigInteger, sa.Identity(always=False), primary_key=True),
    sa.Column("at", _TIME, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("way", sa.Text, nullable=False, comment="export"),
    sa.Column("what", sa.Text, nullable=False, comment="name of the list"),
    sa.Column("entries", sa.Integer, nullable=False, comment="how many at most"),
    sa.Column("facilities", _TEXTS, nullable=False, comment="of the actor's scope; `*`: all"),
    sa.Column("basis", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Index("exits_by_time", "at", "id"),
    comment="the ledger of what left by another way than a recipient's topic; append-only, without a value",
)
