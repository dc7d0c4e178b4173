"""How long intake keeps what: each kind for its days and no longer, and everything else goes on as before."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from services.intake.keeping.texts import raw_messages, refused_messages
from services.intake.receiving.read import Received
from services.intake.receiving.receive import Intake
from services.intake.timers import retention_kinds, timers
from shared import metrics, retention
from shared.clock import SetClock
from shared.site.config import Site
from shared.site.limits import Retention
from tests.intake.conftest import NOW, Hospital
from tests.intake.test_invariants import found as broken

DAY = timedelta(days=1)
MOMENT = timedelta(milliseconds=1)
ANSWERED = (
    "INSERT INTO answered_requests (caller, key, request, at) VALUES ('', 'old', '', :old), ('', 'new', '', :new)"
)
DEAD = (
    "INSERT INTO dead_letters (id, consumer, topic, partition, kafka_offset, error, attempts, sealed, died_at) "
    "SELECT n::text, 'intake.hospital.adt', 'hospital.adt', 0, n, 'no', 1, 'x', now() - make_interval(days => n) "
    "FROM generate_series(3, 5) AS n"
)


async def rows(intake: Intake, query: str) -> list[Any]:
    async with intake.database.read() as connection:
        return list((await connection.execute(sa.text(query))).all())


async def texts(intake: Intake) -> list[str]:
    """The answers of the messages that still have their text."""
    found = await rows(intake, "SELECT answer FROM messages WHERE sealed IS NOT NULL ORDER BY answer")
    return [row.answer for row in found]


async def delete(intake: Intake, at: datetime, raw: int = 10, refused: int = 5) -> dict[str, int]:
    """What a round at this time deletes."""
    kinds = [raw_messages(raw), refused_messages(refused)]
    return await retention.delete_old(intake.database, kinds, at=at, actor="retention")


def refused(hospital: Hospital) -> bytes:
    """A message without a patient: AE."""
    return hospital.message("A01").replace(b"PID|", b"ZID|")


async def test_each_text_goes_after_its_days_and_not_before(own_intake: Intake) -> None:
    hospital = Hospital(own_intake)
    await hospital.says(hospital.message("A01"), refused(hospital))
    assert await delete(own_intake, NOW + 5 * DAY) == {"raw-messages": 0, "refused-messages": 0}
    assert await delete(own_intake, NOW + 5 * DAY + MOMENT) == {"raw-messages": 0, "refused-messages": 1}
    assert await texts(own_intake) == ["AA"]
    assert await delete(own_intake, NOW + 10 * DAY) == {"raw-messages": 0, "refused-messages": 0}
    assert await delete(own_intake, NOW + 10 * DAY + MOMENT) == {"raw-messages": 1, "refused-messages": 0}
    assert await texts(own_intake) == []


async def test_a_second_round_finds_nothing_left(own_intake: Intake) -> None:
    hospital = Hospital(own_intake)
    await hospital.tells("A01")
    assert (await delete(own_intake, NOW + 11 * DAY))["raw-messages"] == 1
    assert (await delete(own_intake, NOW + 11 * DAY))["raw-messages"] == 0


async def test_without_days_texts_are_kept_for_ever(own_intake: Intake) -> None:
    await Hospital(own_intake).tells("A01")
    assert await delete(own_intake, NOW + 36_000 * DAY, raw=0, refused=0) == {}
    assert await texts(own_intake) == ["AA"]


async def test_what_would_go_is_counted_and_nothing_is_written(own_intake: Intake) -> None:
    hospital = Hospital(own_intake)
    await hospital.says(hospital.message("A01"), refused(hospital))
    kinds = [raw_messages(10), refused_messages(5), *retention_kinds(own_intake.site, 30)[2:]]
    before = await rows(own_intake, "SELECT messages.*::text FROM messages ORDER BY message_id")
    would = await retention.due(own_intake.database, kinds, NOW + 11 * DAY)
    assert would == {"raw-messages": 1, "refused-messages": 1, "sessions": 0, "dead-letters": 0, "answered-requests": 0}
    assert await rows(own_intake, "SELECT messages.*::text FROM messages ORDER BY message_id") == before
    assert await rows(own_intake, "SELECT 1 FROM audit WHERE action = 'retention'") == []


def unknown(hospital: Hospital) -> bytes:
    """A message of an event that there is not: AR."""
    return hospital.message("A01").replace(b"ADT^A01", b"ADT^A56")


async def test_what_got_ar_is_kept_sealed_once_and_goes_after_its_days(own_intake: Intake) -> None:
    hospital = Hospital(own_intake)
    odd = unknown(hospital)
    answers = await hospital.says(odd, b"no HL7 at all", odd, hospital.message("A01", msh11="D"))
    answers += await hospital.says(odd)
    assert {answer.code for answer in answers} == {"AR"}
    kept = await rows(own_intake, "SELECT * FROM refused_messages ORDER BY message_id")
    assert [(row.reason, row.times, row.facility) for row in kept] == [
        ("201 MSH-9", 3, "GOODHEALTH"), ("100 MSH", 1, ""), ("202 MSH-11", 1, "GOODHEALTH"),
    ]  # fmt: skip
    assert [own_intake.seal.open(row.sealed, row.message_id) for row in kept[:2]] == [odd, b"no HL7 at all"]
    assert (await delete(own_intake, NOW + 5 * DAY))["refused-messages"] == 0
    assert (await delete(own_intake, NOW + 5 * DAY + MOMENT))["refused-messages"] == 3
    assert await rows(own_intake, "SELECT 1 FROM refused_messages") == []
    assert [answer.code for answer in await hospital.says(odd)] == ["AR"]
    assert [row.times for row in await rows(own_intake, "SELECT times FROM refused_messages")] == [1]


async def test_what_is_refused_while_the_clock_is_wrong_is_not_kept(own_intake: Intake) -> None:
    hospital = Hospital(own_intake)
    await hospital.tells("A01")
    slow = Intake(own_intake.database, own_intake.site, own_intake.seal, SetClock(NOW - 40 * DAY))
    told = slow.messages_of(Received(hospital.message("A03", "20260312100000"), "mllp", slow.clock()))
    [answer] = await slow.receive([told])
    assert (answer.code, answer.away) == ("AR", True)
    assert await rows(own_intake, "SELECT 1 FROM refused_messages") == []


async def test_more_texts_than_one_transaction_takes_all_go(own_intake: Intake) -> None:
    hospital = Hospital(own_intake)
    number = retention.AT_ONCE + 3
    copies = (
        "INSERT INTO messages SELECT (m).* FROM (SELECT jsonb_populate_record(m, jsonb_build_object('message_id', "
        "m.message_id || n, 'ids', '\\x' || lpad(to_hex(n), 8, '0'))) AS m FROM messages AS m, "
        f"generate_series(1, {number - 1}) AS n) AS copied"
    )
    await hospital.tells("A01")
    async with own_intake.database.begin() as connection:
        await connection.execute(sa.text(copies))
    counted = metrics.RETENTION.labels("raw-messages")._value.get()
    assert (await delete(own_intake, NOW + 11 * DAY))["raw-messages"] == number
    assert await texts(own_intake) == []
    assert metrics.RETENTION.labels("raw-messages")._value.get() - counted == number


async def test_what_went_is_in_the_audit_as_a_kind_and_a_number(own_intake: Intake) -> None:
    hospital = Hospital(own_intake)
    await hospital.says(hospital.message("A01"), hospital.message("A03", "20260312100000"))
    await delete(own_intake, NOW + 11 * DAY)
    [entry] = await rows(own_intake, "SELECT * FROM audit WHERE action = 'retention'")
    assert (entry.actor, entry.subject, entry.count, entry.reason) == (
        "retention", "raw-messages", 2, "older than 10 days",
    )  # fmt: skip


async def test_a_text_that_another_transaction_has_locked_is_not_waited_for(own_intake: Intake) -> None:
    hospital = Hospital(own_intake)
    await hospital.tells("A01")
    async with own_intake.database.begin() as other:
        await other.execute(sa.text("SELECT 1 FROM messages FOR UPDATE"))
        assert (await delete(own_intake, NOW + 11 * DAY))["raw-messages"] == 0
    assert (await delete(own_intake, NOW + 11 * DAY))["raw-messages"] == 1


async def test_a_discharge_whose_text_went_is_still_amended_and_cancelled(own_intake: Intake) -> None:
    hospital = Hospital(own_intake)
    await hospital.tells("A01")
    await hospital.tells("A03", "20260312100000")
    await delete(own_intake, NOW + 11 * DAY)
    assert await texts(own_intake) == []
    await hospital.tells("A08", "20260313090000", pv1={44: "20260310080000", 45: "20260312100000", 36: "01"})
    assert await hospital.standing() == {("admitted", "2026-03-10"), ("discharged", "2026-03-12")}
    await hospital.tells("A13", "20260313110000")
    assert await hospital.standing() == {("admitted", "2026-03-10")}
    await hospital.tells("A03", "20260315100000")
    assert await hospital.standing() == {("admitted", "2026-03-10"), ("discharged", "2026-03-15")}
    assert await broken(own_intake) == []


async def test_a_message_whose_text_went_is_still_a_repeat(own_intake: Intake) -> None:
    hospital = Hospital(own_intake)
    raw, wrong = hospital.message("A01"), refused(hospital)
    first = await hospital.says(raw, wrong)
    await delete(own_intake, NOW + 11 * DAY)
    again = await hospital.says(raw, wrong)
    assert [answer.replies for answer in again] == [answer.replies for answer in first]
    assert await hospital.names() == ["admitted"]


async def test_visits_whose_texts_went_are_derived_again_under_another_site_config(own_intake: Intake) -> None:
    hospital = Hospital(own_intake)
    await hospital.tells("A01")
    await hospital.tells("A03", "20260312100000", pv1={36: "70"})
    before = await hospital.standing()
    await delete(own_intake, NOW + 11 * DAY)
    changed = own_intake.site.model_copy(update={"name": "another"})
    other = Intake(
        own_intake.database, Site.model_validate(changed.model_dump(by_alias=True)), own_intake.seal, own_intake.clock
    )
    while await other.derive_again():
        pass
    assert await hospital.standing() == before
    assert await broken(other) == []


def site_with(intake: Intake, **days: int) -> Site:
    """The sample site with other days."""
    return intake.site.model_copy(update={"retention": Retention(**days)})


async def test_the_services_timer_works_by_the_sites_days(own_intake: Intake) -> None:
    site, clock = site_with(own_intake, raw_message_days=3), SetClock(NOW + 3 * DAY + MOMENT)
    later = Intake(own_intake.database, site, own_intake.seal, clock)
    await later.prepare()
    await Hospital(own_intake).tells("A01")
    [timer] = [each for each in timers(later) if each.name == "retention"]
    await timer.work()
    assert await texts(own_intake) == []


async def test_answers_to_requests_and_dead_letters_go_by_the_sites_days(own_intake: Intake) -> None:
    site = site_with(own_intake, answered_request_days=3, dead_letter_days=4)
    async with own_intake.database.begin() as connection:
        await connection.execute(sa.text(ANSWERED), {"old": NOW - 3 * DAY - MOMENT, "new": NOW - 3 * DAY})
        await connection.execute(sa.text(DEAD))
    kinds = retention_kinds(site, dead_letter_days=30)
    would = await retention.due(own_intake.database, kinds, NOW)
    went = await retention.delete_old(own_intake.database, kinds, at=NOW, actor="cli:somebody")
    assert would == went == {"refused-messages": 0, "sessions": 0, "dead-letters": 2, "answered-requests": 1}
    assert [row.key for row in await rows(own_intake, "SELECT key FROM answered_requests")] == ["new"]
    assert [row.id for row in await rows(own_intake, "SELECT id FROM dead_letters WHERE sealed IS NOT NULL")] == ["3"]
    audited = await rows(own_intake, "SELECT subject, count, actor FROM audit WHERE action = 'retention' ORDER BY 1")
    assert [tuple(row) for row in audited] == [
        ("answered-requests", 1, "cli:somebody"),
        ("dead-letters", 2, "cli:somebody"),
    ]


def test_days_of_retention_are_no_other_version_of_the_site(intake: Intake) -> None:
    assert site_with(intake, raw_message_days=3).version == intake.site.version
