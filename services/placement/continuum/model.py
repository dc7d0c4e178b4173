"""The state of one episode as the fold derives it from its facts: frozen values, no rules.

Times are datetimes with an offset. A field `fact` holds the ce_id of the fact that said it; `root` the ce_id of the
first fact of its chain of replacements, which stays the same when the fact is restated (contract 4, Identity).
"""

from __future__ import annotations

from dataclasses import field
from datetime import date, datetime

from services.placement.continuum.standing import (
    EndedMerge,
    ExpectedArrival,
    FirstReferral,
    LatestAssessment,
    Leftover,
    ReviewAnswer,
    StandingAuthorization,
    StandingCertification,
    StandingPlacement,
    StandingPlan,
    StandingReview,
    Window,
)
from shared.events.base import Admission, Disposition, PatientNumber, StayKind
from shared.events.continuum import ClosedReason
from shared.events.episodes import EpisodeStateName, HowEnded
from shared.events.levels import Level
from shared.events.stays import Coverage, LeaveKind, Service
from shared.values import value_object

FOLD_VERSION = 14
"""Raised by one whenever the fold, the announcements or the service periods give another result for the same facts;
episodes stored with an older version are folded anew."""

BY_VISIT = "visit:"
"""What the session_id of a day begins with that a visit tells, where visits are one stay; the visit's id follows."""

StayKey = tuple[StayKind, str]
"""(kind, id) of a stay: a hospital's visit number, or the id of a placement."""


@value_object
class Segment:
    """A stretch of a stay in one unit or program; it lasts until the next segment begins or the stay ends.

    `level` None: a visit without a level. `fact` began the segment.
    """

    since: datetime
    level: Level | None
    unit: str | None
    program: str | None
    fact: str
    root: str


@value_object
class Away:
    """A leave, [since, until); `until` None: the patient is still away."""

    since: datetime
    until: datetime | None
    kind: LeaveKind
    fact: str


@value_object
class Ending:
    """The end of a stay. `how`: the name of the fact that ended it: discharged, completed, discontinued,
    visit-ended."""

    at: datetime
    how: HowEnded
    fact: str
    disposition: Disposition | None = None
    reason: str | None = None
    root: str = ""
    """Empty where the fact was never restated."""


@value_object
class Session:
    """One session that counts, attended or missed; of a missed one `services` is empty and `reason` is set."""

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
    """A time [since, until); `until` None: it goes on."""

    since: datetime
    until: datetime | None


@value_object
class StayDiagnosis:
    """A diagnosis of a stay; `rank` 1 is principal, `status` is the diagnosis type (HL7 DG1-6) by the site's table."""

    system: str
    code: str
    rank: int
    fact: str
    status: str = "unknown"


@value_object
class PlannedEnd:
    """The plan of a stay's end that stands: said at `said_at` (clinical time), for `at`; None: no day was told.

    `disposition`: how the patient is expected to leave, where that was told.
    """

    said_at: datetime
    fact: str
    root: str
    at: datetime | None = None
    disposition: Disposition | None = None


@value_object
class StayState:
    """One stay as the active facts have it; the fact of its first segment began it."""

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
    """The patient's age when the stay began, as the fact that began it says."""
    patient: PatientNumber | None = None
    attending_npi: str | None = None
    diagnoses: tuple[StayDiagnosis, ...] = ()
    """By rank."""
    placement_id: str | None = None
    """The placement that the stay carries out; None: it has none."""
    corroborated_by: tuple[str, ...] = ()
    """ce_ids of the other starts of this stay: a start may come by ADT and from the desk (contract 3.6 rule 2)."""
    aliases: tuple[StayKey, ...] = ()
    """Keys that other starts of this stay have; later facts may name the stay by any of them."""
    labels: tuple[str, ...] = ()
    """The labels of all facts about this stay, sorted."""
    expected_end: datetime | None = None
    """When its discharge is expected, by the latest plan; None: none is expected."""
    plan: PlannedEnd | None = None
    """The latest plan of its end, by whoever said it, unless it was cancelled (contract 3.7)."""

    @property
    def kind(self) -> StayKind:
        """A visit at a hospital, or a placement at a program."""
        return self.key[0]

    @property
    def id(self) -> str:
        """The hospital's visit number, or the id of the placement."""
        return self.key[1]

    @property
    def begun(self) -> datetime:
        """The clinical time at which the stay began."""
        return self.segments[0].since

    @property
    def level(self) -> Level | None:
        """The latest level of the stay; None for a visit without one."""
        return self.segments[-1].level

    @property
    def program(self) -> str | None:
        """The latest program of the stay; None where it is at none."""
        return self.segments[-1].program

    @property
    def open(self) -> bool:
        """True until a fact ended it."""
        return self.ended is None

    @property
    def on_leave(self) -> bool:
        """True while an open stay has a leave that goes on."""
        return self.open and bool(self.away) and self.away[-1].until is None


