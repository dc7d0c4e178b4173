"""The tables of intake's database; names, contacts and messages are in it only encrypted (`sealed`).

Lock order of every transaction: conditions of FHIR (advisory locks, `receiving/encounters.py`), waiting records that
are worked off already, positions, waiting records, then patients by id; visits, episodes and facts of a patient are
written under the lock of that patient's row, feeds last.
"""

from __future__ import annotations

import sqlalchemy as sa

INTAKE = sa.MetaData()
_TIME = sa.DateTime(timezone=True)
_NOW = sa.text("now()")

patients = sa.Table(
    "patients",
    INTAKE,
    sa.Column("patient_id", sa.Text, primary_key=True),
    sa.Column("made_at", _TIME, nullable=False, server_default=_NOW),
    sa.Column("unsure", sa.Boolean, nullable=False, server_default=sa.false(), comment="a message named no visit"),
    sa.Column("joined", sa.ARRAY(sa.Text), comment="why the first version may have made two people one"),
    sa.Column("kin", sa.ARRAY(sa.Text), comment="whom merges, links, moves bring together with this one; itself too"),
    sa.Index("patients_joined", "patient_id", postgresql_where=sa.text("joined IS NOT NULL")),
    comment="whom hospitals told of; the row that everything else of a patient is locked by",
)

patient_identifiers = sa.Table(
    "patient_identifiers",
    INTAKE,
    sa.Column("key", sa.LargeBinary, primary_key=True, comment="keyed hash of authority and value (identity.py)"),
    sa.Column("patient_id", sa.Text, primary_key=True, index=True),
    sa.Column("facility", sa.Text, primary_key=True, comment="who told it"),
    sa.Column("authorities", sa.ARRAY(sa.LargeBinary), nullable=False, comment="keyed hashes of the authority's names"),
    sa.Column("types", sa.ARRAY(sa.Text), nullable=False, comment="CX.5 as told"),
    sa.Column("leads", sa.Text, nullable=False, comment="to the patient: everywhere, here (at the facility), or not"),
    sa.Column("first", sa.Boolean, nullable=False, comment="told as the first key of a message"),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="as told, JSON; place: identifier:<patient>"),
    sa.Index("identifiers_leading", "key", unique=True, postgresql_where=sa.text("leads = 'everywhere'")),
    sa.Index("identifiers_here", "key", postgresql_where=sa.text("leads = 'here'")),
    comment="every lasting number told of patients (PID-3), and whom it leads to",
)

