"""The table of worklists: each row makes a list in the API, in its counts and on the coordinators' page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from services.placement.worklists import columns, work
from services.placement.worklists.work import Condition, EntriesOf, WithheldFacts
from shared.web.listing import Listing
from shared.web.marks import ACTS
from shared.web.tables import PAYER, PLACEMENT, PLAIN, TO_BE_SETTLED, Table, shared_work

CARE: Final = ("coordinator", "clinician", "auditor", "billing")
EVERYBODY: Final = (*CARE, "program")
REVIEWING: Final = (*CARE, "reviewer")
"""Who may see stays at programs, authorizations and plans."""
READERS: Final = (*EVERYBODY, "reviewer")
"""Who has a desk."""
DISCLOSING: Final = ("coordinator", "auditor")
"""Who may see what leaves the house, on what basis, and what waits for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worklist:
    """One worklist: its `name` in addresses, and the entries that it is `of`, the oldest first.

    `waits`: what waits in it, its title in the API, for `readers`; empty: it is not in the API. `title`, `hint` (else
    `waits`) and `empty` are texts of the page; without a `title` it is not on the page, where its lines are the late
    ones of another list. `on_page`: roles whose page has it, where not all readers' has. `late`: the condition for an
    urgent line; their number is shown with the word `urgent`. `first`: shown on the first page too. `also`: older names
    in the page's addresses. `group`: whose work it is, `table`: its columns, filters and order on the page.
    drawing.DRAWN has how a line of each kind is shown, cells.py what its columns show.
    """

    name: str
    of: EntriesOf | WithheldFacts | Literal["programs"]
    readers: tuple[str, ...] = EVERYBODY
    waits: str = ""
    title: str = ""
    hint: str = ""
    empty: str = ""
    on_page: tuple[str, ...] = ()
    late: Condition | None = None
    urgent: str = "overdue"
    first: bool = True
    also: tuple[str, ...] = ()
    group: str = PLACEMENT
    table: Table = PLAIN

    @property
    def listing(self) -> Listing:
        """The list as the shared desk page takes it."""
        hint, taken = self.hint or f"{self.waits}.", isinstance(self.of, EntriesOf)
        return Listing(
            self.name, self.title, hint, self.empty, self, self.urgent, first=self.first, also=self.also,
            group=self.group, table=shared_work(self.table) if taken else self.table, bulk=ACTS if taken else (),
        )  # fmt: skip


