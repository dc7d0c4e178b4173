"""The lists of the coordinators' desk: what each is of, and who sees it. Pure."""

from __future__ import annotations

from datetime import timedelta

from services.placement.desk.frame import CARE, EVERYBODY
from shared.values import value_object
from shared.web.desk import Listing


@value_object
class Of:
    """Entries of one kind in one state, for some roles; `work`: those of a worklist instead."""

    kind: str
    state: str | None
    readers: tuple[str, ...] = CARE
    work: str | None = None


SEATS = Of("program", None, EVERYBODY)
NOW = timedelta(0)
LISTS: tuple[Listing, ...] = (
    Listing(
        "searches",
        "Searches open",
        "Patients who need a program, the longest waiting first.",
        "Nobody is waiting for a program.",
        Of("search", "open"),
        late=NOW,
    ),
    Listing(
        "countered",
        "Another day proposed",
        "The program would take the patient on another day: accept it, or withdraw.",
        "No program proposed another day.",
        Of("offer", "countered", EVERYBODY),
        late=NOW,
        urgent="time over",
    ),
    Listing(
        "offers",
        "Offers waiting",
        "Programs that were asked and have not answered.",
        "No offer waits for an answer.",
        Of("offer", "sent", EVERYBODY),
        late=NOW,
        urgent="time over",
    ),
    Listing(
        "placed",
        "First days to come",
        "Placed, and not yet started; those whose day is over need a word.",
        "Nobody is about to start.",
        Of("placement", "placed", EVERYBODY),
        late=timedelta(days=1),
    ),
    Listing(
        "missed",
        "First days missed",
        "The patient did not come; the placement stands until somebody cancels it.",
        "No first day was missed.",
        Of("placement", "missed", EVERYBODY),
    ),
    Listing(
        "conflicts",
        "Conflicts",
        "Facts that cannot both be so; a person says which one falls.",
        "Nothing contradicts itself.",
        Of("conflict", "open"),
    ),
    Listing(
        "used-up",
        "Authorizations used up",
        "Nothing is left of what the payer allowed, and care goes on.",
        "Every authorization has something left.",
        Of("authorization", None, work="authorizations-used-up"),
    ),
    Listing(
        "ending",
        "Authorizations ending",
        "Their last day is within a week.",
        "No authorization ends within a week.",
        Of("authorization", None, work="authorizations-ending"),
        first=False,
    ),
    Listing(
        "seats",
        "Seats",
        "Every program and how full it is now.",
        "The site has no programs.",
        SEATS,
        late=NOW,
        urgent="full",
    ),
    Listing(
        "waiting",
        "Waiting lists",
        "Who waits for a seat, the longest first.",
        "Nobody is on a waiting list.",
        Of("waiting", "waiting", EVERYBODY),
        first=False,
    ),
    Listing(
        "started",
        "In a program",
        "Stays that have begun.",
        "Nobody is in a program.",
        Of("placement", "started", EVERYBODY),
        first=False,
    ),
    Listing(
        "closed",
        "Searches closed",
        "What came of earlier searches; one that a person closed can be opened again.",
        "No search was closed.",
        Of("search", "closed"),
        first=False,
    ),
)