authority_pairs = sa.Table(
    "authority_pairs",
    INTAKE,
    sa.Column("number", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("space", sa.LargeBinary, nullable=False, unique=True, comment="keyed hash of a name (CX.4.1)"),
    sa.Column("universal", sa.LargeBinary, nullable=False, unique=True, comment="keyed hash of a name (CX.4.2)"),
    comment="two names of one authority, as a message told them together",
)

matches = sa.Table(
    "matches",
    INTAKE,
    sa.Column("match_id", sa.Text, primary_key=True, comment="tells no age"),
    sa.Column("one", sa.Text, nullable=False),
    sa.Column("other", sa.Text, nullable=False, index=True),
    sa.Column("state", sa.Text, nullable=False, server_default="open", comment="open, same, different"),
    sa.Column("decided_by", sa.Text, comment="who decided last; none: a hospital said so, or nobody yet"),
    sa.Column("decided_at", _TIME),
    sa.UniqueConstraint("one", "other"),
    comment="two patients who may be one person",
)

match_evidence = sa.Table(
    "match_evidence",
    INTAKE,
    sa.Column("match_id", sa.Text, primary_key=True),
    sa.Column("of_one", sa.Text, primary_key=True, comment="the facility that told it of the one"),
    sa.Column("of_other", sa.Text, primary_key=True, comment="the facility that told it of the other"),
    sa.Column("reasons", sa.ARRAY(sa.Text), nullable=False, comment="which kinds of number they share"),
    sa.Column("since", _TIME, nullable=False),
    comment="what speaks for it, by who told it: shown only to who holds both",
)

record_statements = sa.Table(
    "record_statements",
    INTAKE,
    sa.Column("statement_id", sa.Text, primary_key=True, comment="of a message: its id and which of its statements"),
    sa.Column("facility", sa.Text, nullable=False, comment="who said it"),
    sa.Column("patient_id", sa.Text, nullable=False, index=True, comment="to whom the other one goes"),
    sa.Column("other_id", sa.Text, nullable=False, index=True),
    sa.Column("told", sa.LargeBinary, nullable=False, comment="JSON: kind, times, numbers, ids (people/merging.py)"),
    comment="what was said of two patients: merges, links, moves, and what takes them back",
)

retirements = sa.Table(
    "retirements",
    INTAKE,
    sa.Column("patient_id", sa.Text, primary_key=True),
    sa.Column("facility", sa.Text, primary_key=True, comment="whose merge it is"),
    sa.Column("into_id", sa.Text, nullable=False, index=True, comment="the patient who stays"),
    comment="which patients are merged into which now, by the statements; derived",
)

index_check = sa.Table(
    "index_check",
    INTAKE,
    sa.Column("value", sa.LargeBinary, primary_key=True),
    comment="a text of ours hashed with the key that everything is looked up by: shows that the key is another",
)

first_identifiers = sa.Table(
    "first_identifiers",
    INTAKE,
    sa.Column("key", sa.LargeBinary, primary_key=True, comment="keyed hash of authority, id and type"),
    sa.Column("patient_id", sa.Text, nullable=False, index=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="authority, id and type; place: identifier:<patient>"),
    comment="the first version's; emptied at the first start after it (people/first_version.py)",
)

first_identities = sa.Table(
    "first_identities",
    INTAKE,
    sa.Column("patient_id", sa.Text, primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="JSON; place: identity:<patient>"),
    sa.Column("stated_at", _TIME, nullable=False),
    comment="the first version's; emptied at the first start after it (people/first_version.py)",
)

identities = sa.Table(
    "identities",
    INTAKE,
    sa.Column("patient_id", sa.Text, primary_key=True),
    sa.Column(
        "facility", sa.Text, primary_key=True, comment="who told it; empty: one of the patient's, not known which"
    ),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="JSON; place: identity:<patient>:<facility>"),
    sa.Column("stated_at", _TIME, nullable=False),
    comment="ids, names, birth date, contacts, field by field as last said by each facility",
)

deleted_persons = sa.Table(
    "deleted_persons",
    INTAKE,
    sa.Column("message_id", sa.Text, primary_key=True, comment="the message that deletes it (A29)"),
    sa.Column("patient_id", sa.Text, nullable=False),
    sa.Column("facility", sa.Text, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="as in identities"),
    sa.Column("stated_at", _TIME, nullable=False),
    sa.Index("deleted_persons_of_facility", "facility", "patient_id"),
    comment="what a facility had told of a person when somebody agreed that a message (A29) deletes it",
)