@value_object
class CoverageFrom:
    """The payers from a day on, by their order."""

    day: date
    coverage: tuple[Coverage, ...]
    fact: str
    root: str = ""
    """Empty where the fact was never restated."""


@value_object
class LevelChange:
    """The episode's level from an instant on, and the stay that has it; both None where no stay with a level is
    open."""

    at: datetime
    level: Level | None
    stay: StayKey | None


@value_object
class Conflict:
    """Facts that cannot all be true; the same kind and facts always give the same id."""

    id: str
    kind: str
    facts: tuple[str, ...]
    at: datetime


@value_object
class Closing:
    """The episode was closed from `at` on, until a stay that begins later reopens it.

    `reason` is aftercare-closed, episode-ended, deceased or merged. `reopened_at` None: it is still closed.
    """

    at: datetime
    reason: ClosedReason
    fact: str
    root: str
    reopened_at: datetime | None = None
    reopened_by: StayKey | None = None


@value_object
class Death:
    """The patient's death at `at`, as one facility reported it (contract 3.6 rule 13).

    `told`: by a patient-died fact; else only by the way in which a stay ended. `contradicted`: the message that
    reported it also says PID-30 `N`.
    """

    at: datetime
    facility: str
    fact: str
    root: str
    told: bool = True
    contradicted: bool = False


@value_object
class Merged:
    """A merge that stands: what `facility` holds of the retired patient is the surviving one's, in episode `into`.

    `patient_id` survives. `by`: message or person, who said it; None where that was not told.
    """

    facility: str
    into: str
    patient_id: str
    retired_patient_id: str
    at: datetime
    fact: str
    root: str
    by: str | None = None
    episode_patient_id: str = ""
    """Whose the episode was; the surviving patient's own where that one's began later than the retired one's."""


@value_object
class Folded:
    """The state of one episode, derived from all its active facts; equal sets of facts give equal values, in whatever
    order they came.

    `ineffective`: ce_id → the reason of contract 3.6 why that fact has no effect. `last`: the clinical time of the
    latest fact in it; facts after it can be added without folding all facts again.
    """

    episode_id: str
    patient_id: str = ""
    facility: str = ""
    labels: tuple[str, ...] = ()
    stays: tuple[StayState, ...] = ()
    """In the order in which they began."""
    levels: tuple[LevelChange, ...] = ()
    coverage: tuple[CoverageFrom, ...] = ()
    """In the order of their days."""
    conflicts: tuple[Conflict, ...] = ()
    """Those that nobody has settled."""
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
    """In clinical order."""
    referral: FirstReferral | None = None
    assessment: LatestAssessment | None = None
    last: datetime | None = None
    version: int = FOLD_VERSION
    assessed_at: datetime | None = None
    state: EpisodeStateName = "void"
    since: datetime | None = None
    """Since when the episode has its present state and level."""
    closings: tuple[Closing, ...] = ()
    """Every time that the episode was closed, reopened or not; in clinical order."""
    settled: tuple[str, ...] = ()
    """Ids of the conflicts that a person settled."""
    deaths: tuple[Death, ...] = ()
    """By time; each stands until who reported it takes it back or a person settles that it is not so (contract 3.6
    rule 13)."""
    disbelieved: tuple[str, ...] = ()
    """Facilities whose report of a death fell when a person settled a conflict; the way in which a stay ended there is
    no report of a death either."""
    said_at: dict[str, str] = field(default_factory=dict)
    """ce_id of each fact without effect → its facility."""
    awaited: tuple[str, ...] = ()
    """ce_ids that facts name and that have not come yet; when one comes, all facts have to be folded again."""
    arrivals: tuple[ExpectedArrival, ...] = ()
    """Stays that a hospital expects, by their ids; also those that have begun since."""
    merged: tuple[Merged, ...] = ()
    """The merges that stand in this episode, by facility: those by which its records count in another one, and those by
    which it has another patient (contract 3.6 rule 11)."""
    plans: tuple[StandingPlan, ...] = ()
    """In clinical order."""
    reviews: tuple[StandingReview, ...] = ()
    """By review_id."""
    answers: tuple[ReviewAnswer, ...] = ()
    """What was said to be done, by review_id, also of reviews that are not due now."""
    copies: dict[str, str] = field(default_factory=dict)
    """ce_id → ce_id of the fact of a retired episode that it copies."""

    ended_merges: tuple[EndedMerge, ...] = ()
    """Merges into this episode that were taken back, by time."""
    leftovers: tuple[Leftover, ...] = ()
    """What they left here, in the order in which it was stated."""

    @property
    def retiring(self) -> tuple[Merged, ...]:
        """The merges by which records of this episode count in another one."""
        return tuple(one for one in self.merged if one.into != self.episode_id)

    @property
    def level(self) -> Level | None:
        """The episode's present level, that of its most intensive open stay; None where no stay with a level is
        open."""
        return self.levels[-1].level if self.levels else None
