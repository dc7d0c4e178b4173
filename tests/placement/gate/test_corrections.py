"""What takes a fact back goes to whoever got the fact, and to nobody else."""

from __future__ import annotations

from dataclasses import replace

from tests.builders import a_story, admitted, cancelled, discharged, restated
from tests.placement.gating import BOARD, Gate, consent, revoked


async def test_a_correction_goes_to_whoever_got_what_it_corrects(gate: Gate) -> None:
    begun = admitted("2026-03-02 10:00")
    mended = restated(begun, level="residential")
    story = a_story(consent(), begun, mended, cancelled(mended))
    for one in story:
        await gate.bring(one)
    first, second, third = await gate.out()
    assert (second.value.replaces, second.value.content) == (begun.id, {"level": "residential"})
    assert (third.value.cancels, third.value.content) == (mended.id, {})
    assert [one.sequence for one in (first, second, third)] == [1, 2, 3]
    assert await gate.told(BOARD) == []
    assert [(row.corrects, row.corrected) for row in await gate.ledger()] == [
        (None, None),
        ("replaces", begun.id),
        ("cancels", mended.id),
    ]


async def test_what_never_went_out_is_corrected_in_silence(gate: Gate) -> None:
    begun = admitted()
    mended = restated(begun, level="residential")
    ended = discharged()
    story = a_story(begun, ended, mended, cancelled(ended))
    for one in story:
        await gate.bring(one)
    assert await gate.waiting() == [(mended.id, "no-consent")]
    await gate.bring(replace(consent(), sequence=5))
    (sent,) = await gate.out()
    assert sent.value.fact_id == mended.id
    assert sent.value.replaces is None


async def test_a_correction_that_may_not_go_out_any_more_is_withheld_and_goes_with_the_next_consent(gate: Gate) -> None:
    begun = admitted()
    mended = restated(begun, level="residential")
    story = a_story(consent(), begun, revoked(), mended, cancelled(mended), consent(consent_id="consent-2"))
    for one in story[:4]:
        await gate.bring(one)
    assert await gate.waiting() == [(mended.id, "revoked")]
    await gate.bring(story[4])
    assert await gate.waiting() == [(story[4].id, "revoked")], "the withheld correction is no more, its cancel waits"
    await gate.bring(story[5])
    last = (await gate.out())[-1]
    assert (last.value.cancels, last.value.fact_type) == (begun.id, "care.fact-cancelled.v1")
    assert await gate.waiting() == []


async def test_a_cancel_of_part_2_care_needs_what_the_fact_itself_needed(gate: Gate) -> None:
    sud = ("SUD", "PART2")
    begun = admitted(labels=sud, unit="DTX")
    story = a_story(consent(scope=sud), begun, revoked(), cancelled(begun, labels=()))
    for one in story:
        await gate.bring(one)
    assert await gate.waiting() == [(story[3].id, "revoked")]


async def test_a_cancel_that_comes_before_its_fact_keeps_it_in(gate: Gate) -> None:
    begun = admitted()
    first, second = a_story(cancelled(begun), begun)
    await gate.bring(replace(consent(), writer="intake", sequence=1))
    await gate.bring(replace(first, sequence=2))
    await gate.bring(replace(second, sequence=3))
    assert await gate.out() == []
    assert await gate.waiting() == []


async def test_another_writers_cancel_takes_nothing_back(gate: Gate) -> None:
    begun = admitted()
    story = a_story(consent(), begun, cancelled(begun, writer="aftercare"))
    for one in story:
        await gate.bring(one)
    assert await gate.told() == [begun.id]
