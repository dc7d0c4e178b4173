"""Dead letters on a desk: a row for each reason why records of one consumer could not be applied, and what can be done
with all of them. What is in a record is on no page.

The same for every service. They are of no facility, so they are shown to operators who may see everything.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from starlette.routing import BaseRoute

from shared.clock import Clock
from shared.errors import Rejected
from shared.messaging import dead_letter_desk
from shared.messaging.dead_letter_desk import LetterGroup
from shared.scope import Scope
from shared.storage import audit
from shared.storage.database import Connection
from shared.web import posts
from shared.web.auth import Caller
from shared.web.commands import Command
from shared.web.desk import Desk, Fetched, Look, Source, may
from shared.web.form_posts import Acts, address
from shared.web.forms import Form, questions
from shared.web.listing import Counted, Listing, Row, Section
from shared.web.tables import MESSAGES, Badge, Cell, Column, Table
from shared.web.wording import since
from shared.web.words import say, say_count

OPERATORS = ("interface",)
"""Who sees dead letters, besides admin."""
NAME = "dead-letters"


class TryAgain(Command):
    """Give records to their consumer again."""

    reason: Literal["mended-here", "mended-at-the-sender", "site-config-changed", "other"]


class PutAway(Command):
    """Put records away that were never facts."""

    reason: Literal["never-a-fact", "told-again", "of-a-trial", "came-of-a-loss", "other"]


Decision: TypeAlias = Literal["replay", "discarded"]
Write: TypeAlias = posts.Write[Decision]
Posted: TypeAlias = posts.Posted[Decision]


def _write(path: str, asks: type[Command], to: Decision, summary: str) -> Write:
    return Write(
        f"/api/{NAME}/{{id}}/{path}", NAME, f"dead-letter-{path}", asks, to, summary, OPERATORS, "", None, tagged=False
    )


WRITES: tuple[Write, ...] = (
    _write("replay", TryAgain, "replay", "Try again"),
    _write("discarded", PutAway, "discarded", "Put away"),
)
DONE: Mapping[str, str] = {
    "dead-letter-replay": "the records are given to their consumer again; what fails again comes back here",
    "dead-letter-discarded": "the records are put away",
}
"""Action → the sentence that the next page shows."""
CONFIRM = (
    "Only what was never a fact is put away: a fact that its writer did state leaves its episode waiting for ever."
)
LISTING = Listing(
    NAME,
    "Dead letters",
    "Records that could not be read or applied, by reason. What is in them is shown by the command line alone.",
    "Every record could be applied.",
    None,
    urgent="to be settled",
    group=MESSAGES,
    table=Table(
        (Column("number", "How many"), Column("waiting", "First"), Column("what", "Of whom", wide=True)), about="Reason"
    ),
)


def shown_to(who: Caller) -> bool:
    """True for an operator whose scope is everything."""
    return may(who, OPERATORS) and who.scope.facilities is None


class WithDeadLetters:
    """A desk's lists, and the dead letters of its service after them (shared/web/desk.py, `Source`)."""

    def __init__(self, own: Source) -> None:
        self.own = own

    @property
    def readers(self) -> Sequence[str]:
        """The roles that open the desk itself."""
        return self.own.readers

    @property
    def takers(self) -> Sequence[str]:
        """The roles that take the desk's own entries."""
        return self.own.takers

    @property
    def filters(self) -> frozenset[str]:
        """Those of the desk itself."""
        return self.own.filters

    def lists(self, who: Caller) -> Sequence[Listing]:
        """The desk's own, and for operators this one."""
        return [*self.own.lists(who), *([LISTING] if shown_to(who) else [])]

    def options(self, who: Caller, scope: Scope) -> Mapping[str, Mapping[str, str]]:
        """Those of the desk itself."""
        return self.own.options(who, scope)

    async def counts(
        self, connection: Connection, lists: Sequence[Listing], look: Look, chosen: Listing | None = None
    ) -> Mapping[str, Counted]:
        """The desk's own counts; of this list how many records nobody has settled, all of them urgent."""
        others = [each for each in lists if each is not LISTING]
        found = dict(await self.own.counts(connection, others, look, None if chosen is LISTING else chosen))
        if len(others) < len(lists):
            open_ = sum((await dead_letter_desk.open_by_consumer(connection)).values())
            found[NAME] = Counted(open_, open_)
        return found

    async def rows(self, connection: Connection, listing: Listing, look: Look) -> Fetched:
        """The desk's own rows; of this list every reason, those with the oldest record first. Who looked is audited."""
        if listing is not LISTING:
            return await self.own.rows(connection, listing, look)
        groups = await dead_letter_desk.by_reason(connection)
        await audit.note(connection, [audit.Entry(look.at, look.who.subject, "dead-letters-listed", NAME)])
        return Fetched([_row(group, look) for group in groups[: max(look.most, dead_letter_desk.MOST_REASONS)]])

    async def firsts(self, connection: Connection, asked: Sequence[tuple[Listing, Look]]) -> Sequence[Fetched]:
        """The same of several lists: the desk's own come first."""
        own = [each for each in asked if each[0] is not LISTING]
        found = list(await self.own.firsts(connection, own))
        return [*found, *[await self.rows(connection, *each) for each in asked[len(own) :]]]

    async def closer(self, connection: Connection, look: Look, asked: Mapping[str, str]) -> Sequence[Section]:
        """The desk's own."""
        return await self.own.closer(connection, look, asked)


def _row(group: LetterGroup, look: Look) -> Row:
    of = say("{consumer}, {topic}", consumer=group.consumer, topic=group.topic)
    number = say_count("{count} record", "{count} records", group.dead + group.asked)
    asked = [say_count("{count} is tried again now", "{count} are tried again now", group.asked)] if group.asked else []
    cells = {"number": Cell(number, asked), "waiting": Cell(badge=Badge(since(group.first, look.at), "late"))}
    forms = tuple(_form(write, group) for write in WRITES) if group.dead else ()
    return Row(of, Badge(""), "", name=group.error, forms=forms, cells=cells)


def _form(write: Write, group: LetterGroup) -> Form:
    return Form(
        write.summary,
        address(write.path).replace("{id}", group.id),
        questions(write.asks, labels={"reason": "Why"}),
        seen=0,
        key=secrets.token_urlsafe(12),
        zone="UTC",
        confirm=CONFIRM if write.decide == "discarded" else "",
    )


def routes(desk: Desk) -> Sequence[BaseRoute]:
    """The addresses of the two forms on this desk."""
    door = posts.PostDoor(desk.database, desk.clock, _fits, _subject, lambda *told: _act(desk.clock, *told))
    acts: Acts[Decision] = Acts(desk.frame, door, desk.site, desk.source.filters, desk.page)
    return acts.routes(WRITES)


async def _fits(_: Posted) -> None:
    """Nothing is checked by the site."""


async def _subject(connection: Connection, posted: Posted) -> str | None:
    """The reason's id; None where no record is dead for it, and for who may not see everything."""
    known = shown_to(posted.who) and await dead_letter_desk.dead_of(connection, posted.id)
    return posted.id if known else None


async def _act(clock: Clock, connection: Connection, posted: Posted, group: str) -> posts.Answer:
    ids = await dead_letter_desk.dead_of(connection, group)
    done = await dead_letter_desk.ask(
        connection, ids, posted.write.decide, at=clock(), actor=posted.who.subject, reason=posted.command.reason
    )
    if not done:
        raise Rejected("not-dead", "somebody else settled these records meanwhile")
    return posts.Answer({"settled": len(done)}, None)
