"""Offers by their table of moves: each function returns the facts to state, or raises Rejected. Pure.

The first acceptance of a search wins. An offer whose time is over can be accepted until its expiry is stated, since
only facts change a state (contract 3.6 rule 8). `accept` does not check for a free seat: its caller locks the program
and checks the returned SeatHeld with `programs.seats.may_claim`, in the same transaction.

"Raises Rejected: a reason of the table" below is one of `states.No`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from services.placement.continuum.order import midnight
from services.placement.search.search import Desk, closed, withdrawn
from services.placement.search.searches import Offer, Search
from services.placement.search.states import (
    DECLINE_REASONS,
    MEANING,
    OFFER_MOVES,
    No,
    OfferState,
    SearchState,
)
from shared.errors import Rejected
from shared.events.base import CareFact, LabelledHeading
from shared.events.placing import (
    OfferAccepted,
    OfferCountered,
    OfferDeclined,
    OfferExpired,
    OfferReopened,
    OfferSent,
    OfferWithdrawn,
    Placed,
    SeatHeld,
)
from shared.site.values import Program
from shared.values import replace, value_object


@value_object
class OfferRequest:
    """One program to offer the patient to, with the first day, track and group asked for. `variance_reason`: why
    another level than the recommended one."""

    program: Program
    start_date: date | None = None
    track: str | None = None
    group: str | None = None
    variance_reason: str | None = None


def send(
    desk: Desk,
    asked: Sequence[OfferRequest],
    expires_at: datetime | None = None,
    answer_by: Callable[[Program], datetime | None] = lambda _: None,
) -> tuple[OfferSent, ...]:
    """Offer the patient to one or several programs, all of them or none. `answer_by`: each one's own deadline, where
    `expires_at` is None.

    Raises Rejected: `no-search`, `search-closed`, `nobody-asked`, `already-asked`, `variance-reason-needed` (for
    another level than the recommended one), `unknown-group`, `unknown-track`, `expires-in-the-past`.
    """
    search = _open(desk)
    _not_over(desk, expires_at)
    if not asked:
        raise Rejected("nobody-asked", "no program was named")
    waiting = [one.program for one in search.waiting]
    for one in asked:
        _suits(one, search, waiting)
        waiting.append(one.program.id)
    return tuple(_sent(desk, search, one, expires_at or answer_by(one.program)) for one in asked)


def counter(desk: Desk, offer_id: str, start_date: date, reason: str | None = None) -> tuple[OfferCountered, ...]:
    """The program would take the patient on another day. Raises Rejected: a reason of the table."""
    offer = _moving(desk, "offer-countered", offer_id)
    return (OfferCountered(**_fields(desk, offer, start_date), reason=reason),)


def decline(desk: Desk, offer_id: str, reason: str) -> tuple[OfferDeclined, ...]:
    """The program does not take the patient. Raises Rejected: a reason of the table, `unknown-reason`."""
    offer = _moving(desk, "offer-declined", offer_id)
    if reason not in DECLINE_REASONS:
        raise Rejected("unknown-reason", "a decline needs one of the coded reasons", possible=_sorted(DECLINE_REASONS))
    return (OfferDeclined(**_fields(desk, offer), reason=reason),)


def withdraw(desk: Desk, offer_id: str, reason: str) -> tuple[OfferWithdrawn, ...]:
    """The desk withdraws the offer. Raises Rejected: a reason of the table."""
    return (withdrawn(desk, _moving(desk, "offer-withdrawn", offer_id), reason),)


def reopen(desk: Desk, offer_id: str, reason: str, expires_at: datetime | None = None) -> tuple[OfferReopened, ...]:
    """The desk makes the offer again. Raises Rejected: a reason of the table, `already-asked`,
    `expires-in-the-past`."""
    offer = _moving(desk, "offer-reopened", offer_id)
    _not_over(desk, expires_at)
    if offer.program in {one.program for one in _open(desk).waiting}:
        raise Rejected("already-asked", "another offer to this program is open", possible=("offer-withdrawn",))
    return (OfferReopened(**_fields(desk, offer), reason=reason, expires_at=expires_at),)


def expire(desk: Desk) -> tuple[OfferExpired, ...]:
    """The expiry of every unanswered offer whose time is over by now; none where the desk's search is closed and waits
    for no program's answer to a new first day."""
    if desk.search is None or (desk.search.state is not SearchState.OPEN and not desk.search.placement_id):
        return ()
    return tuple(
        OfferExpired(**_fields(desk, one, at=one.expires_at))
        for one in desk.search.waiting
        if one.expires_at is not None and one.expires_at <= desk.now
    )


