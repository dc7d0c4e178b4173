"""The tables of moves of a search and of an offer, and the reasons why a move is refused; data only."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal, get_args


class SearchState(StrEnum):
    """The states of a search; NONE: there is none."""

    NONE = "none"
    OPEN = "open"
    CLOSED = "closed"


class OfferState(StrEnum):
    """The states of an offer; NONE: there is none. An offer that is reopened is in SENT again."""

    NONE = "none"
    SENT = "sent"
    COUNTERED = "countered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class No(StrEnum):
    """Why a fact may not be stated of a search or an offer in its present state."""

    NO_SEARCH = "no-search"
    SEARCH_OPEN = "search-open"
    SEARCH_CLOSED = "search-closed"
    NO_OFFER = "no-offer"
    ALREADY_SENT = "already-sent"
    STILL_OPEN = "still-open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


MEANING: Final[dict[No, str]] = {
    No.NO_SEARCH: "no program is looked for",
    No.SEARCH_OPEN: "a search is open already",
    No.SEARCH_CLOSED: "the search is closed",
    No.NO_OFFER: "there is no such offer in this search",
    No.ALREADY_SENT: "the offer was sent already",
    No.STILL_OPEN: "the offer is still open",
    No.ACCEPTED: "the offer was accepted",
    No.DECLINED: "the program declined the offer",
    No.EXPIRED: "the offer has expired",
    No.WITHDRAWN: "the offer was withdrawn",
}

SEARCH_MOVES: Final[dict[tuple[str, SearchState], SearchState | No]] = {
    ("search-opened", SearchState.NONE): SearchState.OPEN,
    ("search-opened", SearchState.OPEN): No.SEARCH_OPEN,
    ("search-opened", SearchState.CLOSED): SearchState.OPEN,
    ("search-closed", SearchState.NONE): No.NO_SEARCH,
    ("search-closed", SearchState.OPEN): SearchState.CLOSED,
    ("search-closed", SearchState.CLOSED): No.SEARCH_CLOSED,
}
"""(fact, state of the episode's latest search) → the state after, or why not. Facts about an offer need an open
search."""

_COLUMNS = tuple(OfferState)
_ANSWERED = (No.ACCEPTED, No.DECLINED, No.EXPIRED, No.WITHDRAWN)
_Outcomes = tuple[OfferState | No, ...]
_ROWS: dict[str, _Outcomes] = {
    "offer-sent": (OfferState.SENT, No.ALREADY_SENT, No.ALREADY_SENT, *_ANSWERED),
    "offer-countered": (No.NO_OFFER, OfferState.COUNTERED, OfferState.COUNTERED, *_ANSWERED),
    "offer-accepted": (No.NO_OFFER, OfferState.ACCEPTED, OfferState.ACCEPTED, *_ANSWERED),
    "offer-declined": (No.NO_OFFER, OfferState.DECLINED, OfferState.DECLINED, *_ANSWERED),
    "offer-expired": (No.NO_OFFER, OfferState.EXPIRED, OfferState.EXPIRED, *_ANSWERED),
    "offer-withdrawn": (No.NO_OFFER, OfferState.WITHDRAWN, OfferState.WITHDRAWN, *_ANSWERED),
    "offer-reopened": (
        No.NO_OFFER, No.STILL_OPEN, No.STILL_OPEN, No.ACCEPTED, OfferState.SENT, OfferState.SENT, OfferState.SENT,
    ),
}  # fmt: skip
OFFER_MOVES: Final[dict[tuple[str, OfferState], OfferState | No]] = {
    (row, column): outcome
    for row, outcomes in _ROWS.items()
    for column, outcome in zip(_COLUMNS, outcomes, strict=True)
}
"""(fact, state of the offer) → the state after, or why not."""

MOVED_ON: Final = frozenset({OfferState.ACCEPTED, OfferState.COUNTERED})
"""States of a placement's offer in which the desk itself counters it, since the patient leaves later (contract 3.7.2);
it is in COUNTERED then."""
GIVEN_UP: Final = frozenset({OfferState.DECLINED, OfferState.EXPIRED, OfferState.WITHDRAWN})
"""States of a placement's offer after which the placement will not be."""

ANSWERABLE: Final = frozenset({OfferState.SENT, OfferState.COUNTERED})
"""States of an offer that is not answered yet."""

CloseReason = Literal[
    "placed", "patient-declined", "no-program", "lost-contact", "discharge-cancelled", "plan-cancelled", "deceased"
]
PersonsCloseReason = Literal["patient-declined", "no-program", "lost-contact"]
BY_A_PERSON: Final = frozenset(get_args(PersonsCloseReason))
"""Reasons with which a person closes a search; then it is not opened again for the same discharge."""

DeclineReason = Literal[
    "no-capacity",
    "level-not-suitable",
    "clinically-too-complex",
    "payer-not-accepted",
    "not-authorized",
    "age-not-served",
    "language-not-served",
    "track-not-offered",
    "no-response-from-patient",
    "other",
]
DECLINE_REASONS: Final = frozenset(get_args(DeclineReason))
"""The coded reasons with which a program may decline an offer."""
