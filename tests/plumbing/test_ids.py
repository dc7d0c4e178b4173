"""Ids that tell nothing are UUIDs of version 4, as other programs read them."""

from __future__ import annotations

import uuid

from shared.ids import random_id


def test_an_id_that_tells_nothing_is_a_random_uuid() -> None:
    made = {random_id() for _ in range(1000)}
    read = [uuid.UUID(one) for one in made]
    assert len(made) == 1000
    assert {(one.version, one.variant) for one in read} == {(4, uuid.RFC_4122)}
    assert made == {str(one) for one in read}


def test_every_other_digit_of_it_is_random() -> None:
    seen = [set[str]() for _ in range(36)]
    for _ in range(1000):
        for place, digit in enumerate(random_id()):
            seen[place].add(digit)
    fixed = {8: {"-"}, 13: {"-"}, 18: {"-"}, 23: {"-"}, 14: {"4"}, 19: set("89ab")}
    assert seen == [fixed.get(place, set("0123456789abcdef")) for place in range(36)]
