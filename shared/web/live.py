"""GET /live: tells an open page what kind of thing changed since it was shown, never a value (server-sent events,
https://html.spec.whatwg.org/multipage/server-sent-events.html).

Each commit's changes come from the database once (storage/changes.py), are narrowed to what each reader may see, and
are collected for each page until it may be told again: a page that reads slowly gets one event instead of many.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, NamedTuple

import orjson
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared import metrics
from shared.errors import Transient
from shared.storage.changes import Change, Listener, ListeningTimes
from shared.storage.database import Database
from shared.web import requests
from shared.web.app import Problem, caller, session_now
from shared.web.auth import Caller, NotSignedIn
from shared.web.sessions import page_caller

MOST_PATIENTS = 100
"""Of whom more than so many have changed, an event names none."""
OLDEST = 3600
"""Seconds since a page was shown, at most; an older one is looked at anew anyway."""
MOST_KEPT = 2000
"""Changes that are kept for pages that were shown before they began to listen."""


class Heard(NamedTuple):
    """What one reader hears of a change: the names of the lists that it may be in, and whose rows (None: too many)."""

    lists: frozenset[str]
    patients: tuple[str, ...] | None


Hears = Callable[[Caller, Change], Heard | None]
"""A service's rule of what a reader may hear of a change; None: nothing, not even that there was one."""


@dataclass(frozen=True, slots=True)
class LiveLimits:
    """Streams: of one person and of a process. Seconds: between two events of a page at least (`every`), and between
    two looks whether its reader is still signed in, each followed by a sign of life (`beat`)."""

    person: int = 20
    process: int = 400
    every: float = 0.5
    beat: float = 20.0


class LivePage:
    """One open stream: who reads it, and what has been collected for it since its last event."""

    def __init__(self, who: Caller) -> None:
        self.who = who
        self.woken = asyncio.Event()
        self._lists: set[str] = set()
        self._patients: set[str] | None = set()
        self._anew = False

    def add(self, heard: Heard) -> None:
        """Collect it for the next event."""
        self._lists |= heard.lists
        if self._patients is not None:
            self._patients = None if heard.patients is None else self._patients | set(heard.patients)
            if self._patients is not None and len(self._patients) > MOST_PATIENTS:
                self._patients = None
        self.woken.set()

    def look_anew(self) -> None:
        """Changes may have been missed: the next event says to look at everything."""
        self._anew = True
        self.woken.set()

    def taken(self) -> ServerSentEvent:
        """The event for what was collected; nothing is collected afterwards."""
        patients = None if self._patients is None else sorted(self._patients)
        event, told = "changed", {"lists": sorted(self._lists), "patients": patients}
        if self._anew:
            event, told = "refresh", {}
        self._lists, self._patients, self._anew = set(), set(), False
        self.woken.clear()
        return ServerSentEvent(orjson.dumps(told).decode(), event=event)


