"""What the check says of a ledger that was damaged by hand, and of one that was not."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from services.placement.gate.checks import broken, known, late, sent
from shared.facts.envelope import Fact, headers, to_record
from tests.builders import a_story, admitted, discharged
from tests.placement.feeding import Feed
from tests.placement.gating import BOARD, CLINIC, Gate, board, consent, site_with
from tools.verify.disclosures import DisclosuresOnTopics, not_in_the_ledger, unlike_the_ledger

SITE = site_with(board())


@pytest.fixture
async def told(gate: Gate, feed: Feed) -> list[Fact]:
    """Two disclosures by consent, one by agreement; placement stored the same facts."""
    story = a_story(consent(), admitted(), discharged(), discharged(facility="RIVERBEND", visit="V2"))
    await gate.bring(*story)
    await feed.bring(*story)
    return story


async def found(gate: Gate) -> list[str]:
    return [str(one) async for one in broken(gate.database, SITE)]


async def test_what_rests_on_a_basis_is_not_named(gate: Gate, told: list[Fact]) -> None:
    looked: list[int] = []
    assert [one async for one in broken(gate.database, SITE, checked=lambda _, n: looked.append(n))] == []
    assert sum(looked) == len(await gate.ledger()) == 3


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("UPDATE disclosures SET labels = '{PSY,PART2}' WHERE sequence = 1", "did not hold then (not-in-scope)"),
        ("UPDATE disclosures SET disclosed_at = '2026-02-27' WHERE sequence = 2", "did not hold then (not-begun)"),
        ("UPDATE disclosures SET basis_to = '2026-05-01' WHERE sequence = 2", "did not hold then (expired)"),
        ("UPDATE disclosures SET recipient = 'somebody' WHERE sequence = 2", "did not hold then (no-consent)"),
        ("UPDATE disclosures SET facility = 'RIVERBEND' WHERE sequence = 2", "did not hold then (other-discloser)"),
        ("UPDATE disclosures SET purpose = 'research' WHERE sequence = 2", "did not hold then (other-purpose)"),
        ("UPDATE disclosures SET basis_fact = 'none' WHERE sequence = 2", "the gate has no such consent"),
        ("UPDATE disclosures SET disclosed_at = '2026-05-02' WHERE sequence = 2", "had not heard of the consent yet"),
        ("UPDATE consents SET over = 'revoked', ended_at = '2026-05-01'", "the gate knew that the consent was revoked"),
        ("UPDATE consents SET scope = '{PSY,SUD}'", "terms are not those that intake stated"),
        ("UPDATE consents SET ends = '2027-01-01'", "terms are not those that intake stated"),
        ("UPDATE disclosures SET basis_scope = '{PSY,SUD}' WHERE sequence = 2", "terms are not those"),
        ("DELETE FROM facts WHERE type LIKE '%consent%'", "terms are not those that intake stated"),
    ],
)
async def test_every_damage_is_named_with_the_disclosure(gate: Gate, told: list[Fact], damage: str, says: str) -> None:
    async with gate.database.begin() as connection:
        await connection.execute(sa.text(damage))
    said = await found(gate)
    assert any(says in one for one in said), said
    assert all(one.startswith("disclosure d-") for one in said)


@pytest.mark.parametrize(
    ("since", "named"), [("2026-05-04T12:00:00Z", 0), ("2026-05-04T11:59:59Z", 2)], ids=["then", "a second before"]
)
async def test_what_left_after_the_answer_that_its_consent_is_revoked_is_named(
    gate: Gate, told: list[Fact], since: str, named: int
) -> None:
    said = await late(gate.database, [("consent-1", datetime.fromisoformat(since))])
    assert len(said) == named
    assert all("after the answer that its consent is revoked" in str(one) for one in said)


class Read:
    """A record as it comes from a topic."""

    def __init__(self, topic: str, offset: int, fact: Fact[Any]) -> None:
        self.topic, self.partition, self.offset = topic, 0, offset
        self.value = to_record(fact, topic).value
        self.headers = tuple(headers(fact))


async def compared(gate: Gate, change: Any = None) -> list[str]:
    """What the topics and the ledger say of each other, after a change of what was on the topics."""
    out = DisclosuresOnTopics(set())
    records = [
        Read(f"out.{recipient}", offset, fact)
        for recipient in (CLINIC, BOARD)
        for offset, fact in enumerate(await gate.out(recipient))
    ]
    said = [str(one) for record in (change or list)(records) for one in out.take(record)]
    said += [str(one) async for one in unlike_the_ledger(sent(gate.database), out)]
    ids = await known(gate.database, [disclosure for _, disclosure in out.again])
    return said + [str(one) for one in not_in_the_ledger(out, ids)]


def _strange(records: list[Any]) -> list[Any]:
    records[0].headers = tuple((name, b"d-x" if name == "ce_id" else value) for name, value in records[0].headers)
    return [*records]


def _repeated(records: list[Any]) -> list[Any]:
    again = Read.__new__(Read)
    again.__dict__ = dict(vars(records[0]), offset=9)
    return [*records, again]


def _false_repeat(records: list[Any]) -> list[Any]:
    return _repeated(records)[:-1] + _strange([_repeated(records)[-1]])


def _unreadable(records: list[Any]) -> list[Any]:
    records[0].value = b"{"
    return [*records]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (None, []),
        (_repeated, []),
        (lambda records: records[1:], [f"the ledger and out.{CLINIC} hold other disclosures"]),
        (lambda records: records[:-1], [f"the ledger and out.{BOARD} hold other disclosures"]),
        (_strange, [f"the ledger and out.{CLINIC} hold other disclosures"]),
        (_false_repeat, ["it is not in the ledger"]),
        (_unreadable, ["it is no disclosure that can be read", f"the ledger and out.{CLINIC} hold other disclosures"]),
    ],
)
async def test_each_record_on_out_has_its_row_and_each_row_its_record(
    gate: Gate, told: list[Fact], change: Any, says: list[str]
) -> None:
    said = await compared(gate, change)
    assert len(said) == len(says)
    assert all(expected in one for expected, one in zip(says, said, strict=True)), said


async def test_a_ledger_row_that_is_gone_is_missed(gate: Gate, told: list[Fact]) -> None:
    async with gate.database.begin() as connection:
        await connection.execute(sa.text("DELETE FROM disclosures WHERE recipient = :r"), {"r": BOARD})
    assert await compared(gate) == [f"episode episode-1: the ledger and out.{BOARD} hold other disclosures"]
