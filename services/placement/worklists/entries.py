"""List entries of one episode: searches, offers, placements, waiting places; the other kinds are in care.py. Pure.

Computed from the folded episode and the facts that the desk stated; an entry's id is its id in the API.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import orjson

from services.placement.continuum.model import Folded, StayState
from services.placement.continuum.order import day_of, leaving_day, midnight
from services.placement.programs import daily_visits
from services.placement.programs.askers import lines_asked_for, placements_asked_for
from services.placement.programs.seats import claims
from services.placement.rules import Rules
from services.placement.search import first_days, placements
from services.placement.search.ahead import wants
from services.placement.search.entry import ListEntry, known
from services.placement.search.receipts import receipt_of
from services.placement.search.searches import DeskFacts, Offer, Search
from services.placement.search.states import ANSWERABLE, SearchState
from services.placement.worklists.care import entries_of_care
from services.placement.worklists.leaving import days_between, entries_of_leaving
from services.placement.worklists.proposals import entries_of_proposals
from shared.events.base import CareFact
from shared.events.placing import Offer as OfferMove
from shared.events.placing import (
    Placed,
    PlacementCancelled,
    SearchOpened,
    StartMissed,
    Waitlisted,
    WaitlistLeft,
)
from shared.events.planning import ReadyForStep
from shared.events.published import as_json
from shared.events.stays import Started
from shared.facts.envelope import Fact


def entries(folded: Folded, own: DeskFacts, rules: Rules) -> tuple[ListEntry, ...]:
    """Every entry of an episode; `own` are the facts that placement's desk stated, by sequence."""
    opened = {fact.id: fact.value for fact in own if isinstance(fact.value, SearchOpened)}
    found = own.searches
    planned = folded.placements or [stay for stay in folded.stays if stay.plan]
    ahead = bool(planned) or bool([fact for fact in own if isinstance(fact.value, ReadyForStep)])
    return (
        *(_search(one, opened[one.fact], folded, rules, last=one is found[-1]) for one in found),
        *(_offer(offer, one, opened[one.fact], folded, own) for one in found for offer in one.offers),
        *_placements(folded, own, rules),
        *_waiting(own),
        *entries_of_care(folded, own, rules),
        *_daily_visits(folded, own, rules),
        *(entries_of_leaving(folded, own, rules) if ahead else ()),
        *entries_of_proposals(folded, own),
    )


def listed_from(folded: Folded) -> object:
    """What the entries of an episode are made from of which the desk stated nothing: two folds of one episode that
    have the same of it have the same entries. A leave, a session and a diagnosis change none of it."""
    if folded.authorizations or folded.conflicts or folded.ineffective or folded.placements:
        return folded  # any of it may be in what is said of them
    stays = [
        (one.key, one.aliases, one.facility, one.segments, one.ended, one.plan, one.expected_end)
        for one in folded.stays
    ]
    return (
        stays, folded.referral, folded.assessment, folded.coverage, folded.certifications, folded.plans, folded.reviews,
        folded.deaths, folded.arrivals, folded.leftovers,
    )  # fmt: skip


def _daily_visits(folded: Folded, own: DeskFacts, rules: Rules) -> Iterator[ListEntry]:
    """One entry for each open stay of daily visits, due when it ends for want of a further one."""
    for stay, program, when in daily_visits.due(folded, own, rules):
        yield ListEntry("visits", stay, program.facility, program.id, "open", when, when, {})


def mark(found: Iterable[ListEntry]) -> bytes:
    """A digest of the entries. It is stored with the episode, so that nothing is written where nothing changed."""
    told = [
        (e.kind, e.id, e.facility, e.program, e.state, e.at, e.due, e.content, e.besides, e.asked_by) for e in found
    ]
    return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).digest()[:16] if told else b""


class Trigger(NamedTuple):
    """What a search began with: `discharged`, `completed`, `discharge-planned`, `referred` or `assessed`, when and
    where."""

    what: str
    at: datetime
    facility: str


def trigger_of(search: Search, folded: Folded) -> Trigger | None:
    """What the search began with, as it is now; None where it was taken back, or a person began it."""
    for stay in folded.stays:
        if stay.ended is not None and search.trigger == (stay.ended.root or stay.ended.fact):
            return Trigger(stay.ended.how, stay.ended.at, stay.facility)
        if stay.plan is not None and search.trigger == stay.plan.root:
            return Trigger("discharge-planned", stay.plan.said_at, stay.facility)
    referral, assessment = folded.referral, folded.assessment
    if referral and referral.root == search.trigger:
        return Trigger("referred", referral.at, folded.facility)
    if assessment and search.trigger == (assessment.root or assessment.fact):
        return Trigger("assessed", assessment.at, assessment.facility or folded.facility)
    return None


