"""The W3C trace context of the HTTP request that is being answered, for the facts that it causes; made here where the
request has none."""

from __future__ import annotations

import os
from contextvars import ContextVar

from shared.facts.tracing import SAMPLED, VERSION, trace_of

_OF_THE_REQUEST: ContextVar[str | None] = ContextVar("traceparent", default=None)


def begin(header: str | None) -> None:
    """Begin a request's trace: that of its `traceparent` header where it is valid, else a new one."""
    new = f"{VERSION}-{os.urandom(16).hex()}-{os.urandom(8).hex()}-{SAMPLED}"
    _OF_THE_REQUEST.set(header if trace_of(header) else new)


def go_on_at(place: str | None) -> None:
    """What the request causes is below this place (a traceparent); None: leave it as it is."""
    if place is not None:
        _OF_THE_REQUEST.set(place)


def of_the_request() -> str | None:
    """The `traceparent` of the request that is being answered; None outside of a request."""
    return _OF_THE_REQUEST.get()


def reference() -> str:
    """What a person tells who looks for the request in the log: the last ten digits of its trace id, which its line
    has; outside of a request a number of its own."""
    found = trace_of(of_the_request())
    return (found[0] if found else os.urandom(16).hex())[-10:]
