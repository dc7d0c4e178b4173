"""What is noted of every HTTP request: metrics by route, and one log line without address, query, token or body.

The route is the template by which a request was routed (`/api/searches/{id}`), so neither an id nor anything else that
a caller wrote gets into a label or a line.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from shared import metrics, spans
from shared.facts.tracing import trace_of
from shared.roles import ROLES
from shared.web import tracing

log = logging.getLogger(__name__)
NO_ROUTE = "none"
"""The route of a request whose address the service does not have."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
"""Methods that have a label of their own; all others are `other`."""
UNLOGGED = ("/health/", "/metrics", "/assets/", "/live")
"""Beginnings of routes that machines ask for every few seconds, and of streams: counted, not logged."""
STREAM = b"text/event-stream"
"""The content-type of an answer that stays open: it counts as answered when it begins."""
CALLER = "stepdown.caller"
"""Where a request's ASGI scope has who asks, once that is known."""
FAULT = "stepdown.fault"
"""Where it has the exception that nobody foresaw, once that was answered."""


class EachRequest:
    """Middleware around all others: begins each request's trace, counts it, times it, logs a line where `logged`."""

    def __init__(self, app: Any, service: str, *, logged: bool) -> None:
        self.app, self.service, self.logged = app, service, logged

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500  # where no answer is begun: what went wrong becomes one outside
        streams: float | None = None  # when an answer that stays open began

        async def with_status(message: Any) -> None:
            nonlocal status, streams
            if message["type"] == "http.response.start":
                status = message["status"]
                if _is_stream(message):
                    streams = time.perf_counter()
                    in_flight.dec()
            await send(message)

        given = next((value for name, value in scope["headers"] if name == b"traceparent"), b"")
        tracing.begin(given.decode("latin-1") or None)
        in_flight = metrics.HTTP_IN_FLIGHT.labels(self.service)
        began = time.perf_counter()
        in_flight.inc()
        try:
            with _span(scope, given.decode("latin-1")) as work:
                tracing.go_on_at(work.place())
                try:
                    await self.app(scope, receive, with_status)
                    if FAULT in scope:
                        raise scope[FAULT]  # the span ends with it
                finally:
                    work.note({**_named(scope), "http.response.status_code": status, "stepdown.roles": roles_of(scope)})
        except Exception as fault:
            if fault is not scope.get(FAULT):
                raise
        finally:
            if streams is None:
                in_flight.dec()
            self._note(scope, status, (streams or time.perf_counter()) - began)

    def _note(self, scope: Any, status: int, seconds: float) -> None:
        route, method = route_of(scope), method_of(scope)
        metrics.HTTP_REQUESTS.labels(self.service, route, method, f"{status // 100}xx").inc()
        metrics.HTTP_SECONDS.labels(self.service, route).observe(seconds)
        if self.logged and not route.startswith(UNLOGGED):
            line = {"method": method, "route": route, "status": status, "seconds": round(seconds, 4)}
            log.info("request", extra=line | {"roles": roles_of(scope), "trace": _trace()})


def _is_stream(started: Any) -> bool:
    return any(name == b"content-type" and value.startswith(STREAM) for name, value in started["headers"])


def route_of(scope: Any) -> str:
    """The template of the route that a request was given to; NO_ROUTE where there is none."""
    return str(getattr(scope.get("route"), "path", NO_ROUTE))


def method_of(scope: Any) -> str:
    """Its method, where it is one that HTTP has."""
    return scope["method"] if scope["method"] in METHODS else "other"


def roles_of(scope: Any) -> str:
    """The caller's roles that this project knows, by commas; empty before anybody is known."""
    asking = scope.get(CALLER)
    return ",".join(role for role in ROLES if asking is not None and role in asking.roles)


def _span(scope: Any, given: str) -> spans.Work:
    """The request's span: below the caller's, where the request came with one, else with the ids of its own trace."""
    if scope["path"].startswith(UNLOGGED):
        return spans.NO_WORK
    own = None if trace_of(given) else tracing.of_the_request()
    return spans.work("request", lambda: [given], kind="server", own=own)


def _named(scope: Any) -> dict[str, str]:
    return {"http.request.method": method_of(scope), "http.route": route_of(scope)}


def _trace() -> str | None:
    """The trace id of the request: by it a line is found beside its spans and the facts that it caused."""
    found = trace_of(tracing.of_the_request())
    return found[0] if found else None