identity_words = sa.Table(
    "identity_words",
    INTAKE,
    sa.Column("patient_id", sa.Text, primary_key=True),
    sa.Column("facility", sa.Text, primary_key=True, comment="who told it"),
    sa.Column(
        "words",
        sa.ARRAY(sa.BigInteger),
        nullable=False,
        comment="keyed hashes, 64 bits each, of normalised words and beginnings of names (people/finding)",
    ),
    sa.Column("compared", sa.Boolean, nullable=False, server_default=sa.false(), comment="with those who are like it"),
    sa.Column("weighed", sa.Text, comment="digest of the weights of likeness that it was compared by"),
    sa.Index("identity_words_to_compare", "patient_id", postgresql_where=sa.text("NOT compared")),
    sa.Index("identity_words_by_word", "words", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
    comment="blind index: by which words of name, birth date, telephone and ids a patient is found",
)

patient_facilities = sa.Table(
    "patient_facilities",
    INTAKE,
    sa.Column("patient_id", sa.Text, primary_key=True),
    sa.Column("facility", sa.Text, primary_key=True),
    comment="who told of a patient: only who may see one of these may see the patient",
)

episodes = sa.Table(
    "episodes",
    INTAKE,
    sa.Column("episode_id", sa.Text, primary_key=True),
    sa.Column("patient_id", sa.Text, nullable=False, index=True),
    sa.Column("sequence", sa.BigInteger, nullable=False, comment="the last ce_sequence that intake gave"),
    sa.Column("made_at", _TIME, nullable=False, server_default=_NOW),
    comment="episodes that intake began",
)

told_episodes = sa.Table(
    "told_episodes",
    INTAKE,
    sa.Column("episode_id", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("begun_at", _TIME, comment="of the first program stay"),
    sa.Column("ended_at", _TIME, comment="of the last program stay; none while one is open"),
    sa.Column(
        "seen", sa.BigInteger, nullable=False, server_default="0", comment="the last of intake's facts that is in it"
    ),
    sa.Column(
        "facilities",
        sa.ARRAY(sa.Text),
        nullable=False,
        server_default="{}",
        comment="who has it: of its stays, searches, offers, seats and placements",
    ),
    comment="what care.episodes says of them, as far as the choice of an episode needs it",
)

visits = sa.Table(
    "visits",
    INTAKE,
    sa.Column("visit_id", sa.Text, primary_key=True),
    sa.Column("patient_id", sa.Text, nullable=False),
    sa.Column("facility", sa.Text, nullable=False),
    sa.Column("visit_key", sa.Text, nullable=False),
    sa.Column("episode_id", sa.Text, index=True, comment="chosen once, with the first fact (contract 3.6 rule 12)"),
    sa.Column("begun_at", _TIME),
    sa.Column("ended_at", _TIME),
    sa.Column("mapping", sa.Text, nullable=False, comment="version of the site config that its facts are derived with"),
    sa.Column(
        "unmapped",
        sa.ARRAY(sa.Text),
        nullable=False,
        server_default="{}",
        comment="codes of its messages that are in no table of the site: kind, field, code",
    ),
    sa.Column("said_at", _TIME, comment="when its number was first said, where that counts for the facility"),
    sa.Column("held", sa.Boolean, nullable=False, server_default=sa.false(), comment="its number is another patient's"),
    sa.Column(
        "quiet_until",
        _TIME,
        comment="when its last message was said, where some of them repeat the one before (reason repeated)",
    ),
    sa.Column(
        "record_number",
        sa.ARRAY(sa.Text),
        comment="record number of the patient and its authority, where a move told by them whose the visit is",
    ),
    sa.Column("open_as", sa.Text, comment="while it is open: its level, or its class without one"),
    sa.Column("last_message", sa.Text, comment="id of its message that arrived last"),
    sa.Column(
        "heard",
        sa.Text,
        sa.Computed('"left"(last_message, 6)', persisted=True),
        comment="beginning of last_message: the time to about five hours",
    ),
    sa.UniqueConstraint("patient_id", "facility", "visit_key"),
    sa.Index("visits_by_mapping", "mapping", "visit_id"),
    sa.Index("visits_numbered", "facility", "visit_key"),
    sa.Index("visits_open", "open_as", "heard", postgresql_where=sa.text("open_as IS NOT NULL")),
    sa.Index("visits_with_unmapped_codes", "facility", postgresql_where=sa.text("unmapped <> '{}'")),
    comment="visits by ADT; a visit number belongs to a patient at a facility",
)

number_conflicts = sa.Table(
    "number_conflicts",
    INTAKE,
    sa.Column("conflict_id", sa.Text, primary_key=True, comment="tells no age"),
    sa.Column("facility", sa.Text, nullable=False),
    sa.Column("visit_key", sa.Text, nullable=False),
    sa.Column("patient_id", sa.Text, nullable=False, comment="whose messages with it wait"),
    sa.Column("since", _TIME, nullable=False),
    sa.Column("decision", sa.Text, comment="own: the visit is this patient's; holder: it is the other one's"),
    sa.Column("decided_at", _TIME),
    sa.UniqueConstraint("facility", "visit_key", "patient_id"),
    sa.Index("number_conflicts_listed", "since", "conflict_id"),
    comment="visit numbers that another patient of the facility had before",
)

unknown_needs = sa.Table(
    "unknown_needs",
    INTAKE,
    sa.Column("need_id", sa.Text, primary_key=True, comment="tells no age"),
    sa.Column("fact_id", sa.Text, nullable=False, comment="ce_id of the first statement of what told it"),
    sa.Column("place", sa.SmallInteger, nullable=False, comment="among the needs of that statement, from 0"),
    sa.Column("facility", sa.Text, nullable=False),
    sa.Column("patient_id", sa.Text, nullable=False, comment="of the episode that it was told of"),
    sa.Column("told_at", _TIME, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="what was told; place: need:<need_id>"),
    sa.Column("state", sa.Text, nullable=False, server_default="open", comment="open, mapped, set-aside"),
    sa.Column("need", sa.Text, comment="the site's need that a person mapped it to"),
    sa.Column("decided_by", sa.Text),
    sa.Column("decided_at", _TIME),
    sa.UniqueConstraint("fact_id", "place"),
    sa.Index("unknown_needs_listed", "told_at", "need_id"),
    sa.Index("unknown_needs_of_facility", "facility"),
    comment="needs that another system told and the site's vocabulary does not have",
)

messages = sa.Table(
    "messages",
    INTAKE,
    sa.Column("message_id", sa.Text, primary_key=True, comment="sorts by arrival"),
    sa.Column("ids", sa.LargeBinary, nullable=False, comment="keyed hash of MSH-3, MSH-4, MSH-10"),
    sa.Column("body", sa.LargeBinary, nullable=False, comment="keyed hash of the segments"),
    sa.Column("door", sa.Text, nullable=False),
    sa.Column("arrived_at", _TIME, nullable=False),
    sa.Column("facility", sa.Text, nullable=False),
    sa.Column("trigger", sa.Text, nullable=False),
    sa.Column("control_id", sa.Text, nullable=False),
    sa.Column("charset", sa.Text, nullable=False),
    sa.Column("answer", sa.Text, nullable=False, comment="AA or AE"),
    sa.Column("replies", sa.ARRAY(sa.LargeBinary), nullable=False, comment="what a repeat is answered"),
    sa.Column(
        "note",
        sa.Text,
        nullable=False,
        comment="applied, waiting, no-effect, unmapped, taken-back, kept, error",
    ),
    sa.Column("reason", sa.Text, comment="the word that says why"),
    sa.Column("warnings", sa.ARRAY(sa.Text), nullable=False),
    sa.Column("patient_id", sa.Text),
    sa.Column("visit_id", sa.Text),
    sa.Column("said", sa.LargeBinary, comment="its values as JSON: codes, dates, ids (kept.py)"),
    sa.Column("sealed", sa.LargeBinary, comment="the raw message while it is kept; place: its message_id"),
    sa.Column(
        "superseded",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="an update that says nothing that later ones of its visit do not say",
    ),
    sa.UniqueConstraint("ids", "body"),
    sa.Index(
        "messages_of_visit", "visit_id", sa.text("(superseded OR COALESCE(reason, '') = 'repeated')"), "message_id"
    ),
    sa.Index("messages_noted", "note", "message_id", postgresql_where=sa.text("note NOT IN ('applied', 'kept')")),
    sa.Index("messages_without_visit", "patient_id", postgresql_where=sa.text("visit_id IS NULL AND note = 'waiting'")),
    sa.Index("messages_kept", "message_id", postgresql_where=sa.text("note = 'kept'")),
    sa.Index("messages_of_facility", "facility", "message_id"),
    sa.Index("messages_by_trigger", "trigger", "message_id"),
    sa.Index("messages_by_control_id", "control_id", "message_id"),
    sa.Index("messages_of_patient", "patient_id", "message_id"),
    comment="every message answered AA or AE",
)

refused_messages = sa.Table(
    "refused_messages",
    INTAKE,
    sa.Column("ids", sa.LargeBinary, primary_key=True, comment="as in messages"),
    sa.Column("body", sa.LargeBinary, primary_key=True, comment="as in messages"),
    sa.Column("message_id", sa.Text, nullable=False, unique=True, comment="sorts by when it came first"),
    sa.Column("door", sa.Text, nullable=False),
    sa.Column("arrived_at", _TIME, nullable=False),
    sa.Column("last_at", _TIME, nullable=False, comment="when it came last"),
    sa.Column("times", sa.BigInteger, nullable=False, comment="how often it came"),
    sa.Column("facility", sa.Text, nullable=False),
    sa.Column("trigger", sa.Text, nullable=False),
    sa.Column("control_id", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False, comment="code of the error and where"),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="the raw message; place: its message_id"),
    comment="messages answered AR, for a limited time",
)

facts = sa.Table(
    "facts",
    INTAKE,
    sa.Column("ce_id", sa.Text, primary_key=True),
    sa.Column("episode_id", sa.Text, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("visit_id", sa.Text, comment="none: told by a request, or of the patient"),
    sa.Column("key", sa.ARRAY(sa.Text), nullable=False, comment="what it is among the facts of its visit"),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("stay_id", sa.Text),
    sa.Column("occurred_at", _TIME, nullable=False),
    sa.Column("value", sa.LargeBinary, nullable=False, comment="its own fields as JSON"),
    sa.Column("message_id", sa.Text, nullable=False, comment="who said it"),
    sa.Column("standing", sa.Boolean, nullable=False),
    sa.Column("copy_of", sa.Text, comment="ce_id of the fact of a retired episode that it copies"),
    sa.UniqueConstraint("episode_id", "sequence"),
    sa.Index("facts_of_visit", "visit_id", postgresql_where=sa.text("standing")),
    sa.Index("facts_of_requests", "episode_id", postgresql_where=sa.text("standing AND visit_id IS NULL")),
    sa.Index("facts_of_message", "message_id"),
    comment="what intake stated; standing: neither cancelled nor replaced",
)

deaths = sa.Table(
    "deaths",
    INTAKE,
    sa.Column("patient_id", sa.Text, primary_key=True),
    sa.Column("facility", sa.Text, primary_key=True),
    sa.Column("told", sa.LargeBinary, nullable=False, comment="JSON: times, control ids, ids of ours (deaths/told.py)"),
    comment="what facilities told of a patient's death, whether or not there is an episode",
)

feeds = sa.Table(
    "feeds",
    INTAKE,
    sa.Column("facility", sa.Text, primary_key=True, comment="of the site; `other` for one it doesn't have"),
    sa.Column("door", sa.Text, primary_key=True),
    sa.Column("trigger", sa.Text, primary_key=True),
    sa.Column("answer", sa.Text, primary_key=True, comment="AA, AE, AR, or `repeat`"),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("last_at", _TIME, nullable=False),
    comment="how many messages came, and when the last",
)

waiting_records = sa.Table(
    "waiting_records",
    INTAKE,
    sa.Column("number", sa.BigInteger, sa.Identity(always=True), primary_key=True, comment="their order"),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("partition", sa.Integer, nullable=False),
    sa.Column("kafka_offset", sa.BigInteger, nullable=False),
    sa.Column(
        "keys",
        sa.ARRAY(sa.LargeBinary),
        nullable=False,
        comment="keyed hashes of its key and of the ids told of the patient",
    ),
    sa.Column("arrived_at", _TIME, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="key, value and headers; place: waiting:<record>"),
    sa.Column("outcome", sa.Text, comment="once it is worked off: then it is counted, and the row goes"),
    sa.Index("waiting_records_of", "keys", postgresql_using="gin"),
    comment="records of hospital.adt about a patient with a long visit, until they are worked off",
)