def accept(desk: Desk, offer_id: str, zone: ZoneInfo, start_date: date | None = None) -> tuple[CareFact, ...]:
    """The program takes the patient: the facts that the offer is accepted, the patient placed, a seat held from the
    first day on, every other open offer withdrawn and the search closed.

    Of an offer that the desk countered since the patient leaves later, the placement and its seat are stated with the
    new day, and nothing else changes.

    `zone`: the program's. `start_date` None: the day proposed last. Raises Rejected: a reason of the table,
    `search-closed` (another program was first), `start-date-needed`.
    """
    offer = _moving(desk, "offer-accepted", offer_id)
    if offer.moves and desk.search:
        return _accept_the_new_day(desk, desk.search, offer, zone, start_date)
    search = _open(desk)
    day = start_date or offer.start_date
    if day is None:
        raise Rejected("start-date-needed", "no first day was proposed", possible=("start_date",))
    placement_id = desk.ids()
    rest = tuple(one for one in search.offers if one.offer_id != offer_id)
    left = replace(search, offers=rest)
    return (
        OfferAccepted(**_fields(desk, offer, day)),
        _placed(desk, search, offer, placement_id, day),
        _seat(desk, offer, placement_id, midnight(day, zone)),
        *closed(desk._replace(search=left), "placed"),
    )


def _accept_the_new_day(
    desk: Desk, search: Search, offer: Offer, zone: ZoneInfo, start_date: date | None
) -> tuple[CareFact, ...]:
    """Raises Rejected `start-date-needed`."""
    day, placement_id = start_date or offer.start_date, search.placement_id
    if day is None or placement_id is None:
        raise Rejected("start-date-needed", "no first day was proposed", possible=("start_date",))
    again = _placed(desk, search, offer, placement_id, day)
    return (
        OfferAccepted(**_fields(desk, offer, day)),
        again,
        _seat(desk, offer, placement_id, midnight(day, zone)),
    )


def moved(desk: Desk, offer: Offer, day: date, zone: ZoneInfo, reason: str) -> tuple[CareFact, ...]:
    """The program of a placement that has not begun takes the patient on another day: the offer is countered and
    accepted, placement and seat are stated with that day. `desk` has the offer's search."""
    if desk.search is None:
        raise Rejected(No.NO_SEARCH.value, MEANING[No.NO_SEARCH])
    return (asked_for(desk, offer, day, reason), *_accept_the_new_day(desk, desk.search, offer, zone, day))


def asked_for(desk: Desk, offer: Offer, day: date, reason: str, expires_at: datetime | None = None) -> OfferCountered:
    """The fact that another first day than the agreed one is asked for, whatever the table says of an answer."""
    return OfferCountered(**_fields(desk, offer, day), reason=reason, expires_at=expires_at)


def possible(state: OfferState) -> tuple[str, ...]:
    """Names of the facts that may be stated of an offer in this state."""
    return tuple(name for (name, at), after in OFFER_MOVES.items() if at is state and not isinstance(after, No))


def _open(desk: Desk) -> Search:
    """The desk's search, where it is open. Raises Rejected: `no-search`, `search-closed`."""
    search = desk.search
    if search is None:
        raise Rejected(No.NO_SEARCH.value, MEANING[No.NO_SEARCH], possible=("search-opened",))
    if search.state is not SearchState.OPEN:
        raise Rejected(No.SEARCH_CLOSED.value, MEANING[No.SEARCH_CLOSED], possible=("search-opened",))
    return search