_USED_UP: Final = EntriesOf("authorization", more=work.used_up)
WORKLISTS: Final[tuple[Worklist, ...]] = (
    Worklist(
        name="searches-open",
        of=EntriesOf("search", ("open",)),
        waits="Patients for whom a program is looked for",
        title="To be placed",
        hint="Patients who need a program, the longest waiting first.",
        empty="Nobody is waiting for a program.",
        on_page=CARE,
        late=work.over,
        also=("searches",),
        table=columns.TO_PLACE,
    ),
    Worklist(
        name="countered",
        of=EntriesOf("offer", ("countered",)),
        title="Another day proposed",
        hint="The program would take the patient on another day, or was asked for one: it is accepted, or withdrawn.",
        empty="No program proposed another day.",
        late=work.unanswered,
        urgent="time over",
        table=columns.OFFERED,
    ),
    Worklist(
        name="offers",
        of=EntriesOf("offer", ("sent",)),
        title="Offers out",
        hint="Programs that were asked and have not answered.",
        empty="No offer waits for an answer.",
        late=work.unanswered,
        urgent="time over",
        table=columns.OFFERED,
    ),
    Worklist(
        name="offers-overdue",
        of=EntriesOf("offer", ("sent", "countered"), work.unanswered),
        waits="Offers that wait for an answer for too long",
    ),
    Worklist(
        name="placed",
        of=EntriesOf("placement", ("placed",)),
        title="First days",
        hint="Placed, and not yet started; those whose day is over need a word.",
        empty="Nobody is about to start.",
        late=work.over,
        table=columns.PLACED,
    ),
    Worklist(
        name="starts-due",
        of=EntriesOf("placement", ("placed",), work.over),
        waits="First days that have passed, and nobody said whether the patient came",
    ),
    Worklist(
        name="arrivals-expected",
        of=EntriesOf("arrival", ("expected",)),
        waits="Patients whom a hospital expects",
        title="Arrivals expected",
        hint="Who is to come, by what hospitals told (pre-admissions); the start of the visit ends it.",
        empty="No hospital expects anybody.",
        late=work.over,
        first=False,
        table=columns.EXPECTED,
    ),
    Worklist(
        name="leaving",
        of=EntriesOf("leaving", ("nothing-arranged", "looked-for"), work.leaving),
        waits="Patients who leave soon, and nothing is arranged",
        title="Leaving soon",
        hint="Who is expected to leave within the site's days, and no program has taken them yet.",
        empty="Everybody who leaves soon has a next program.",
        on_page=CARE,
        late=work.over,
        table=columns.LEAVING,
    ),
    Worklist(
        name="gap",
        of=EntriesOf("placement", ("placed",), work.gapped),
        late=work.over,
        waits="Placements with many days between the end of the stay and the first day",
        title="Gaps",
        hint="More days between the end of the stay and the first day than the site takes for good.",
        empty="Nobody waits long for a first day.",
        on_page=CARE,
        first=False,
        table=columns.PLACED,
    ),
    Worklist(
        name="ready-for-step",
        of=EntriesOf("ready", ("waiting",)),
        waits="Patients who are ready to step down and wait",
        title="Ready, and waiting",
        hint="Ready for a less intensive level, and still there: what each one waits for, the longest first.",
        empty="Nobody who is ready waits.",
        on_page=CARE,
        first=False,
        table=columns.READY,
    ),
    Worklist(
        name="step-up-proposed",
        of=EntriesOf("proposal", ("open",)),
        waits="Steps up that a referral or an assessment proposes",
        title="Steps up proposed",
        hint="A referral or an assessment asks for a more intensive level than the patient is at: look for it, or not.",
        empty="No step up is proposed.",
        on_page=CARE,
        table=columns.READY,
    ),
    Worklist(
        name="missed",
        of=EntriesOf("placement", ("placed", "missed"), work.missed),
        waits="First days missed, as was told, or over without a word; placement and seat stand",
        title="First days missed",
        hint="The patient did not come, or nobody said so: another first day is given, or the placement cancelled.",
        empty="No first day was missed.",
        late=work.kept_too_long,
        urgent="seat kept for long",
        table=columns.PLACED,
    ),
    Worklist(
        name="handovers-open",
        of=EntriesOf("placement", ("placed", "missed", "started"), work.unconfirmed),
        waits="Stays at a program that has not confirmed the handover in the site's time",
        title="Handovers not confirmed",
        hint="The stay has begun, and the program has not said that the patient came and that it read the packet.",
        empty="Every program has confirmed its handovers.",
        first=False,
        table=columns.THERE,
    ),
    Worklist(
        name="no-seat",
        of=EntriesOf("placement", ("placed", "started"), work.seatless),
        waits="Placements and stays at a program without a seat",
        title="Without a seat",
        hint="Placed or there already, and the program has no seat for them.",
        empty="Everybody who is placed has a seat.",
        table=columns.THERE,
    ),
    Worklist(
        name="ineffective",
        of=EntriesOf("ineffective", ("open",)),
        waits="What was told and has no effect",
        title="Told without effect",
        hint="What somebody said and cannot be so; who said it takes it back, or says what is missing.",
        empty="Everything that was told has its effect.",
        on_page=CARE,
        group=TO_BE_SETTLED,
        table=columns.TOLD,
    ),
    Worklist(
        name="conflicts",
        of=EntriesOf("conflict", ("open",)),
        waits="Facts that contradict each other",
        title="Conflicts",
        hint="Facts that cannot both be so; a person says which one falls.",
        empty="Nothing contradicts itself.",
        on_page=CARE,
        group=TO_BE_SETTLED,
        table=columns.TOLD,
    ),
    Worklist(
        name="leftovers",
        of=EntriesOf("leftover", ("open",)),
        readers=CARE,
        waits="What a merge that was taken back left with the patient who stays",
        title="Left by a merge",
        hint="Stated while two records were one, and hanging on neither now: say whose it is, or end it.",
        empty="No merge left anything.",
        first=False,
        group=TO_BE_SETTLED,
        table=columns.TOLD,
    ),
    Worklist(
        name="authorizations-ending",
        of=EntriesOf("authorization", more=work.ending),
        readers=READERS,
        waits="Authorizations that end within a week",
        title="Authorizations ending",
        hint="Their last day is within a week.",
        empty="No authorization ends within a week.",
        on_page=REVIEWING,
        first=False,
        also=("ending",),
        group=PAYER,
        table=columns.ALLOWED,
    ),
    Worklist(
        name="authorizations-used-up",
        of=_USED_UP,
        readers=READERS,
        waits="Authorizations with nothing left",
        title="Authorizations used up",
        hint="Nothing is left of what the payer allowed, and care goes on.",
        empty="Every authorization has something left.",
        on_page=REVIEWING,
        also=("used-up",),
        group=PAYER,
        table=columns.ALLOWED,
    ),
    Worklist(name="authorizations-exhausted", of=_USED_UP, waits="Authorizations that are used up (older name)"),
    Worklist(
        name="last-covered-day",
        of=EntriesOf("review", ("ahead", "due", "overdue"), work.of_reviews(*work.OF_THE_LAST_DAY)),
        readers=READERS,
        waits="Open stays by the last day that is authorized",
        title="Last covered day",
        hint="Who is here, and until when the payer has authorized it; the first to end first.",
        empty="Nobody is here on an authorization.",
        on_page=REVIEWING,
        late=work.late_review,
        first=False,
        group=PAYER,
        table=columns.COVERED,
    ),
    Worklist(
        name="denied-in-time",
        of=EntriesOf("review", ("ahead", "due"), work.of_reviews(*work.OF_DENIALS)),
        readers=READERS,
        waits="Denials against which something can still be said",
        title="Denied, still in time",
        hint="A call with the payer's physician or an appeal is possible until that day.",
        empty="Nothing can be said against a denial.",
        on_page=REVIEWING,
        late=work.on_its_lead_day,
        urgent="time nearly over",
        group=PAYER,
        table=columns.OF_A_PAYER,
    ),
    Worklist(
        name="reviews-due",
        of=EntriesOf("plan", ("current", "due", "overdue"), work.to_review, also=("review",)),
        readers=READERS,
        waits="Reviews that are due: what payers wait for, and plans to look at again",
        title="Reviews due",
        hint="What a payer waits for, and plans whose day to be looked at again is over.",
        empty="No plan waits for its review, and no payer for anything.",
        on_page=REVIEWING,
        late=work.late_to_review,
        table=columns.OF_A_PAYER,
    ),
    Worklist(
        name="certifications-due",
        of=EntriesOf("review", ("due", "overdue"), work.of_reviews(*work.OF_CERTIFICATION)),
        readers=READERS,
        waits="Certifications that a physician has to sign",
        title="Certifications due",
        hint="A physician has to certify that the level is needed, by that day.",
        empty="No certification is due.",
        on_page=REVIEWING,
        late=work.late_review,
        group=PAYER,
        table=columns.SIGNED,
    ),
    Worklist(
        name="length-of-stay",
        of=EntriesOf("review", ("due", "overdue"), work.of_reviews("length-of-stay")),
        readers=READERS,
        waits="Stays that last as long as is expected, or longer",
        title="Length of stay",
        hint="They have lasted as long as the site expects for the payer and level: what is the next step?",
        empty="No stay is longer than expected.",
        on_page=REVIEWING,
        late=work.late_review,
        first=False,
        group=PAYER,
        table=columns.SIGNED,
    ),
    Worklist(
        name="doses-due",
        of=EntriesOf("medication", ("active",), work.dose_due),
        readers=CARE,
        waits="Doses due before the first appointment",
        title="Doses due",
        hint="The next dose is due within a week, and before the first day at a program that is known.",
        empty="Nobody needs a dose before the first day.",
        late=work.over,
        first=False,
        table=columns.DOSES,
    ),
    Worklist(
        name="withheld",
        of=WithheldFacts(),
        readers=DISCLOSING,
        waits="What waits for a consent or another basis before it may leave",
        title="Waiting for a consent",
        hint="It leaves by itself once there is a consent, or another basis.",
        empty="Nothing waits for a consent.",
        first=False,
        group=TO_BE_SETTLED,
        table=columns.WITHHELD,
    ),
    Worklist(
        name="seats",
        of="programs",
        title="Seats",
        hint="Every program and how full it is now.",
        empty="The site has no programs.",
        urgent="full",
        table=columns.SEATS,
    ),
    Worklist(
        name="waiting",
        of=EntriesOf("waiting", ("waiting",)),
        title="Waiting lists",
        hint="Who waits for a seat, the longest first.",
        empty="Nobody is on a waiting list.",
        first=False,
        table=columns.IN_LINE,
    ),
    Worklist(
        name="started",
        of=EntriesOf("placement", ("started",)),
        title="In a program",
        hint="Stays that have begun.",
        empty="Nobody is in a program.",
        first=False,
        table=columns.THERE,
    ),
    Worklist(
        name="closed",
        of=EntriesOf("search", ("closed",)),
        readers=CARE,
        title="Searches closed",
        hint="What came of earlier searches; one that a person closed can be opened again.",
        empty="No search was closed.",
        first=False,
        table=columns.SOUGHT,
    ),
)
