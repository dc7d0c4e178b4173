"""The trace that a request came in, for what it causes while it is answered; drawn here where it brings none."""

from __future__ import annotations

import os
from contextvars import ContextVar

from shared.facts.tracing import SAMPLED, VERSION, trace_of

_OF_THE_REQUEST: ContextVar[str | None] = ContextVar("traceparent", default=None)


def begin(header: str | None) -> None:
    """A request begins: its own trace context where that is one, else a new one."""
    new = f"{VERSION}-{os.urandom(16).hex()}-{os.urandom(8).hex()}-{SAMPLED}"
    _OF_THE_REQUEST.set(header if trace_of(header) else new)


def of_the_request() -> str | None:
    """The trace context of the request that is answered here; None outside of one."""
    return _OF_THE_REQUEST.get()
