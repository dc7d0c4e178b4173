"""W3C Trace Context in records: which trace a record belongs to, and its own span id. Pure: nothing is random.

A `traceparent` that came with a message or request is continued. Without one the trace id is computed from the
message's or request's id, so that everything that follows from it, in every service and each time it is repeated, is in
one trace. Each record's span id is computed from its ce_id. Source: W3C Trace Context (Recommendation 2021) sections
3.2 and 4.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b

from shared.facts.envelope import Fact

HEADER = "traceparent"
_FORM = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
VERSION, SAMPLED = "00", "01"


@lru_cache(4096)  # what follows from a message has its trace
def trace_of(traceparent: str | None) -> tuple[str, str] | None:
    """(trace id, flags) of a traceparent, or None where it is not valid. Of a later version only the known part is
    read."""
    found = _FORM.fullmatch(traceparent) if traceparent else None
    if found is None or (found[1] == VERSION and found[5]):
        return None
    return found[2], found[4]


@lru_cache(4096)  # a message's facts come together
def begun_with(id_: str) -> str:
    """The trace context computed from the id of a message, a request or a change that came without one."""
    return f"{VERSION}-{_digits(id_, 16)}-{_digits(id_, 8)}-{SAMPLED}"


def onward(cause: str | None, ce_id: str) -> str:
    """A record's traceparent: in the trace of its cause; without a cause's, in a trace computed from its own ce_id."""
    trace, flags = trace_of(cause) or (_digits(ce_id, 16), SAMPLED)
    return f"{VERSION}-{trace}-{_digits(ce_id, 8)}-{flags}"


def trace_from(fact: Fact) -> str:
    """The trace context that a fact passes on; for a fact of a version without one, computed from its correlation
    id."""
    known = fact.traceparent
    return known if known and trace_of(known) else begun_with(fact.correlation_id or fact.id)


def _digits(text: str, size: int) -> str:
    return blake2b(text.encode(), digest_size=size, person=b"stepdown").hexdigest()
