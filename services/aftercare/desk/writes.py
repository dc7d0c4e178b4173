"""The table of every POST of aftercare's API, and how aftercare carries one out; the rules are in the pure rooms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any, TypeAlias

from starlette.routing import BaseRoute

from services.aftercare.contacts import contacts
from services.aftercare.decisions import leftovers
from services.aftercare.decisions.commands import (
    ClearRisk,
    ClosePlan,
    DecideCalls,
    MarkExcluded,
    MarkKept,
    RecordContact,
    Refer,
    SayWhose,
    Schedule,
    Withdraw,
)
from services.aftercare.decisions.situation import Decided, Situation
from services.aftercare.desk import showing
from services.aftercare.desk.answers import (
    AftercareContactShown,
    AppointmentShown,
    FollowUpShown,
    GoneShown,
    LeftoverShown,
    PlanShown,
    ReferralShown,
    RiskShown,
)
from services.aftercare.engine import apply, views
from services.aftercare.engine.apply import Rules
from services.aftercare.plans import plans
from services.aftercare.referrals import referrals
from services.aftercare.risk import risk
from services.aftercare.windows import marks
from services.aftercare.worklists.entries import PlanEntry
from shared.errors import Rejected
from shared.storage.database import Connection, Database
from shared.web import posts, requests
from shared.web.acts import ActRequest
from shared.web.marking import Asked, snooze
from shared.web.marks import Snooze

WRITERS = ("coordinator", "clinician")
MOST_PLANS = 50
"""Plans of one episode that go on, at most: those of all facilities in scope."""
AHEAD = timedelta(minutes=5)
"""How far the asker's clock may go before ours."""
GIVEN_BACK = "leftover-given-back"
"""The act that moves facts to another episode."""
Decision = Callable[[Situation, str, Any], Decided]
Write: TypeAlias = posts.Write[Decision]
Posted: TypeAlias = posts.Posted[Decision]
_write = partial(Write, roles=WRITERS)


def _refer(now: Situation, _: str, asked: Refer) -> Decided:
    return referrals.refer(now, asked, plans.active(now).plan_id)


_MOVES = {
    "received": "receiveReferral",
    "accepted": "acceptReferral",
    "declined": "declineReferral",
    "scheduled": "scheduleReferral",
    "no-show": "recordNoShow",
    "rescheduled": "rescheduleReferral",
    "cancellation-requested": "requestCancellation",
    "cancelled": "cancelReferral",
    "completed": "completeReferral",
}
"""Move → the name of its operation."""


def _moves() -> list[Write]:
    return [
        _write(
            f"/api/referrals/{{id}}/{to}",
            "referral",
            f"referral-{to}",
            asks,
            partial(_move, to),
            f"The referral is {to}" if to != "no-show" else "The patient did not come",
            operation=_MOVES[to],
            told=ReferralShown,
        )
        for to, asks in referrals.ASKS.items()
    ]


def _move(to: str, now: Situation, referral_id: str, asked: Any) -> Decided:
    return referrals.move(now, referral_id, to, asked)


WRITES: tuple[Write, ...] = (
    _write(
        "/api/plans/{id}/closed",
        "plan",
        "plan-closed",
        ClosePlan,
        lambda now, plan_id, asked: plans.close(now, plan_id, asked.outcome),
        "Aftercare ends",
        operation="closePlan",
        told=PlanShown,
    ),
    _write(
        "/api/plans/{id}/calls",
        "plan",
        "calls-decided",
        DecideCalls,
        lambda now, plan_id, asked: plans.decide_calls(now, plan_id, asked.decision),
        "A person says whether calls go on, where it is to be asked before calling",
        operation="decideCalls",
        told={"anyOf": [PlanShown, GoneShown]},
    ),
    _write(
        "/api/referrals",
        "referral",
        "referral-made",
        Refer,
        _refer,
        "Refer the patient within the plan",
        operation="makeReferral",
        told=ReferralShown,
    ),
    *_moves(),
    _write(
        "/api/contacts",
        "contact",
        "contact-recorded",
        RecordContact,
        lambda now, _, asked: contacts.record(now, asked),
        "Record an attempt to reach or see the patient",
        operation="recordContact",
        told=AftercareContactShown,
    ),
    _write(
        "/api/contacts/{id}/withdrawn",
        "contact",
        "contact-withdrawn",
        Withdraw,
        lambda now, contact_id, asked: contacts.withdraw(now, contact_id, asked.reason),
        "A contact was recorded in error",
        operation="withdrawContact",
        told=GoneShown,
    ),
    _write(
        "/api/appointments",
        "appointment",
        "appointment-recorded",
        Schedule,
        lambda now, _, asked: contacts.schedule(now, asked),
        "Record an appointment that no referral is behind",
        operation="recordAppointment",
        told=AppointmentShown,
    ),
    _write(
        "/api/follow-ups/{id}/kept",
        "follow-up",
        "follow-up-kept",
        MarkKept,
        marks.keep,
        "It was kept",
        operation="keepFollowUp",
        told=FollowUpShown,
    ),
    _write(
        "/api/follow-ups/{id}/excluded",
        "follow-up",
        "follow-up-excluded",
        MarkExcluded,
        marks.exclude,
        "The discharge does not count",
        operation="excludeFollowUp",
        told=FollowUpShown,
    ),
    _write(
        "/api/risks/{id}/cleared",
        "risk",
        "risk-cleared",
        ClearRisk,
        lambda now, risk_id, asked: risk.clear(now, risk_id, asked.reason),
        "Somebody judges that the risk is over",
        operation="clearRisk",
        told=RiskShown,
    ),
    _write(
        "/api/leftovers/{id}/stays",
        "leftover",
        "leftover-kept",
        SayWhose,
        leftovers.stays,
        "It is this patient's",
        operation="keepLeftover",
        told=LeftoverShown,
    ),
    _write(
        "/api/leftovers/{id}/goes-back",
        "leftover",
        GIVEN_BACK,
        SayWhose,
        leftovers.goes_back,
        "It is the other patient's, and is stated there instead",
        operation="giveLeftoverBack",
        told={"anyOf": [LeftoverShown, GoneShown]},
    ),
)


