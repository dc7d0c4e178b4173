"""Intake's lists for the shared desk page (shared/web/desk.py, `Source`): what each role does with what comes in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import cast

from services.intake.api.answers import ConsentShown
from services.intake.api.deletions import DECIDERS as DELETING
from services.intake.api.feeds import CODES_LISTED, ELSEWHERE, feeds_of
from services.intake.api.feeds import READERS as FEEDS
from services.intake.api.hanging import LISTED as HANGING_LISTED
from services.intake.api.live import READERS
from services.intake.api.needs import LISTED as UNKNOWN_NEEDS_LISTED
from services.intake.api.needs import opened as opened_need
from services.intake.api.rate_limits import RateLimits
from services.intake.console import hanging
from services.intake.console import views as console
from services.intake.console.silence import FeedAge, ages
from services.intake.desk import rows, views
from services.intake.desk.lists import LISTS, TAKERS, Shelf
from services.intake.desk.rows import AsIs
from services.intake.desk.taking_in import Asker
from services.intake.desk.views import PageOf
from services.intake.people import matches
from services.intake.people.matches import Place
from services.intake.receiving import number_decisions
from services.intake.receiving.receive import Intake
from services.intake.receiving.views import feeds, unmapped_codes
from services.intake.requests.consents import handlers as consents
from services.intake.requests.consents.views import consents_by_id
from services.intake.requests.needs import store as unknown_needs
from shared.scope import Scope
from shared.storage import audit
from shared.storage.database import Connection
from shared.web import paging
from shared.web.auth import Caller
from shared.web.desk import FILTERS, Fetched, Look, OnlyLists, may
from shared.web.listing import NONE, Counted, Listing, Row
from shared.web.tables import NOTHING_ASKED

_BY_NAME: Mapping[str, Shelf] = {one.listing.name: one for one in LISTS}


class IntakeDesk(OnlyLists):
    """The lists, their counts and rows."""

    readers = READERS
    takers: Sequence[str] = ()
    """Nobody takes what is listed here."""
    filters = FILTERS

    def __init__(self, intake: Intake, rates: RateLimits) -> None:
        self.intake, self.rates = intake, rates
        self._rows: Mapping[str, Callable[[Connection, Look], Awaitable[Fetched]]] = {
            "take-in": self._take_in,
            "consents": self._consents,
            "matches": self._matches,
            "visit-numbers": self._visit_numbers,
            "need-unknown": self._unknown_needs,
            "feeds": self._feeds,
            "messages": _elsewhere,
            "try": _elsewhere,
            "silent": self._silent,
            "hanging": self._hanging,
            "codes": self._codes,
        }

    def lists(self, who: Caller) -> Sequence[Listing]:
        """The lists that this reader's roles may see."""
        return [one.listing for one in LISTS if may(who, one.readers)]

    def options(self, who: Caller, scope: Scope) -> Mapping[str, Mapping[str, str]]:  # noqa: ARG002
        """Empty: these lists are filtered by facility alone."""
        return {}

    async def counts(
        self, connection: Connection, lists: Sequence[Listing], look: Look, chosen: Listing | None = None
    ) -> Mapping[str, Counted]:
        """The counts of all lists: those with a key by one query. A request and a feed are nobody's to wait for."""
        found = {"take-in": NONE, "messages": NONE, "try": NONE}
        names = {each.name for each in lists}
        if "feeds" in names:
            found["feeds"] = Counted(len(await self._fed(connection, look)), 0)
        if "silent" in names:
            silent = len(await self._silent_ones(connection, look))
            found["silent"] = Counted(silent, silent)
        if "hanging" in names:
            found["hanging"] = await self._hanging_ones(connection, look, chosen)
        if "codes" in names:
            found["codes"] = Counted(len(await unmapped_codes(connection, scope=look.scope, most=paging.MOST)), 0)
        asked = {
            each.name: _page(look) if each is chosen else _page(look._replace(asked=NOTHING_ASKED)) for each in lists
        }
        if "matches" in asked:
            after = _since_place(look) if chosen and chosen.name == "matches" else None
            total, ahead = await matches.tally(connection, facilities=look.scope.facilities, after=after)
            found["matches"] = Counted(total, 0, ahead=ahead)
        if "visit-numbers" in asked:
            after = _since_place(look) if chosen and chosen.name == "visit-numbers" else None
            total, undecided, ahead = await number_decisions.tally(connection, look.scope, after)
            found["visit-numbers"] = Counted(total, undecided, ahead=ahead)
        if "need-unknown" in asked:
            after = _since_place(look) if chosen and chosen.name == "need-unknown" else None
            total, unread, ahead = await unknown_needs.tally(connection, look.scope, after)
            found["need-unknown"] = Counted(total, unread, ahead=ahead)
        keyed = {name: _key(name) for name in asked if _key(name) in views.LISTS}
        told = await views.tallied(
            connection, [views.LISTS[key].tally(name, look.scope, asked[name]) for name, key in keyed.items()]
        )
        return found | {name: Counted(one.total, one.urgent, ahead=one.ahead) for name, one in told.items()}

    async def rows(self, connection: Connection, listing: Listing, look: Look) -> Fetched:
        """A page of rows; who saw what is audited as by the API. Raises a 422 Problem for a bad cursor, 429 for who
        asks too often who people are."""
        if (drawn := self._rows.get(listing.name)) is not None:
            return await drawn(connection, look)
        return await self._messages(connection, _BY_NAME[listing.name].state, look)

    def _as_is(self, look: Look) -> AsIs:
        return AsIs(look.at, self.intake.site, may(look.who, TAKERS))

    def _asker(self, look: Look) -> Asker:
        return Asker(look.who, look.at, look.zone, self.intake.site)

    async def _take_in(self, connection: Connection, look: Look) -> Fetched:  # noqa: ARG002
        return Fetched(rows.take_in_rows(self._asker(look)))

    async def _messages(self, connection: Connection, state: str, look: Look) -> Fetched:
        found = await views.messages_of(connection, state, look.scope, _page(look))
        await self._note(connection, look, "messages-listed", [state])
        asker = self._asker(look) if may(look.who, DELETING) else None
        now = self._as_is(look)._replace(opens=may(look.who, (*FEEDS, *DELETING)))
        drawn = [rows.message_row(each, now, asker) for each in found]
        return _with_ends(drawn, [each.message_id for each in found])

    async def _feeds(self, connection: Connection, look: Look) -> Fetched:
        told = await feeds_of(connection, self.intake, look.who)
        fed = await self._fed(connection, look)
        shown = [each for each in told if each["facility"] in fed]
        if any(each["unmapped_codes"] for each in shown):
            await self._note(connection, look, CODES_LISTED, ["feeds"])
        return Fetched([rows.feed_row(each, self._as_is(look)) for each in shown])

    async def _fed(self, connection: Connection, look: Look) -> frozenset[str]:
        """The facilities in scope; for who sees everything also those that the site does not have, once they sent."""
        own = {each.name for each in self.intake.site.facilities if look.scope.has(each.name)}
        sent = {feed.facility for feed in await feeds(connection)} if look.scope.facilities is None else set()
        return frozenset(own | (sent & {ELSEWHERE}))

    async def _silent(self, connection: Connection, look: Look) -> Fetched:
        found = await self._silent_ones(connection, look)
        return Fetched([rows.silent_row(each, self._as_is(look)) for each in found])

    async def _silent_ones(self, connection: Connection, look: Look) -> list[FeedAge]:
        every = ages(self.intake.site, await console.last_by_facility(connection))
        return [each for each in every if look.scope.has(each.facility) and each.silent(look.at)]

    async def _hanging(self, connection: Connection, look: Look) -> Fetched:
        after = _hanging_place(look)
        found = await hanging.hanging(connection, self.intake.site, look.at, look.scope, after=after, most=look.most)
        await self._note(connection, look, HANGING_LISTED, [one.visit_id for one in found] or ["nobody"])
        last = paging.cursor(*found[-1].place) if found else None
        return Fetched([rows.hanging_row(one, self._as_is(look)) for one in found], last=last)

    async def _hanging_ones(self, connection: Connection, look: Look, chosen: Listing | None) -> Counted:
        after = _hanging_place(look) if chosen and chosen.name == "hanging" else hanging.FIRST
        total, ahead = await hanging.tally(connection, self.intake.site, look.at, look.scope, after)
        return Counted(total, total, ahead=ahead)

    async def _codes(self, connection: Connection, look: Look) -> Fetched:
        found = await unmapped_codes(connection, scope=look.scope, most=paging.MOST)
        await self._note(connection, look, CODES_LISTED, ["codes"])
        return Fetched([rows.code_row(each, self._as_is(look)) for each in found])

    async def _matches(self, connection: Connection, look: Look) -> Fetched:
        self.rates.take(look.who)
        found = await matches.listed(
            connection, self.intake.seal, matches.MatchRules.of(self.intake.site),
            facilities=look.scope.facilities, after=_since_place(look), most=look.most,
        )  # fmt: skip
        await self._note(connection, look, "match-listed", [one.match_id for one in found] or ["nobody"])
        last = paging.cursor(paging.at(found[-1].since), found[-1].match_id) if found else None
        return Fetched([rows.match_row(one, self._as_is(look), self._asker(look)) for one in found], last=last)

    async def _visit_numbers(self, connection: Connection, look: Look) -> Fetched:
        found = await number_decisions.listed(connection, look.scope, _since_place(look), look.most)
        await self._note(connection, look, "visit-number-listed", [one.conflict_id for one in found] or ["nobody"])
        last = paging.cursor(paging.at(found[-1].since), found[-1].conflict_id) if found else None
        return Fetched([rows.number_row(one, self._as_is(look), self._asker(look)) for one in found], last=last)

    async def _unknown_needs(self, connection: Connection, look: Look) -> Fetched:
        found = await unknown_needs.listed(connection, look.scope, None, _since_place(look), look.most)
        await self._note(connection, look, UNKNOWN_NEEDS_LISTED, [one.need_id for one in found] or ["nobody"])
        last = paging.cursor(paging.at(found[-1].told_at), found[-1].need_id) if found else None
        now, asker, seal = self._as_is(look), self._asker(look), self.intake.seal
        return Fetched([rows.need_row(one, opened_need(one, seal), now, asker) for one in found], last=last)

    async def _consents(self, connection: Connection, look: Look) -> Fetched:
        ids = await views.consents_of(connection, look.scope, _page(look))
        await consents.count_revoked_in(connection, self.intake, ids)
        found = await consents_by_id(connection, ids, scope=look.scope)
        await self._note(connection, look, "consents-read", [each["consent_id"] for each in found])
        asker = self._asker(look)
        return _with_ends(
            [rows.consent_row(cast("ConsentShown", each), self._as_is(look), asker) for each in found], ids
        )

    async def _note(self, connection: Connection, look: Look, action: str, subjects: Sequence[str]) -> None:
        await audit.note(connection, [audit.Entry(look.at, look.who.subject, action, each) for each in subjects])