def _search(search: Search, opened: SearchOpened, folded: Folded, rules: Rules, *, last: bool) -> ListEntry:
    """A search's entry. Lists sort it by the time of the discharge, whenever that became known."""
    trigger = trigger_of(search, folded)
    again = last and search.state is SearchState.CLOSED and bool(wants(folded, rules.policy))
    since = trigger.at if trigger else opened.occurred_at
    content = {
        "opened_at": opened.occurred_at.isoformat(),
        "began_with": trigger.what if trigger else None,
        "began_on": _day_of(trigger, rules).isoformat() if trigger else None,
        "begun_by": search.begun_by,
        "ready_on": search.ready_on.isoformat() if search.ready_on else None,
        "search_id": search.search_id,
        "from_level": search.from_level,
        "recommended_level": search.recommended_level,
        "needs": as_json(search.needs),
        "reasons": list(opened.reasons),
        "policy": opened.policy,
        "trigger": search.trigger,
        "reason": search.reason,
        "placement_id": search.placement_id,
        "offers": [one.offer_id for one in search.offers],
        "open_again": again or None,
    }
    due = midnight(search.needs.start_by, _UTC) if search.needs.start_by else None
    return ListEntry("search", search.search_id, opened.facility, None, str(search.state), since, due, known(content))


def _day_of(trigger: Trigger, rules: Rules) -> date:
    """The day of the trigger at the facility; an end at midnight belongs to the day before."""
    zone = rules.zone_of(trigger.facility)
    return leaving_day(trigger.at, zone) if trigger.what in {"discharged", "completed"} else day_of(trigger.at, zone)


_UTC = ZoneInfo("UTC")


def _offer(offer: Offer, search: Search, opened: SearchOpened, folded: Folded, own: Sequence[Fact]) -> ListEntry:
    told = [one for fact in own if isinstance(one := fact.value, OfferMove) and one.offer_id == offer.offer_id]
    accepted = (one for fact in own if isinstance(one := fact.value, Placed) and one.offer_id == offer.offer_id)
    placed = next(accepted, None)
    content = {
        "offer_id": offer.offer_id,
        "search_id": search.search_id,
        "program": offer.program,
        "level": offer.level,
        "start_date": offer.start_date.isoformat() if offer.start_date else None,
        "track": offer.track,
        "group": offer.group,
        "variance_reason": offer.variance_reason,
        "expires_at": offer.expires_at.isoformat() if offer.expires_at else None,
        "reason": offer.reason,
        "placement_id": placed.placement_id if placed else None,
        "sent_at": told[0].occurred_at.isoformat() if told else None,
    }
    due = offer.expires_at if str(offer.state) in {"sent", "countered"} else None
    at = (told[-1] if told else opened).occurred_at
    facility, asker = offer.facility or folded.facility, search.facility or None
    state = str(offer.state)
    return ListEntry("offer", offer.offer_id, facility, offer.program, state, at, due, known(content), asked_by=asker)


def _placements(folded: Folded, own: DeskFacts, rules: Rules) -> list[ListEntry]:
    stand = [fact.value for fact in own if fact.id not in own.fallen]
    if not any(isinstance(one, Placed) for one in stand):
        return []
    asked_for = placements_asked_for(own, own.searches)
    cancelled = {one.placement_id: one for one in stand if isinstance(one, PlacementCancelled)}
    seated = {one.placement_id for one in claims(own.seats) if one.until is None}
    told = {one.placement_id for one in stand if isinstance(one, Started)}
    found = []
    for placed in stand:
        if not isinstance(placed, Placed):
            continue
        name, program = placed.placement_id, placed.program
        stay = stay_of(folded, name)
        missed = placements.missed(own, name, placed.start_date)
        state, at = _of_placement(stay, cancelled.get(name), missed.value if missed else None, placed)
        no_effect = state == "placed" and name in told  # such a start needs no seat
        seat = True if name in seated else None if no_effect else False
        content = _placed_told(placed) | _stay_told(stay) | {"seat": seat, "start_told": no_effect or None}
        if state in {"placed", "missed", "started"}:
            content |= _handed_over(own, placed, placements.stay_of(name, folded), rules)
        if name in cancelled:
            content["reason"] = cancelled[name].reason
        if state in {"placed", "missed"}:
            days = content["days_between"] = days_between(folded, placed.start_date, rules)
            content["gap"] = True if days is not None and days > rules.site.limits.gap_days else None
            content["stay_open"] = True if first_days.still_inside(folded) else None
            content["missed_days"] = _missed_days(stand, name)
            content["asked_day"] = _asked_day(own, placed)
        due = _first_day(placed, folded, rules) if state == "placed" else None
        due = _kept_until(placed, rules) if state == "missed" else due
        asker, content = asked_for.get(name), known(content)
        found.append(ListEntry("placement", name, placed.facility, program, state, at, due, content, asked_by=asker))
    return found