def _moving(desk: Desk, name: str, offer_id: str) -> Offer:
    """The offer, where the fact `name` may be stated of it. Raises Rejected by the offer's state, then by the
    search's."""
    offers = desk.search.offers if desk.search else ()
    offer = next((one for one in offers if one.offer_id == offer_id), None)
    state = offer.state if offer else OfferState.NONE
    outcome = OFFER_MOVES[name, state]
    if offer is None or isinstance(outcome, No):
        word = outcome if isinstance(outcome, No) else No.NO_OFFER
        raise Rejected(word.value, MEANING[word], possible=possible(state) if offer else ())
    if not offer.moves:
        _open(desk)
    return offer


def _suits(asked: OfferRequest, search: Search, waiting: Iterable[str]) -> None:
    """Raises Rejected where this offer may not be sent. `waiting`: programs with an unanswered offer."""
    program = asked.program
    if program.id in waiting:
        raise Rejected("already-asked", "an offer to this program is open", possible=("offer-withdrawn",))
    if program.level != search.recommended_level and not asked.variance_reason:
        text = "another level than the recommended one needs a reason"
        raise Rejected("variance-reason-needed", text, possible=("variance_reason",))
    groups = {group.id for group in program.groups}
    if asked.group is not None and asked.group not in groups:
        raise Rejected("unknown-group", "the program has no such group", possible=_sorted(groups))
    if asked.track is not None and asked.track not in program.tracks:
        raise Rejected("unknown-track", "the program has no such track", possible=_sorted(program.tracks))


def _not_over(desk: Desk, expires_at: datetime | None) -> None:
    """Raises Rejected `expires-in-the-past`."""
    if expires_at is not None and expires_at <= desk.now:
        raise Rejected("expires-in-the-past", "an offer must leave time to answer", possible=("later",))


def _sent(desk: Desk, search: Search, asked: OfferRequest, expires_at: datetime | None) -> OfferSent:
    about = desk.about._replace(facility=asked.program.facility)
    return OfferSent(
        **about.heading(desk.now),
        offer_id=desk.ids(),
        program=asked.program.id,
        search_id=search.search_id,
        level=asked.program.level,
        start_date=asked.start_date or search.ready_on,
        track=asked.track,
        group=asked.group,
        variance_reason=asked.variance_reason if asked.program.level != search.recommended_level else None,
        expires_at=expires_at,
    )


class _OfferFields(LabelledHeading):
    """The fields that every fact about an offer has."""

    offer_id: str
    program: str
    start_date: date | None
    search_id: str | None


def _fields(desk: Desk, offer: Offer, start_date: date | None = None, at: datetime | None = None) -> _OfferFields:
    """The fields of a fact about this offer, which happened `at`, else now. `start_date` None: the day proposed
    last."""
    about = desk.about._replace(facility=offer.facility or desk.about.facility)
    return _OfferFields(
        **about.heading(desk.now, at),
        offer_id=offer.offer_id,
        program=offer.program,
        start_date=start_date or offer.start_date,
        search_id=desk.search.search_id if desk.search else None,
    )


def _placed(desk: Desk, search: Search, offer: Offer, placement_id: str, day: date) -> Placed:
    about = desk.about._replace(facility=offer.facility or desk.about.facility)
    return Placed(
        **about.heading(desk.now),
        placement_id=placement_id,
        program=offer.program,
        level=offer.level or search.recommended_level,
        track=offer.track,
        group=offer.group,
        start_date=day,
        recommended_level=search.recommended_level,
        variance_reason=offer.variance_reason,
        offer_id=offer.offer_id,
        replaces=search.placed_fact,
    )


def _seat(desk: Desk, offer: Offer, placement_id: str, since: datetime) -> SeatHeld:
    about = desk.about._replace(facility=offer.facility or desk.about.facility)
    return SeatHeld(
        **about.heading(desk.now),
        program=offer.program,
        group=offer.group,
        seat_id=desk.ids(),
        placement_id=placement_id,
        begins=since,
        reason="placed",
    )


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names))
