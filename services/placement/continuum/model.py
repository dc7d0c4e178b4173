"""What a fold of facts knows of one episode, as frozen values; nothing here decides.

Times are aware datetimes. A fact is named by its ce_id; `root` is the ce_id of the first fact of its chain of
replacements, so that it stays the same when a fact is restated (contract 4, Identity).
"""

from __future__ import annotations

from dataclasses import field
from datetime import date, datetime

import msgspec

from shared.events.authorizations import AuthorizationUnit
from shared.events.base import Admission, Disposition, PatientNumber, Stay, StayKind
from shared.events.continuum import ClosedReason
from shared.events.episodes import EpisodeStateName, HowEnded
from shared.events.levels import Level
from shared.events.published import PublishedStruct
from shared.events.stays import Coverage, LeaveKind, Service
from shared.values import value_object

FOLD_VERSION = 7
"""Raised whenever fold or periods give another result for the same facts; rows with an older one are folded anew."""

StayKey = tuple[StayKind, str]
"""(kind, id)."""


@value_object
class Segment:
    """A stretch of a stay in one place: it lasts until the next segment begins, or the stay ends."""

    since: datetime
    level: Level | None
    unit: str | None
    program: str | None
    fact: str
    root: str


@value_object
class Away:
    """A leave: from `since` until `until`, or still away."""

    since: datetime
    until: datetime | None
    kind: LeaveKind
    fact: str


@value_object
class Ending:
    """What ended a stay: the ending fact's name (discharged, completed, discontinued, visit-ended)."""

    at: datetime
    how: HowEnded
    fact: str
    disposition: Disposition | None = None
    reason: str | None = None
    root: str = ""
    """Empty where the fact was never restated."""


@value_object
class Session:
    """One attended or missed session; `services` is empty and `reason` set when it was missed."""

    session_id: str
    day: date
    attended: bool
    fact: str
    services: tuple[Service, ...] = ()
    reason: str | None = None
    root: str = ""
    """Empty where the fact was never restated."""


@value_object
class Span:
    """[since, until): until None means it goes on."""

    since: datetime
    until: datetime | None


@value_object
class StayDiagnosis:
    """A diagnosis of a stay; `rank` 1 is principal, `status` is DG1-6 as the site reads it."""

    system: str
    code: str
    rank: int
    fact: str
    status: str = "unknown"


@value_object
class StayState:
    """One stay, by the facts that stand. The first segment's fact began it."""

    key: StayKey
    facility: str
    segments: tuple[Segment, ...]
    away: tuple[Away, ...] = ()
    sessions: tuple[Session, ...] = ()
    ended: Ending | None = None
    suspended: tuple[Span, ...] = ()
    visit_class: str | None = None
    visit_number: str | None = None
    admission: Admission = Admission()
    age_years: int | None = None
    """Age at the beginning, as the fact that began it says."""
    patient: PatientNumber | None = None
    attending_npi: str | None = None
    diagnoses: tuple[StayDiagnosis, ...] = ()
    """In the order of rank."""
    placement_id: str | None = None
    corroborated_by: tuple[str, ...] = ()
    aliases: tuple[StayKey, ...] = ()
    """Other names of this stay: a start told twice names two, and each writer goes on with its own."""
    labels: tuple[str, ...] = ()
    """Of all facts about this stay, sorted."""
    expected_end: datetime | None = None
    """When its discharge was last expected; None: nobody expects one."""

    @property
    def kind(self) -> StayKind:
        """A visit at a hospital, or a placement at a program."""
        return self.key[0]

    @property
    def id(self) -> str:
        """Visit id or placement id."""
        return self.key[1]

    @property
    def begun(self) -> datetime:
        """Clinical time of the beginning."""
        return self.segments[0].since

    @property
    def level(self) -> Level | None:
        """The level last in force; None for a visit without one."""
        return self.segments[-1].level

    @property
    def program(self) -> str | None:
        """The program last in force."""
        return self.segments[-1].program

    @property
    def open(self) -> bool:
        """True until a fact ended it."""
        return self.ended is None

    @property
    def on_leave(self) -> bool:
        """True while a leave goes on in an open stay."""
        return self.open and bool(self.away) and self.away[-1].until is None


@value_object
class CoverageFrom:
    """From this day on, these payers in order."""

    day: date
    coverage: tuple[Coverage, ...]
    fact: str
    root: str = ""
    """Empty where the fact was never restated."""


@value_object
class LevelChange:
    """The episode's level from an instant on: None where no stay with a level is open. `stay` holds it."""

    at: datetime
    level: Level | None
    stay: StayKey | None


