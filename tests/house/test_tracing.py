"""A trace context by the W3C's rules: what is gone on with, what is not, and which place a record has in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.facts.tracing import begun_with, onward, trace_from, trace_of
from shared.web import tracing
from tests.builders import admitted

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GIVEN = f"00-{TRACE}-{PARENT}-01"


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (GIVEN, (TRACE, "01")),
        (f"00-{TRACE}-{PARENT}-00", (TRACE, "00")),
        (f"cc-{TRACE}-{PARENT}-01-what-comes-later", (TRACE, "01")),
        (f"cc-{TRACE}-{PARENT}-01", (TRACE, "01")),
        (f"00-{TRACE}-{PARENT}-01-more", None),
        (f"ff-{TRACE}-{PARENT}-01", None),
        (f"00-{'0' * 32}-{PARENT}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE.upper()}-{PARENT}-01", None),
        (f"00-{TRACE[1:]}-{PARENT}-01", None),
        (f"{GIVEN}\n", None),
        ("DOE^JANE", None),
        ("", None),
        (None, None),
    ],
)
def test_what_is_no_trace_context_is_not_gone_on_with(given: str | None, found: tuple[str, str] | None) -> None:
    assert trace_of(given) == found
    made = onward(given, "fact-1")
    assert trace_of(made) is not None
    assert (TRACE in made) == (found is not None)


def test_each_record_has_a_place_of_its_own_and_the_same_when_it_is_told_again() -> None:
    first, second = onward(GIVEN, "fact-1"), onward(GIVEN, "fact-2")
    assert first != second
    assert len({each.split("-")[2] for each in (first, second, GIVEN)}) == 3
    assert onward(GIVEN, "fact-1") == first
    assert onward(None, "fact-1").split("-")[1] != onward(None, "fact-2").split("-")[1]


def test_a_fact_hands_its_trace_on_and_one_from_before_that_of_what_it_is_correlated_with() -> None:
    fact = replace(admitted(ce_id="f"), correlation_id="message-1", traceparent=GIVEN)
    assert trace_from(fact) == GIVEN
    old = replace(fact, traceparent="none")
    assert trace_from(old) == begun_with("message-1") != begun_with("f")
    assert trace_from(admitted(ce_id="f")) == begun_with("f")


def test_a_request_that_brings_no_trace_begins_one() -> None:
    tracing.begin(GIVEN)
    assert tracing.of_the_request() == GIVEN
    tracing.begin("nonsense")
    first = tracing.of_the_request()
    tracing.begin(None)
    assert trace_of(first) is not None
    assert first != tracing.of_the_request()
