"""The tables of consents; the patient's row is locked before they are written, as for everything of a patient."""

from __future__ import annotations

import sqlalchemy as sa

CONSENTS = sa.MetaData()
_TIME = sa.DateTime(timezone=True)

consents = sa.Table(
    "consents",
    CONSENTS,
    sa.Column("consent_id", sa.Text, primary_key=True, comment="sorts by when it was recorded"),
    sa.Column("patient_id", sa.Text, nullable=False),
    sa.Column("facility", sa.Text, nullable=False, comment="where it was given; its zone counts the days"),
    sa.Column("discloser", sa.Text, nullable=False),
    sa.Column("recipient", sa.Text),
    sa.Column("recipient_class", sa.Text),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("scope", sa.ARRAY(sa.Text), nullable=False),
    sa.Column("begins", sa.Date, nullable=False),
    sa.Column("ends", sa.Date),
    sa.Column("occurred_at", _TIME, nullable=False, comment="when the patient gave it"),
    sa.Column("over_at", _TIME, comment="end of its last day"),
    sa.Column(
        "state", sa.Text, nullable=False, server_default="standing", comment="standing, revoking, revoked or expired"
    ),
    sa.Column("ended_at", _TIME, comment="when its end was stated"),
    sa.Column("counts_from", _TIME, comment="of a revocation: when placement's gate was known to have all of it"),
    sa.Index("consents_of_patient", "patient_id", "consent_id"),
    sa.Index("consents_over", "over_at", postgresql_where=sa.text("state = 'standing' AND over_at IS NOT NULL")),
    sa.Index("consents_revoking", "consent_id", postgresql_where=sa.text("state = 'revoking'")),
    comment="what patients consented to",
)

consent_episodes = sa.Table(
    "consent_episodes",
    CONSENTS,
    sa.Column("consent_id", sa.Text, primary_key=True),
    sa.Column("episode_id", sa.Text, primary_key=True),
    sa.Column("revoked_by", sa.BigInteger, comment="ce_sequence of the consent-revoked of this episode"),
    comment="for which episodes a consent was stated",
)