@dataclass
class LivePages:
    """All open streams of a process. `readers`: the roles that may open one."""

    service: str
    database: Database
    readers: Sequence[str]
    hears: Hears
    limits: LiveLimits = field(default_factory=LiveLimits)
    times: ListeningTimes = field(default_factory=ListeningTimes)

    def __post_init__(self) -> None:
        self.listener = Listener(self.database, self._heard, self._gap, self.times)
        self._open: set[LivePage] = set()
        self._persons: Counter[str] = Counter()
        self._kept: deque[tuple[float, Change]] = deque(maxlen=MOST_KEPT)
        self._complete_since = float("inf")
        self._stopping = asyncio.Event()
        metrics.LIVE_PAGES.labels(self.service).set(0)

    @property
    def number(self) -> int:
        """How many are open."""
        return len(self._open)

    def route(self) -> Route:
        """GET /live, for a session's cookie or a bearer token."""
        return Route("/live", self._answer, methods=["GET"])

    async def stop(self) -> None:
        """End every stream now, and listen no more."""
        self._stopping.set()
        for page in self._open:
            page.woken.set()
        await self.listener.stop()

    async def _answer(self, request: Request) -> Response:
        """The stream. `?age=`: whole seconds since the page was shown; what changed meanwhile is told first.

        Raises NotSignedIn, a 403 Problem for another role, 422 for another parameter, 429 and 503 for too many streams.
        """
        who = self._who(request)
        age = _age(requests.parameters(request, {"age"}).get("age"))
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        page = self._opened(who)
        if age is not None:
            self._catch_up(page, age)
        return _Stream(self._events(page, request), lambda: self._closed(page))

    def _who(self, request: Request) -> Caller:
        by_header = request.headers.get("authorization") is not None
        return caller(request, *self.readers) if by_header else page_caller(request, *self.readers)

    def _opened(self, who: Caller) -> LivePage:
        if self._stopping.is_set() or len(self._open) >= self.limits.process:
            text = "so many pages are open that this one does not show changes by itself: try again in a moment"
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "too-many-pages", text, retry_after=30)
        if self._persons[who.subject] >= self.limits.person:
            text = f"{self.limits.person} pages of yours show changes by themselves: close one of them"
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "too-many-pages", text, retry_after=30)
        page = LivePage(who)
        self._open.add(page)
        self._persons[who.subject] += 1
        self.listener.want(True)
        metrics.LIVE_PAGES.labels(self.service).set(len(self._open))
        return page

    def _closed(self, page: LivePage) -> None:
        self._open.discard(page)
        self._persons[page.who.subject] -= 1
        self._persons += Counter()  # forgets who has none
        if not self._open:
            self.listener.want(False)
        metrics.LIVE_PAGES.labels(self.service).set(len(self._open))

    async def _events(self, page: LivePage, request: Request) -> AsyncIterator[ServerSentEvent]:
        """Events until the session ends, the service stops, or the page is closed."""
        now = asyncio.get_running_loop().time
        yield ServerSentEvent("{}", event="beat")
        beat = now() + self.limits.beat
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(beat):
                    await page.woken.wait()
            if self._stopping.is_set():
                return
            if now() >= beat:
                if not await self._may_go_on(page, request):
                    yield ServerSentEvent("{}", event="ended")
                    return
                yield ServerSentEvent("{}", event="beat")
                beat = now() + self.limits.beat
            if page.woken.is_set():
                told = page.taken()
                metrics.LIVE_EVENTS.labels(self.service, told.event).inc()
                yield told
                await self._pause()

    async def _pause(self) -> None:
        """So long that a page is not told more often than it should; the stop ends it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.limits.every):
                await self._stopping.wait()

    async def _may_go_on(self, page: LivePage, request: Request) -> bool:
        """False once the reader is signed out or has the role no more; another scope counts from now on."""
        await session_now(request)
        try:
            who = self._who(request)
        except Transient:  # it cannot be known now; it is asked again at the next beat
            return True
        except (NotSignedIn, Problem):
            return False
        if who.subject == page.who.subject:
            page.who = who
        return who.subject == page.who.subject

    def _heard(self, changes: Sequence[Change]) -> None:
        """A commit's changes, for every page whose reader may hear of them. Pages of readers with the same rights are
        narrowed once."""
        now = asyncio.get_running_loop().time()
        if len(self._kept) + len(changes) > MOST_KEPT:
            self._complete_since = now
            self._kept.clear()
        self._kept += [(now, each) for each in changes]
        rights: dict[tuple[frozenset[str], frozenset[str]], list[Heard]] = {}
        for page in self._open:
            has = (page.who.roles, page.who.facilities)
            if has not in rights:
                rights[has] = [heard for each in changes if (heard := self.hears(page.who, each))]
            for heard in rights[has]:
                page.add(heard)

    def _gap(self) -> None:
        """Changes may have been missed."""
        self._kept.clear()
        self._complete_since = asyncio.get_running_loop().time()
        for page in self._open:
            page.look_anew()

    def _catch_up(self, page: LivePage, age: int) -> None:
        """Tell a page what changed since it was shown, so many seconds ago; where that is not known, to look anew.
        While the listener is connecting nothing is to be done: it will say that there was a gap."""
        since = asyncio.get_running_loop().time() - age - 1  # it was read before it was shown
        if self.listener.listening and since < self._complete_since:
            page.look_anew()
            return
        for at, change in self._kept:
            if at >= since and (heard := self.hears(page.who, change)):
                page.add(heard)


class _Stream(EventSourceResponse):
    """The answer; `closed` is called when it is over, however that came: the door ends one that nobody reads."""

    def __init__(self, events: AsyncIterator[ServerSentEvent], closed: Callable[[], None]) -> None:
        super().__init__(events, ping=0)
        self._closed = closed

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._closed()


def _age(given: str | None) -> int | None:
    """Seconds of an `age` parameter. Raises a 422 Problem."""
    if given is None:
        return None
    if not (given.isascii() and given.isdigit() and len(given) < 10):
        raise requests.unfit("age", "age is a whole number of seconds")
    return min(int(given), OLDEST)
