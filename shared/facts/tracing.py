"""W3C Trace Context as records carry it: which trace a record is in, and its own place there. Pure: nothing is drawn.

A message's or request's own `traceparent` is gone on with; without one its trace is made of its id, so that whatever
follows from it, in whichever service, and however often it is told again, is in one trace. Every record has a place of
its own, made of its ce_id. Source: W3C Trace Context (Recommendation 2021) sections 3.2 and 4.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b

from shared.facts.envelope import Fact

HEADER = "traceparent"
_FORM = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
VERSION, SAMPLED = "00", "01"


def trace_of(traceparent: str | None) -> tuple[str, str] | None:
    """(trace id, flags) of a traceparent; None where it is none. A later version is read as far as ours goes."""
    found = _FORM.fullmatch(traceparent) if traceparent else None
    if found is None or (found[1] == VERSION and found[5]):
        return None
    return found[2], found[4]


@lru_cache(4096)  # a message's facts come together
def begun_with(id_: str) -> str:
    """The trace context of what has none and is known by an id: a message, a request, a change."""
    return f"{VERSION}-{_digits(id_, 16)}-{_digits(id_, 8)}-{SAMPLED}"


def onward(cause: str | None, ce_id: str) -> str:
    """The traceparent of a record: in the trace of its cause; in one of its own where that has none."""
    trace, flags = trace_of(cause) or (_digits(ce_id, 16), SAMPLED)
    return f"{VERSION}-{trace}-{_digits(ce_id, 8)}-{flags}"


def trace_from(fact: Fact) -> str:
    """The trace context that a fact hands on; one from before there were any has that of what it is correlated with."""
    known = fact.traceparent
    return known if known and trace_of(known) else begun_with(fact.correlation_id or fact.id)


def _digits(text: str, size: int) -> str:
    return blake2b(text.encode(), digest_size=size, person=b"stepdown").hexdigest()
