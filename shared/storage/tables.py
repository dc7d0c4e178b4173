"""The tables that each service's database has alike (positions, outbox, audit and so on), declared for statements.

first_tables.py made them in each service's first migration; a change here needs a new migration of every service.
"""

from __future__ import annotations

import sqlalchemy as sa

PLUMBING = sa.MetaData()
_NOW = sa.text("now()")

positions = sa.Table(
    "positions",
    PLUMBING,
    sa.Column("consumer", sa.Text, primary_key=True),
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("partition", sa.Integer, primary_key=True),
    sa.Column("next_offset", sa.BigInteger, nullable=False),
    sa.Column("last_offset", sa.BigInteger, nullable=False, server_default="-1"),
    sa.Column("last_id", sa.Text, comment="ce_id of the record at last_offset: shows a topic that was made anew"),
    *(
        sa.Column(name, sa.BigInteger, nullable=False, server_default="0")
        for name in ("received", "applied", "repeated", "ignored", "waiting", "dead")
    ),
    sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False, server_default=_NOW),
    comment="where each consumer stands; received = applied + repeated + ignored + waiting + dead",
)

parked = sa.Table(
    "parked",
    PLUMBING,
    sa.Column("consumer", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("writer", sa.Text, primary_key=True),
    sa.Column("sequence", sa.BigInteger, primary_key=True),
    sa.Column("ce_id", sa.Text, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("partition", sa.Integer, nullable=False),
    sa.Column("kafka_offset", sa.BigInteger, nullable=False),
    sa.Column("value", sa.LargeBinary, nullable=False),
    sa.Column("headers", sa.LargeBinary, nullable=False),
    sa.Column("parked_at", sa.DateTime(timezone=True), nullable=False, server_default=_NOW),
    sa.Index("parked_since", "parked_at"),
    comment="facts that came before the one they follow",
)

outbox = sa.Table(
    "outbox",
    PLUMBING,
    sa.Column("id", sa.BigInteger, sa.Identity(always=False, cache=1), primary_key=True),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("key", sa.LargeBinary, comment="of a row without a batch: only one of the first version"),
    sa.Column("value", sa.LargeBinary, comment="likewise"),
    sa.Column("headers", sa.LargeBinary, comment="likewise"),
    sa.Column("partition", sa.Integer),
    sa.Column("partitions", sa.Integer, comment="how many partitions the topic had by what the writer knew"),
    sa.Column("records", sa.Integer, nullable=False, server_default="1"),
    sa.Column("batch", sa.LargeBinary, comment="a Kafka record batch of that partition, ready to be sent"),
    comment="records committed with the state they belong to, until the relay has them on Kafka",
)

written = sa.Table(
    "written",
    PLUMBING,
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("partition", sa.Integer, primary_key=True),
    sa.Column("records", sa.BigInteger, nullable=False),
    sa.Column("last_offset", sa.BigInteger, nullable=False, comment="of the last of them; -1 before the first"),
    sa.Column("partitions", sa.Integer, nullable=False, comment="how many the topic has; 0: not known"),
    sa.Column("topic_id", sa.Text, comment="Kafka's: another one when the topic is made anew"),
    sa.Column("cluster_id", sa.Text, comment="Kafka's"),
    comment="how many records of the outbox the relay has written to each partition: ops.writers has the counterpart",
)

relay_lease = sa.Table(
    "relay_lease",
    PLUMBING,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    comment="which relay leads; Kafka's fencing makes it safe, this makes it calm",
)

dead_letters = sa.Table(
    "dead_letters",
    PLUMBING,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("consumer", sa.Text, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("partition", sa.Integer, nullable=False),
    sa.Column("kafka_offset", sa.BigInteger, nullable=False),
    sa.Column("key", sa.LargeBinary, comment="of a letter that is not sealed yet: only one of the first version"),
    sa.Column("value", sa.LargeBinary, comment="likewise"),
    sa.Column("headers", sa.LargeBinary, comment="likewise"),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False, server_default="dead"),
    sa.Column("died_at", sa.DateTime(timezone=True), nullable=False, server_default=_NOW),
    sa.Column("sealed", sa.LargeBinary, comment="its original key, value and headers; gone when its time is over"),
    sa.Column("size", sa.Integer, nullable=False, server_default="0", comment="bytes of the value"),
    sa.Index("dead_letters_kept", "died_at", postgresql_where=sa.text("sealed IS NOT NULL OR headers IS NOT NULL")),
    sa.UniqueConstraint("consumer", "topic", "partition", "kafka_offset"),
    comment="records that could not be read or applied, with their original bytes for a limited time",
)

audit = sa.Table(
    "audit",
    PLUMBING,
    sa.Column("id", sa.BigInteger, sa.Identity(always=False), primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("count", sa.Integer, nullable=False, server_default="1"),
    sa.Column("reason", sa.Text),
    sa.CheckConstraint("actor <> ''", name="audit_has_an_actor"),
    sa.Index("audit_subject", "subject", "id"),
    comment="who did what to what, and why; append-only for the application role",
)

refusals = sa.Table(
    "refusals",
    PLUMBING,
    sa.Column("id", sa.BigInteger, sa.Identity(always=False), primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    comment="what a rule said no to; nothing was published for it",
)

retired_facilities = sa.Table(
    "retired_facilities",
    PLUMBING,
    sa.Column("facility", sa.Text, primary_key=True, comment="as the site config names it"),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("under", sa.Text, comment="the law by which its records are kept (42 CFR 2.19(b))"),
    sa.Column("until", sa.Date, comment="the last day that it asks for"),
    comment="facilities that left: nothing more is taken from them",
)

KEYS = sa.MetaData()
"""Beside the plumbing: only services with a door that takes an Idempotency-Key create it, in a migration of theirs."""

answered_requests = sa.Table(
    "answered_requests",
    KEYS,
    sa.Column("caller", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("request", sa.LargeBinary, nullable=False, comment="hash of method, path and body"),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("etag", sa.Text),
    sa.Column("body", sa.LargeBinary),
    comment="what each Idempotency-Key was answered, so that a request sent again is done once",
)