def _handed_over(own: DeskFacts, placed: Placed, stay: StayState | None, rules: Rules) -> dict[str, Any]:
    """What of the handover the program has confirmed; of a stay that has begun, by whichever door, also by when, where
    something is open."""
    receipt, hours = receipt_of(own, placed.placement_id), rules.site.limits.receipt_hours
    due = None
    if stay is not None and hours is not None and not receipt.whole:
        due = max(stay.begun, placed.recorded_at) + timedelta(hours=hours)
    told = {"arrived": receipt.arrived and stay is not None, "plan_read": receipt.plan_read}
    return {
        "receipt": told if any(told.values()) else None,
        "receipt_due": due.isoformat() if due else None,
        "receipt_told": True if receipt.fact else None,
    }


def _missed_days(stand: Sequence[CareFact], placement_id: str) -> list[str] | None:
    """The first days at the program to which the patient did not come."""
    told = [one for one in stand if isinstance(one, StartMissed) and one.placement_id == placement_id]
    return sorted(one.start_date.isoformat() for one in told if one.start_date) or None


def _asked_day(own: DeskFacts, placed: Placed) -> str | None:
    """The first day that the program was asked for instead, where it has not answered."""
    offers = (offer for search in own.searches for offer in search.offers)
    found = next((one for one in offers if one.offer_id == placed.offer_id and one.moves), None)
    return found.start_date.isoformat() if found and found.state in ANSWERABLE and found.start_date else None


def _kept_until(placed: Placed, rules: Rules) -> datetime:
    """Until when a seat is kept for who did not come, as the site has it; later the list says so."""
    day = placed.start_date + timedelta(days=rules.policy.gap_days + 1)
    return midnight(day, rules.zone_of(placed.facility))


def _placed_told(placed: Placed) -> dict[str, Any]:
    return {
        "placement_id": placed.placement_id,
        "program": placed.program,
        "level": placed.level,
        "track": placed.track,
        "group": placed.group,
        "start_date": placed.start_date.isoformat(),
        "recommended_level": placed.recommended_level,
        "variance_reason": placed.variance_reason,
        "offer_id": placed.offer_id,
    }


def stay_of(folded: Folded, placement_id: str) -> StayState | None:
    """The stay that a placement became, whether the desk or an ADT message started it; None before that."""
    key = ("placement", placement_id)
    return next((s for s in folded.stays if placement_id == s.placement_id or key == s.key or key in s.aliases), None)


def _of_placement(
    stay: StayState | None, cancelled: PlacementCancelled | None, missed: CareFact | None, placed: Placed
) -> tuple[str, datetime]:
    if stay is not None:
        return ("started", stay.begun) if stay.ended is None else ("ended", stay.ended.at)
    if cancelled is not None:
        return "cancelled", cancelled.occurred_at
    return ("missed", missed.occurred_at) if missed is not None else ("placed", placed.occurred_at)


def _stay_told(stay: StayState | None) -> dict[str, Any]:
    if stay is None:
        return {}
    ended = stay.ended
    return {
        "stay": {"kind": stay.kind, "id": stay.id},
        "from": stay.begun.isoformat(),
        "to": ended.at.isoformat() if ended else None,
        "how": ended.how if ended else None,
        "reason": ended.reason if ended else None,
        "suspended": any(span.until is None for span in stay.suspended),
        "on_leave": stay.on_leave,
        "sessions": len(stay.sessions),
        "attended": sum(session.attended for session in stay.sessions),
    }


def _first_day(placed: Placed, folded: Folded, rules: Rules) -> datetime:
    """The end of the day on which the patient should come; of one who is still in a 24-hour stay the end of the days
    for which the placement is kept."""
    if first_days.still_inside(folded):
        day = placed.start_date + timedelta(days=rules.policy.gap_days + 1)
        return midnight(day, rules.zone_of(placed.facility))
    return midnight(placed.start_date + timedelta(days=1), rules.zone_of(placed.facility))


def _waiting(own: DeskFacts) -> list[ListEntry]:
    """One entry for each program that the patient waits for; its id is the ce_id of the first `waitlisted`."""
    if not any(isinstance(fact.value, Waitlisted | WaitlistLeft) for fact in own):
        return []
    found, asked_for = dict[str, ListEntry](), lines_asked_for(own)
    for fact in own:
        match fact.value:
            case Waitlisted(program=program, position=position) if fact.id not in own.fallen:
                state, content = "waiting", {"program": program, "position": position}
            case WaitlistLeft(program=program, reason=reason) if fact.id not in own.fallen:
                state, content = "left", {"program": program, "reason": reason}
            case _:
                continue
        before = found.get(program)
        name = before.id if before and before.state == "waiting" else fact.id
        facility, at, asker = fact.value.facility, fact.value.occurred_at, asked_for.get(name)
        found[program] = ListEntry("waiting", name, facility, program, state, at, None, content, asked_by=asker)
    return list(found.values())