def routes(database: Database, rules: Rules) -> Sequence[BaseRoute]:
    """The routes of all POSTs."""
    return posts.routes(door(database, rules), WRITES)


def door(database: Database, rules: Rules) -> posts.PostDoor[Decision]:
    """What the shared handling of POSTs (shared/web/posts.py) needs of aftercare, for the API and the desk's forms
    alike."""
    return posts.PostDoor(database, rules.clock, partial(_fit, rules), _subject, partial(_act, rules))


NOT_AGAIN = contacts.KEPT | {"declined", "cancelled"}
"""Outcomes after which nobody says when to call again: the patient was reached, or wants no calls."""


async def _fit(rules: Rules, posted: Posted) -> None:
    command = posted.command
    if isinstance(command, RecordContact) and command.call_again_on is not None and command.outcome in NOT_AGAIN:
        raise requests.unfit("call_again_on", "only who was not reached is called again on a day")
    if isinstance(command, RecordContact | MarkKept) and command.at > rules.clock() + AHEAD:
        raise requests.unfit("at", "what happened does not lie in the future")


async def _subject(connection: Connection, posted: Posted) -> str | None:
    """The id of the episode that the request is about; None where there is none that the caller may see."""
    if posted.write.makes:
        episode_id = str(getattr(posted.command, "episode_id", ""))
        facilities = await views.facilities_of(connection, episode_id) or ()
        return episode_id if posted.who.scope.has_any(facilities) else None
    row = await showing.row(connection, posted.write.kind, posted.id)
    return row.episode_id if row is not None and posted.who.may_see(row.facility) else None


async def _act(rules: Rules, connection: Connection, posted: Posted, episode_id: str) -> posts.Answer | None:
    write = posted.write
    asked = ActRequest(posted.who.subject, write.action, episode_id, posted.seen, posted.who.scope)
    acted = await apply.act(
        rules,
        connection,
        asked,
        lambda now: write.decide(now, posted.id, posted.command),
        with_kin=write.action == GIVEN_BACK,
    )
    if acted is None:
        return None
    if isinstance(posted.command, RecordContact) and posted.command.call_again_on is not None:
        await _call_again(rules, connection, posted, episode_id, posted.command.call_again_on)
    [subject] = acted.subjects
    row = await showing.row(connection, write.kind, subject)
    if row is None:
        return posts.Answer({"id": subject}, acted.version)
    [seen] = await showing.seen_by(connection, posted.who.scope, [row])
    return posts.Answer(showing.shown(seen, rules.clock()), acted.version)


async def _call_again(rules: Rules, connection: Connection, posted: Posted, episode_id: str, day: date) -> None:
    """Take the call that is asked for out of the list until this day begins at its facility. Raises Rejected where none
    is asked for, or somebody else has it; a 422 Problem for a day that is not to come, or too far off."""
    found = await views.list_entries(
        connection, "plan", state="active", episode_id=episode_id, scope=posted.who.scope, limit=MOST_PLANS
    )
    due = [plan for plan in found if isinstance(plan.value, PlanEntry) and plan.value.contact_due is not None]
    if not due:
        raise Rejected("no-call-asked", "no call is asked for after this contact: leave the day out")
    asked = Asked(posted.who, rules.clock(), WRITERS)
    for plan in due:
        entry = showing.seen_entry(plan, rules)
        await snooze(connection, entry, asked, Snooze(until=day, reason="called-back-later"), "call_again_on")
