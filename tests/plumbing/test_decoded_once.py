"""Two consumers of one process read the same topic: each record is decoded once, whoever comes first."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka import ConsumerRecord

from shared.errors import InvalidMessage
from shared.facts.envelope import Fact, headers
from shared.messaging.decoded_once import DecodedOnce
from shared.messaging.subscription import decode_fact
from tests.builders import admitted, discharged


def record(of: Fact, offset: int = 0) -> ConsumerRecord[Any, Any]:
    """The fact at an offset of partition 0."""
    key, value, told = of.subject.encode(), of.body, tuple(headers(of))
    return ConsumerRecord("care.events", 0, offset, 0, 0, key, value, None, len(key), len(value), told)


class Counted:
    """A `decode` that counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, record: ConsumerRecord[Any, Any]) -> Fact:
        self.asked += 1
        return decode_fact(record)


def test_the_second_consumer_gets_what_the_first_one_had_decoded() -> None:
    counted = Counted()
    decode = DecodedOnce(counted)
    batch = [record(admitted(), 0), record(discharged(), 1)]
    first, second = [decode(one) for one in batch], [decode(one) for one in batch]
    assert [one is other for one, other in zip(first, second, strict=True)] == [True, True]
    assert counted.asked == 2


@pytest.mark.parametrize("other", [discharged(), admitted(ce_id="other")], ids=["another value", "another ce_id"])
def test_another_record_at_the_same_place_is_decoded_as_what_it_is(other: Fact) -> None:
    decode = DecodedOnce(decode_fact)
    decode(record(admitted()))
    assert decode(record(other)) == other


def test_consumers_that_are_far_apart_decode_for_themselves_and_nothing_piles_up() -> None:
    counted = Counted()
    decode = DecodedOnce(counted, most=10)
    facts = [admitted(ce_id=f"fact-{number}") for number in range(25)]
    for _ in range(2):
        assert [decode(record(one, number)) for number, one in enumerate(facts)] == facts
    assert counted.asked == 50


def test_a_record_that_is_no_fact_is_refused_to_each_of_them() -> None:
    decode = DecodedOnce(decode_fact)
    broken = record(admitted())
    broken.value = b"no JSON"
    for _ in range(2):
        with pytest.raises(InvalidMessage):
            decode(broken)