@value_object
class Conflict:
    """Facts that can't all be so: the same facts and kind give the same id."""

    id: str
    kind: str
    facts: tuple[str, ...]
    at: datetime


@value_object
class Closing:
    """The episode was over from `at` on, until a stay that begins later takes it up again.

    `reason` is aftercare-closed, episode-ended or deceased; `fact` said so.
    """

    at: datetime
    reason: ClosedReason
    fact: str
    root: str
    reopened_at: datetime | None = None
    reopened_by: StayKey | None = None


@value_object
class Death:
    """The patient died at `at`, as the facility says; `contradicted`: its message says the opposite as well.

    `told`: by a fact of its own, not only by how a stay ended.
    """

    at: datetime
    facility: str
    fact: str
    root: str
    told: bool = True
    contradicted: bool = False


@value_object
class Window:
    """A follow-up window that aftercare told, and how it ended: None, kept, missed, excluded."""

    follow_up_id: str
    measure: str
    due_to: date
    outcome: str | None
    fact: str


@value_object
class StandingPlacement:
    """A `placed` fact that stands."""

    placement_id: str
    at: datetime
    fact: str
    program: str
    level: Level
    start_date: date
    variance_reason: str | None = None


class StandingAuthorization(PublishedStruct):
    """What a payer was asked for or allowed, by its latest facts; `begins` to `to`, inclusive.

    `in_force`: approved once, and then as last approved, extended or ended; `status` is the last fact's name.
    """

    auth_id: str
    number: str | None = None
    payer: str
    level: Level
    unit: AuthorizationUnit
    units: int | None = None
    begins: date = msgspec.field(name="from")
    to: date
    facility: str
    status: str
    in_force: bool
    fact: str


class StandingCertification(PublishedStruct):
    """A certification that stands; `begins` to `to`, inclusive. No stay: of none in particular."""

    kind: str
    begins: date = msgspec.field(name="from")
    to: date
    npi: str
    stay: Stay | None = None
    fact: str


@value_object
class FirstReferral:
    """The first referral that stands."""

    at: datetime
    facility: str
    fact: str
    root: str
    source: str
    requested_level: Level | None = None


@value_object
class LatestAssessment:
    """The latest assessment that recommends a level."""

    at: datetime
    recommended_level: Level
    fact: str
    instrument: str


@value_object
class Folded:
    """One episode by all its standing facts. Two sets of the same facts give equal values, in whatever order they came.

    `ineffective` maps a ce_id to the word of contract 3.6 that says why it has no effect.
    `last` is the sort key's instant of the last fact that went in: what comes later may be added without a new fold.
    """

    episode_id: str
    patient_id: str = ""
    facility: str = ""
    labels: tuple[str, ...] = ()
    stays: tuple[StayState, ...] = ()
    """In the order of their beginnings."""
    levels: tuple[LevelChange, ...] = ()
    coverage: tuple[CoverageFrom, ...] = ()
    """In the order of their days."""
    conflicts: tuple[Conflict, ...] = ()
    """Not settled."""
    windows: tuple[Window, ...] = ()
    ineffective: dict[str, str] = field(default_factory=dict)
    referred_at: datetime | None = None
    aftercare_at: datetime | None = None
    aftercare_closed_at: datetime | None = None
    ended_at: datetime | None = None
    ended_reason: ClosedReason | None = None
    placements: tuple[StandingPlacement, ...] = ()
    authorizations: tuple[StandingAuthorization, ...] = ()
    """By auth_id."""
    certifications: tuple[StandingCertification, ...] = ()
    """In the order they were told."""
    referral: FirstReferral | None = None
    assessment: LatestAssessment | None = None
    last: datetime | None = None
    version: int = FOLD_VERSION
    assessed_at: datetime | None = None
    state: EpisodeStateName = "void"
    since: datetime | None = None
    """Since when state and level are so."""
    closings: tuple[Closing, ...] = ()
    """Every time it was closed, taken up again or not; in clinical order."""
    settled: tuple[str, ...] = ()
    """Ids of the conflicts that a person settled."""
    deaths: tuple[Death, ...] = ()
    """By time; they stand until their tellers take them back, or a person lets them fall (contract 3.6 rule 13)."""
    disbelieved: tuple[str, ...] = ()
    """Facilities whose word of a death a person let fall: how a stay ended there tells none either."""
    said_at: dict[str, str] = field(default_factory=dict)
    """ce_id of each fact without effect → the facility that it is of."""
    awaited: tuple[str, ...] = ()
    """ce_ids that a fact names and nobody has stated yet. Only bookkeeping: when one comes, fold anew."""

    @property
    def level(self) -> Level | None:
        """The episode's level now: of the most intensive open stay."""
        return self.levels[-1].level if self.levels else None
