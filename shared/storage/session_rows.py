"""The table of sessions: one row for each browser in which somebody is signed in. Only intake creates it."""

from __future__ import annotations

import sqlalchemy as sa

SESSIONS = sa.MetaData()
_TIME = sa.DateTime(timezone=True)

sessions = sa.Table(
    "sessions",
    SESSIONS,
    sa.Column("id", sa.LargeBinary, primary_key=True, comment="SHA-256 of the cookie's value"),
    sa.Column("subject", sa.Text, nullable=False, index=True),
    sa.Column("name", sa.Text, nullable=False, comment="how pages call the person; may be empty"),
    sa.Column("roles", sa.ARRAY(sa.Text), nullable=False),
    sa.Column("facilities", sa.ARRAY(sa.Text), nullable=False, comment="`*`: all"),
    sa.Column("made_at", _TIME, nullable=False),
    sa.Column("used_at", _TIME, nullable=False, comment="at most a minute before it was used last"),
    sa.Column("until", _TIME, nullable=False, comment="when it is over at the latest"),
    sa.Column("fresh_until", _TIME, comment="when the issuer is asked again; none: never"),
    sa.Column("sealed", sa.LargeBinary, comment="the issuer's tokens, JSON; place: session:<id>"),
    comment="browsers in which somebody is signed in; rows that are over are deleted",
)
