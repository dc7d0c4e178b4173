"""Scenes of this morning about care: who waits for a program, is asked for, placed, treated, paid for or called."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tools.simulator.doors import Json, Refused
from tools.simulator.messages import FACILITY
from tools.simulator.somebody import DAY_PROGRAM, PAYER, PROGRAM, REVIEWER, Scene, Somebody, there

SMALL_PROGRAM, RESIDENCE, CLINIC = "GH-PHP-YOUTH", "RES", "valley-clinic"
PHYSICIAN, INJECTION, LANGUAGE, STAYED = "1000000079", "1721029", "ht", 50
"""An NPI, a code of RxNorm, a language (Haitian Creole), and days."""


async def _waits(one: Somebody) -> None:
    """Left on the day before yesterday; nobody was asked yet."""
    await one.leaves(2)


async def _is_not_answered(one: Somebody) -> None:
    """Left yesterday, and speaks a language that no program answers; nobody was asked yet."""
    search = await one.leaves(1.5)
    await one.morning.post("placement", f"/api/searches/{search}/needs", {"language": LANGUAGE})


async def _is_expected(one: Somebody) -> None:
    """Pre-admitted to the day program this morning, and to come the day after tomorrow."""
    morning = one.morning
    told = one.visit.says("A05", morning.now - timedelta(hours=1), "PHP1").raw
    await morning.send(told + f"PV2||||||||{morning.day(-2).replace('-', '')}\r".encode())


async def _is_asked_for(one: Somebody) -> None:
    """Two programs were asked this morning."""
    await one.asks(await one.leaves(1))


async def _is_countered(one: Somebody) -> None:
    """A program would take the patient on another day."""
    [offer, *_] = await one.asks(await one.leaves(1.2), DAY_PROGRAM)
    later = {"start_date": one.morning.day(-4), "reason": "full-until-then"}
    await one.morning.post("placement", f"/api/offers/{offer}/countered", later, PROGRAM)


async def _waits_in_line(one: Somebody) -> None:
    """Waits for a seat at a small program, and needs the next injection before."""
    search = await one.leaves(3)
    body = {"search_id": search, "program": SMALL_PROGRAM}
    await one.morning.post("placement", "/api/waitlist", body)
    medication: Json = {"code": INJECTION, "prescriber_npi": PHYSICIAN, "last_given": one.morning.day(3)}
    medication |= {"next_due": one.morning.day(-2), "days_in_hand": 2}
    await one.morning.post("placement", f"/api/episodes/{one.episode_id}/medication", medication, "clinician")


async def _comes_tomorrow(one: Somebody) -> None:
    """Placed; the first day is tomorrow."""
    await one.is_placed(2, -1)


async def _should_have_come(one: Somebody) -> None:
    """Placed; the first day was yesterday, and nobody said whether the patient came."""
    await one.is_placed(4, 1)


async def _did_not_come(one: Somebody) -> None:
    """Placed, and did not come on the first day."""
    await one.of(await one.is_placed(5, 2), "start-missed", {})


async def _is_in_the_program(one: Somebody) -> None:
    """In the program; the authorization ends in three days, and the plan was to be reviewed yesterday."""
    placement = await one.starts(12, 10)
    for ago in (9, 8, 7, 4, 3, 2):
        await one.attends(placement, ago)
    await one.is_authorized(20, 10, -3)
    plan = {"level": "php", "hours_week": 20, "days_week": 5, "goals": 3, "review_due": one.morning.day(1)}
    await one.morning.post("placement", f"/api/episodes/{one.episode_id}/plan", plan, "clinician")


async def _used_all_days(one: Somebody) -> None:
    """In the program; all days that the payer allowed are used."""
    placement = await one.starts(9, 7)
    for ago in (6, 5, 4):
        await one.attends(placement, ago)
    await one.is_authorized(3, 7, -20)


async def _is_reviewed(one: Somebody) -> None:
    """In residence for fifty days: authorized, extended until the day after tomorrow, and more was denied, with days to
    answer; certified late at the admission, and not again since; longer there than is expected."""
    await one.says("A01", STAYED, RESIDENCE)
    watch, day = one.morning.watch, one.morning.day
    one.episode_id = await there(watch, lambda: watch.episodes.get(one.visit.number), "an episode")
    asked: Json = {"episode_id": one.episode_id, "payer": PAYER, "level": "residential", "units": 20}
    asked |= {"from": day(STAYED), "to": day(STAYED - 19), "next_review": day(STAYED - 15)}
    made = await one.morning.post("placement", "/api/authorizations", asked, REVIEWER)
    path = f"/api/authorizations/{made['auth_id']}"
    await one.morning.post("placement", f"{path}/approved", {"number": "A-4471"}, REVIEWER)
    longer: Json = {"units": STAYED + 3, "to": day(-2), "next_review": day(0), "reference": "call-118"}
    await one.morning.post("placement", f"{path}/extended", longer, REVIEWER)
    more: Json = {"units": STAYED + 17, "to": day(-16)}
    await one.morning.post("placement", f"{path}/requested", more, REVIEWER)
    answer: Json = {"reason": "not-medically-necessary"}
    answer["denial"] = {"peer_to_peer_by": day(-2), "appeal_by": day(-60)}
    await one.morning.post("placement", f"{path}/denied", answer, REVIEWER)
    signed = (one.morning.now - timedelta(days=STAYED - 2)).isoformat()
    certified: Json = {"kind": "initial", "npi": PHYSICIAN, "from": day(STAYED), "to": day(STAYED - 29)}
    path = f"/api/episodes/{one.episode_id}/certified"
    await one.morning.post("placement", path, certified | {"signed_at": signed}, REVIEWER)


async def _is_in_two_places(one: Somebody) -> None:
    """Attended at the program, and then the hospital took the discharge back: both cannot be so."""
    placement = await one.starts(6, 4)
    await one.attends(placement, 3)
    await one.says("A13", 6, said=one.morning.now - timedelta(hours=1))


async def _has_no_seat(one: Somebody) -> None:
    """The stay at a small program was ended in error; its seat was given away before that was taken back."""
    placement = await one.starts(8, 6, SMALL_PROGRAM)
    await one.of(placement, "completed", {"date": one.morning.day(1), "reason": "goals-met"})
    kept = {"episode_id": one.episode_id, "program": SMALL_PROGRAM}
    kept |= {"from": one.morning.now.isoformat(), "until": (one.morning.now + timedelta(days=20)).isoformat()}
    for _ in range(50):
        try:
            await one.morning.post("placement", "/api/seats", kept)
        except Refused as full:
            if full.word != "program-full":
                raise
            break
    await one.of(placement, "end-withdrawn", {"reason": "told-by-mistake"})


async def _has_consented(one: Somebody) -> None:
    """Left yesterday, and lets the hospital tell the clinic about it."""
    await one.leaves(1)
    allowed = {"recipient": CLINIC, "purpose": "treatment", "scope": ["PSY"], "episode_id": one.episode_id}
    await one.morning.post("intake", "/consents", {"facility": FACILITY, **allowed})


async def _was_not_taken(one: Somebody) -> None:
    """Left the day program after all; the provider of the first referral that waits cannot take the patient."""
    placement = await one.starts(16, 14)
    await one.of(placement, "completed", {"date": one.morning.day(6), "reason": "goals-met"})

    async def referrals() -> Any:
        return (await one.morning.doors.get("aftercare", "/api/worklists/referrals", "clinician"))["items"]

    path = f"/api/referrals/{(await one.morning.shown(referrals, 'a referral'))[0]['id']}/declined"
    await one.morning.post("aftercare", path, {"reason": "no-capacity"}, "clinician")


async def _cannot_have_begun(one: Somebody) -> None:
    """Said to have begun at the program yesterday, and was in the ward again since three days ago."""
    await one.starts(8, 1)
    back = replace(one, visit=replace(one.visit, number=f"{one.visit.number}B", admitted=None))
    await back.says("A01", 3)


async def _is_to_leave(one: Somebody) -> None:
    """Expected to leave tomorrow, and nobody was asked yet."""
    await one.is_to_leave()


async def _is_placed_ahead(one: Somebody) -> None:
    """Expected to leave tomorrow; a program took the patient, and begins only five days later."""
    [offer, *_] = await one.asks(await one.is_to_leave(), DAY_PROGRAM, start=-6)
    await one.morning.post("placement", f"/api/offers/{offer}/accepted", {}, PROGRAM)


async def _is_ready(one: Somebody) -> None:
    """Ready to step down since two days ago, and waits for the payer."""
    await one.is_in_the_ward(6)
    since = (one.morning.now - timedelta(days=2)).isoformat()
    path = f"/api/episodes/{one.episode_id}/ready-for-step"
    await one.morning.post("placement", path, {"at": since, "waiting_for": "payer"})


OF_CARE: tuple[Scene, ...] = (
    _waits, _is_not_answered, _is_expected, _is_asked_for, _is_countered, _waits_in_line, _comes_tomorrow,
    _should_have_come, _did_not_come, _is_in_the_program, _used_all_days, _is_reviewed, _is_in_two_places,
    _has_no_seat, _has_consented, _was_not_taken, _cannot_have_begun, _is_to_leave, _is_placed_ahead,
    _is_ready,
)  # fmt: skip
"""One patient each."""
