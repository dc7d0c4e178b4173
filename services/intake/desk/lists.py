"""The table of intake's lists: each row makes a list in the rail and on the page, for the roles that see it. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

from services.intake.api.consents import READERS as CONSENTS
from services.intake.api.deletions import DECIDERS as DELETING
from services.intake.api.feeds import MENDERS
from services.intake.api.feeds import READERS as FEEDS
from services.intake.api.matches import READERS as MATCHING
from services.intake.api.messages import OPENERS
from services.intake.api.needs import READERS as UNKNOWN_NEEDS
from services.intake.api.visit_numbers import DECIDERS as NUMBERING
from shared.web.listing import Listing
from shared.web.tables import COMING_IN, MESSAGES, TO_BE_SETTLED, Column, Table

TAKERS: Final = ("coordinator",)
"""Who takes in by hand what nobody sends."""


class Shelf(NamedTuple):
    """A list and who may see it, besides admin. `state`: of the messages in it, as the API names it, where it is of
    messages."""

    listing: Listing
    readers: tuple[str, ...]
    state: str = ""


_FACILITY: Final = Column("facility", "Facility", shown=False)
_MESSAGE: Final = Table(
    (Column("waiting", "Came"), Column("what", "Why", wide=True), Column("door", "By"), Column("facility", "Facility")),
    about="Message",
)
_MATCHED: Final = Table(
    (Column("other", "The other record"), Column("points", "For and against", wide=True), Column("waiting", "Since"))
)
_NUMBERED: Final = Table(
    (
        Column("number", "Visit number"),
        Column("holder", "Whose it was first"),
        Column("state", "What was decided", wide=True),
        Column("waiting", "Since"),
        Column("facility", "Facility"),
    )
)
_NEEDED: Final = Table(
    (
        Column("told", "What was told", wide=True),
        Column("state", "What was decided"),
        Column("waiting", "Since"),
        Column("facility", "Facility"),
    )
)
_FED: Final = Table(
    (
        Column("waiting", "Last message"),
        Column("counts", "What came", wide=True),
        Column("warnings", "To look at", wide=True),
    ),
    about="Feed",
)
_SILENT: Final = Table(
    (Column("waiting", "Silent for"), Column("hours", "Its hours"), Column("last", "Last message")), about="Facility"
)
_HANGING: Final = Table(
    (
        Column("waiting", "Nothing heard"),
        Column("open", "Open as"),
        Column("last", "Last message", wide=True),
        Column("days", "Its days"),
        Column("facility", "Facility"),
    ),
    about="Patient",
)
_CODED: Final = Table(
    (Column("kind", "What it is"), Column("number", "How many wait", wide=True), _FACILITY, Column("last", "Last")),
    about="Code",
)
_CONSENTED: Final = Table(
    (
        Column("waiting", "State"),
        Column("to", "To whom"),
        Column("what", "What", wide=True),
        Column("days", "Days"),
        _FACILITY,
    )
)
LISTS: Final = (
    Shelf(
        Listing(
            "take-in", "Take in by hand", "What nobody sends, of somebody who is new here; look for the patient first.",
            "", None, first=False, group=COMING_IN, table=Table((Column("what", "What for", wide=True),), about="What"),
            counted=False,
        ),
        TAKERS,
    ),
    Shelf(
        Listing(
            "consents", "Consents", "Those that stand, and those that are being taken back; recorded last first.",
            "No consent stands.", None, urgent="being taken back", tone="soon", first=False, group=COMING_IN,
            table=_CONSENTED,
        ),
        CONSENTS,
    ),
    Shelf(
        Listing(
            "matches", "Maybe one person", "Two records that may be one person's, and what speaks for and against it.",
            "No two records may be one person's.", None, group=TO_BE_SETTLED, table=_MATCHED,
        ),
        MATCHING,
    ),
    Shelf(
        Listing(
            "visit-numbers", "Visit numbers of two patients",
            "The second patient's messages with the number wait until somebody says whose visit it is.",
            "No visit number is of two patients.", None, urgent="to be decided", tone="soon", group=TO_BE_SETTLED,
            table=_NUMBERED,
        ),
        NUMBERING,
    ),
    Shelf(
        Listing(
            "need-unknown", "Needs that are not known",
            "Another system told them of a patient, and the site's tables do not have them: say what each one is.",
            "Every need that was told is in the site's tables.", None, urgent="to be decided", tone="soon",
            group=TO_BE_SETTLED, table=_NEEDED,
        ),
        UNKNOWN_NEEDS,
    ),
    Shelf(
        Listing(
            "messages", "All messages", "What hospitals sent, the newest first, and what came of each.",
            "No message came yet.", None, first=False, group=MESSAGES, table=_MESSAGE, counted=False, page="/messages",
        ),
        FEEDS,
    ),
    Shelf(
        Listing(
            "try", "Try a message", "What a message would do here; nothing is stored.", "", None, first=False,
            group=MESSAGES, counted=False, page="/messages/try",
        ),
        OPENERS,
    ),
    Shelf(
        Listing(
            "silent", "Silent feeds", "Facilities that have sent, and have sent nothing for longer than their hours.",
            "No feed has fallen silent.", None, urgent="silent", first=True, group=MESSAGES, table=_SILENT,
        ),
        FEEDS,
    ),
    Shelf(
        Listing(
            "hanging", "Hanging visits",
            "Open, and no message came of them for the site's days. Nothing closes them here: ask the hospital.",
            "No visit hangs.", None, urgent="hanging", tone="soon", group=MESSAGES, table=_HANGING,
        ),
        FEEDS,
    ),
    Shelf(
        Listing(
            "codes", "Codes in no table",
            "What is sent and is in no table of the site: it waits, or goes on as unknown.",
            "Every code that was sent is in the site's tables.", None, first=False, group=MESSAGES, table=_CODED,
        ),
        tuple(sorted(MENDERS - {"admin"})),
    ),
    Shelf(
        Listing(
            "feeds", "Feeds", "What each facility sends, and when the last message came.",
            "No facility is in your scope.", None, group=MESSAGES, table=_FED,
        ),
        FEEDS,
    ),
    Shelf(
        Listing(
            "waiting", "Messages waiting", "They were understood, and wait for another message that has to come first.",
            "No message waits.", None, group=MESSAGES, table=_MESSAGE,
        ),
        (*FEEDS, *DELETING), "waiting",
    ),
    Shelf(
        Listing(
            "deletions", "Deletions agreed to", "What somebody agreed that a message deletes; it can be taken back.",
            "Nobody agreed to a deletion.", None, first=False, group=MESSAGES, table=_MESSAGE,
        ),
        DELETING, "agreed",
    ),
    Shelf(
        Listing(
            "wrong", "Went wrong", "They were answered with an error and kept: what the sender mends is sent again.",
            "No message went wrong.", None, group=MESSAGES, table=_MESSAGE,
        ),
        FEEDS, "ae",
    ),
    Shelf(
        Listing(
            "unmapped", "Unmapped", "They name a unit that the site's tables do not have, and wait until it is there.",
            "Every unit is in the site's tables.", None, group=MESSAGES, table=_MESSAGE,
        ),
        FEEDS, "unmapped",
    ),
    Shelf(
        Listing(
            "place-differs", "Place differs",
            "They tell another unit or class than the one in force; no transfer told it.",
            "No message tells another place than the one in force.", None, group=MESSAGES, table=_MESSAGE,
        ),
        FEEDS, "place-differs",
    ),
    Shelf(
        Listing(
            "refused", "Refused", "They were not taken in, and are kept for some days, so that the sender can be told.",
            "No message was refused.", None, first=False, group=MESSAGES, table=_MESSAGE,
        ),
        FEEDS, "ar",
    ),
)  # fmt: skip