async def _elsewhere(_: Connection, __: Look) -> Fetched:
    """No rows: the rail leads to a page of its own."""
    return Fetched([])


def _key(name: str) -> str:
    """The name of a list's rows in views.LISTS."""
    return _BY_NAME[name].state or name


def _page(look: Look) -> PageOf:
    """Which rows a list's address asks for. Raises a 422 Problem for a bad cursor."""
    asked = look.asked
    after = paging.behind({"cursor": asked.cursor} if asked.cursor else {}, 1)
    before = paging.behind({"cursor": asked.before} if asked.before else {}, 1)
    return PageOf(after[0] if after else None, before[0] if before else None, look.most)


def _since_place(look: Look) -> Place | None:
    """The place (since when, id) that a cursor of a list names. Raises a 422 Problem for a cursor that is none."""
    return paging.after({"cursor": look.asked.cursor} if look.asked.cursor else {})


def _hanging_place(look: Look) -> hanging.Place:
    """The place that a cursor of the list of hanging visits names. Raises a 422 Problem for a cursor that is none."""
    told = paging.behind({"cursor": look.asked.cursor} if look.asked.cursor else {}, 2)
    return (told[0], told[1]) if told else hanging.FIRST


def _with_ends(drawn: Sequence[Row], keys: Sequence[str]) -> Fetched:
    """Rows with the cursors of the first and the last of them."""
    return Fetched(drawn, paging.cursor(keys[0]), paging.cursor(keys[-1])) if keys else Fetched(drawn)
