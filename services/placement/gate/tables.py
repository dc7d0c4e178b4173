"""The gate's tables, declared once; store.py writes them, views.py reads them, a migration creates them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

GATE = sa.MetaData()
_TIME = sa.DateTime(timezone=True)
_TEXTS = sa.ARRAY(sa.Text)

gate_episodes = sa.Table(
    "gate_episodes",
    GATE,
    sa.Column("episode_id", sa.Text, primary_key=True),
    sa.Column("seen", JSONB, nullable=False, server_default="{}", comment="last sequence of each writer"),
    sa.Column("sent", JSONB, nullable=False, server_default="{}", comment="last ce_sequence for each recipient"),
    sa.Column("labels", JSONB, nullable=False, server_default="{}", comment="by stay, and of the whole"),
    sa.Column("early", JSONB, nullable=False, server_default="[]", comment="[writer, ce_id] cancelled before it came"),
    sa.Column("place", sa.BigInteger, nullable=False, server_default="0", comment="facts that came so far"),
    sa.Column("over", JSONB, nullable=False, server_default="{}", comment="consent → [what ended it, since when]"),
    sa.Column("merges", JSONB, nullable=False, server_default="{}", comment="ce_id of one that stands → what it says"),
    comment="where each episode stands at the gate; the row by which all of it is locked",
)

gate_facts = sa.Table(
    "gate_facts",
    GATE,
    sa.Column("episode_id", sa.Text, primary_key=True),
    sa.Column("writer", sa.Text, primary_key=True),
    sa.Column("sequence", sa.BigInteger, primary_key=True),
    sa.Column("ce_id", sa.Text, nullable=False),
    comment="which fact the gate heard under each number: another one under it is no repeat",
)

consents = sa.Table(
    "consents",
    GATE,
    sa.Column("fact_id", sa.Text, primary_key=True, comment="ce_id of the consent-recorded"),
    sa.Column("episode_id", sa.Text, nullable=False, index=True),
    sa.Column("consent_id", sa.Text, nullable=False),
    sa.Column("facility", sa.Text, nullable=False),
    sa.Column("discloser", sa.Text, nullable=False),
    sa.Column("recipient", sa.Text),
    sa.Column("recipient_class", sa.Text),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("scope", _TEXTS, nullable=False),
    sa.Column("begins", sa.Date, nullable=False),
    sa.Column("ends", sa.Date),
    sa.Column("learnt_at", _TIME, nullable=False, comment="when the gate took it in"),
    sa.Column("ended_at", _TIME, comment="when the gate took in what ended it"),
    sa.Column("over", sa.Text, comment="revoked, expired, cancelled, replaced"),
    sa.Column(
        "opens_at", _TIME, comment="start of its first day, until the gate has looked again at what waits for it"
    ),
    sa.Index("consents_to_open", "opens_at", postgresql_where=sa.text("opens_at IS NOT NULL")),
    comment="every consent that the gate was told of, and since and until when it knew of it",
)

disclosures = sa.Table(
    "disclosures",
    GATE,
    sa.Column("disclosure_id", sa.Text, primary_key=True, comment="ce_id of the record"),
    sa.Column("recipient", sa.Text, nullable=False),
    sa.Column("episode_id", sa.Text, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("patient_id", sa.Text, nullable=False),
    sa.Column("facility", sa.Text, nullable=False),
    sa.Column("fact_id", sa.Text, nullable=False),
    sa.Column("fact_type", sa.Text, nullable=False),
    sa.Column("writer", sa.Text, nullable=False),
    sa.Column("labels", _TEXTS, nullable=False),
    sa.Column("fields", _TEXTS, nullable=False, comment="what of it was disclosed"),
    sa.Column("corrects", sa.Text, comment="replaces or cancels"),
    sa.Column("corrected", sa.Text, comment="fact_id that went out before"),
    sa.Column("basis", sa.Text, nullable=False),
    sa.Column("basis_id", sa.Text, nullable=False),
    sa.Column("basis_fact", sa.Text, comment="the consent-recorded"),
    sa.Column("basis_scope", _TEXTS, nullable=False),
    sa.Column("basis_from", sa.Date, nullable=False),
    sa.Column("basis_to", sa.Date),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("disclosed_at", _TIME, nullable=False),
    sa.Column("config", sa.Text, nullable=False, comment="version of the site config that named recipient and fields"),
    sa.UniqueConstraint("recipient", "fact_id"),
    sa.UniqueConstraint("recipient", "episode_id", "sequence"),
    sa.Index("disclosures_by_time", "disclosed_at", "disclosure_id"),
    sa.Index("disclosures_of_episode", "episode_id", "disclosed_at"),
    sa.Index("disclosures_of_patient", "patient_id", "disclosed_at"),
    sa.Index("disclosures_of_fact", "fact_id"),
    comment="the ledger: everything that ever left, and what it rested on then; append-only",
)

packets_out = sa.Table(
    "packets_out",
    GATE,
    sa.Column("disclosure_id", sa.Text, primary_key=True),
    sa.Column("offer_id", sa.Text, nullable=False),
    sa.Column("program", sa.Text, nullable=False),
    sa.Column("step", sa.Text, nullable=False, comment="blind or whole"),
    sa.Column("read_by", sa.Text, nullable=False, comment="subject of who read it"),
    sa.Column("recipient", sa.Text, nullable=False, comment="the legal entity of the program"),
    sa.Column("episode_id", sa.Text, nullable=False),
    sa.Column("patient_id", sa.Text, nullable=False),
    sa.Column("facility", sa.Text, nullable=False, comment="the facility that discloses"),
    sa.Column("labels", _TEXTS, nullable=False),
    sa.Column("fields", _TEXTS, nullable=False, comment="the parts that were shown"),
    sa.Column("notice", sa.Boolean, nullable=False, comment="with the notice of 42 CFR 2.32"),
    sa.Column("basis", sa.Text, nullable=False),
    sa.Column("basis_id", sa.Text, nullable=False),
    sa.Column("basis_fact", sa.Text, comment="the consent-recorded"),
    sa.Column("basis_scope", _TEXTS, nullable=False),
    sa.Column("basis_from", sa.Date, nullable=False),
    sa.Column("basis_to", sa.Date),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("disclosed_at", _TIME, nullable=False),
    sa.Column("config", sa.Text, nullable=False, comment="version of the site config"),
    sa.Index("packets_out_by_time", "disclosed_at", "disclosure_id"),
    sa.Index("packets_out_of_episode", "episode_id", "disclosed_at"),
    sa.Index("packets_out_of_patient", "patient_id", "disclosed_at"),
    comment="the ledger of packets that programs of another legal entity read; append-only",
)

not_told_again = sa.Table(
    "not_told_again",
    GATE,
    sa.Column("disclosure_id", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False, comment="why there was no basis for it then"),
    sa.Column("since", _TIME, nullable=False),
    comment="of the ledger: disclosures that their topic has lost, and that did not go out again",
)

withheld = sa.Table(
    "withheld",
    GATE,
    sa.Column("recipient", sa.Text, primary_key=True),
    sa.Column("fact_id", sa.Text, primary_key=True),
    sa.Column("episode_id", sa.Text, nullable=False),
    sa.Column("patient_id", sa.Text, nullable=False),
    sa.Column("facility", sa.Text, nullable=False),
    sa.Column("fact_type", sa.Text, nullable=False),
    sa.Column("writer", sa.Text, nullable=False),
    sa.Column("labels", _TEXTS, nullable=False),
    sa.Column("occurred_at", sa.Text, nullable=False),
    sa.Column("place", sa.BigInteger, nullable=False, comment="its turn in the episode"),
    sa.Column("content", sa.LargeBinary, nullable=False, comment="what would go out of it"),
    sa.Column("corrects", sa.Text, comment="replaces or cancels"),
    sa.Column("corrected", sa.Text, comment="fact_id that went out before"),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("since", _TIME, nullable=False),
    sa.Column("config", sa.Text, nullable=False),
    sa.Index("withheld_by_time", "since", "recipient", "fact_id"),
    sa.Index("withheld_of_facility", "facility"),
    sa.Index("withheld_of_episode", "episode_id", "place"),
    sa.Index("withheld_of_fact", "fact_id"),
    sa.Index("withheld_by_config", "config", "episode_id"),
    comment="what waits for a basis; a row goes when its fact goes out, or is no more",
)
