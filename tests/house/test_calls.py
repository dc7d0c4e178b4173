"""What one discharge costs stays what it is: function calls of ours, counted, beside bench/calls.json."""

from __future__ import annotations

import json

import pytest

from tests.house.calls import COUNTS, KEPT, figures

MORE, LESS = 0.10, 0.15
"""By so much of the kept figure it may be more, or less."""
RENEW = "`python -m tests.house.calls` writes bench/calls.json anew"


def verdict(service: str, kept: int, found: int) -> str | None:
    """What is wrong, in a sentence; None where nothing is."""
    if found > kept * (1 + MORE):
        return f"{service}: one discharge calls {found} functions, {kept} before: mend it, or say why and {RENEW}"
    if found < kept * (1 - LESS):
        return f"{service}: one discharge calls {found} functions only, {kept} before: {RENEW}, so that it stays so"
    return None


async def test_a_discharge_calls_as_many_functions_as_it_did() -> None:
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    assert kept.keys() == COUNTS.keys()
    wrong = [text async for service, found in figures() if (text := verdict(service, kept[service], found))]
    assert not wrong, "; ".join(wrong)


@pytest.mark.parametrize(("found", "word"), [(111, "mend it"), (110, None), (100, None), (85, None), (84, "only")])
def test_much_more_and_much_less_are_told(found: int, word: str | None) -> None:
    told = verdict("intake", 100, found)
    assert told is None if word is None else told and word in told
