"""This morning's work, played on a running system with today's days, and left half done: so that every list of both
desks has somebody in it when a person looks.

A dozen patients of its own, told over MLLP and at the desks as any others are; nothing is written past the doors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo
from itertools import count
from typing import Any

from shared.errors import Transient
from tools.mllp_client import MllpClient
from tools.simulator.doors import Doors, Json, Refused
from tools.simulator.lives import FAMILY, GIVEN
from tools.simulator.messages import FACILITY, Person, Visit
from tools.simulator.watch import Watch

WARD, PAYER, DIAGNOSIS, CLINIC = "3W", "ACME", "F33.2", "valley-clinic"
DAY_PROGRAM, SMALL_PROGRAM = "GH-PHP1", "GH-PHP-YOUTH"
RESIDENCE, PHYSICIAN, STAYED = "RES", "1000000079", 50
"""A unit, an NPI, and days."""
PATIENCE = 20.0
"""Seconds to wait for what follows from a message."""
PROGRAM, REVIEWER = "program", "reviewer"


@dataclass(slots=True)
class Morning:
    """`send`: takes a message to the hospital's MLLP port; `now`: this morning; `mark`: begins the ids of its
    patients."""

    doors: Doors
    watch: Watch
    send: Callable[[bytes], Awaitable[object]]
    now: datetime
    zone: tzinfo
    mark: str
    numbers: count[int] = field(default_factory=lambda: count(1))
    people: count[int] = field(default_factory=lambda: count(1))

    def day(self, ago: int) -> str:
        """A day in the facility's zone, so many before today."""
        return (self.now.astimezone(self.zone).date() - timedelta(days=ago)).isoformat()

    async def post(self, service: str, path: str, body: Json, role: str = "coordinator") -> Json:
        """An act at a desk; again while what it is about is not there yet. Raises Refused."""
        until = asyncio.get_running_loop().time() + PATIENCE
        while True:
            try:
                return await self.doors.post(service, path, body, f"{self.mark}-{next(self.numbers)}", role)
            except Refused as no:
                if no.status != 404 or asyncio.get_running_loop().time() > until:
                    raise
            await asyncio.sleep(0.3)


@dataclass(slots=True)
class Somebody:
    """One patient of this morning, and the hospital's visit."""

    morning: Morning
    visit: Visit
    episode_id: str = ""

    async def says(self, trigger: str, ago: float, unit: str = WARD, **more: Any) -> None:
        """The hospital tells what happened so many days ago."""
        at = self.morning.now - timedelta(days=ago)
        await self.morning.send(self.visit.says(trigger, at, unit, **more).raw)

    async def leaves(self, ago: float, stayed: float = 6) -> str:
        """Admitted, and discharged home so many days ago; returns the id of the search for the next program."""
        await self.says("A01", ago + stayed)
        await self.says("A03", ago, disposition="01")
        watch = self.morning.watch
        self.episode_id = await _there(watch, lambda: watch.episodes.get(self.visit.number), "an episode")
        return str((await _there(watch, lambda: watch.searches.get(self.episode_id), "a search")).search_id)

    async def is_to_leave(self, stayed: float = 4, ahead: int = 1) -> str:
        """In the ward since so many days, and expected to leave so many days ahead; the search for what follows."""
        await self.is_in_the_ward(stayed)
        leaves = (self.morning.now + timedelta(days=ahead)).isoformat()
        path = f"/api/episodes/{self.episode_id}/discharge-planned"
        await self.morning.post("placement", path, {"expected_at": leaves})
        watch = self.morning.watch
        return str((await _there(watch, lambda: watch.searches.get(self.episode_id), "a search")).search_id)

    async def is_in_the_ward(self, stayed: float) -> None:
        """Admitted so many days ago."""
        await self.says("A01", stayed)
        watch = self.morning.watch
        self.episode_id = await _there(watch, lambda: watch.episodes.get(self.visit.number), "an episode")

    async def asks(self, search_id: str, *programs: str, start: int = -1, **more: Any) -> list[str]:
        """Offers to these programs, or else to the first two that suit, for a first day so many days ago (-1:
        tomorrow); their ids."""
        asked = list(programs) or await self._suits(search_id)
        body = {"search_id": search_id, "programs": asked, "start_date": self.morning.day(start), **more}
        sent = await self.morning.post("placement", "/api/offers", body)
        return [str(each["offer_id"]) for each in sent["offers"]]

    async def is_placed(self, ago: float, start: int, program: str = DAY_PROGRAM) -> str:
        """Left the ward so many days ago, and a program took the patient for a first day so many days ago; the
        placement."""
        [offer, *_] = await self.asks(await self.leaves(ago), program, start=start)
        told = await self.morning.post("placement", f"/api/offers/{offer}/accepted", {}, PROGRAM)
        return str(told["placement_id"])

    async def starts(self, ago: float, start: int, program: str = DAY_PROGRAM) -> str:
        """The same, and the patient came on that day; the placement."""
        placement = await self.is_placed(ago, start, program)
        await self.of(placement, "started", {"date": self.morning.day(start)})
        return placement

    async def of(self, placement: str, what: str, body: Json, role: str = PROGRAM) -> Json:
        """What is said of a placement."""
        return await self.morning.post("placement", f"/api/placements/{placement}/{what}", body, role)

    async def attends(self, placement: str, ago: int) -> None:
        """A session, so many days ago."""
        body: Json = {"placement_id": placement, "session_id": f"{placement}-{ago}", "date": self.morning.day(ago)}
        body["services"] = [{"kind": "group", "minutes": 180, "mode": "in-person"}]
        await self.morning.post("placement", "/api/sessions", body, PROGRAM)

    async def is_authorized(self, units: int, begins: int, ends: int) -> None:
        """The payer allows so many days, between two days so many days ago."""
        body = {"episode_id": self.episode_id, "payer": PAYER, "level": "php", "unit": "day", "units": units}
        body |= {"from": self.morning.day(begins), "to": self.morning.day(ends)}
        made = await self.morning.post("placement", "/api/authorizations", body)
        await self.morning.post("placement", f"/api/authorizations/{made['auth_id']}/approved", {})

    async def _suits(self, search_id: str) -> list[str]:
        found = (await self.morning.doors.get("placement", f"/api/searches/{search_id}/programs"))["programs"]
        return [each["id"] for each in found if each["fits"]][:2]


def somebody(morning: Morning) -> Somebody:
    """The next patient."""
    turn = next(morning.people)
    mrn = f"{morning.mark}T{turn:02d}"
    family, given = FAMILY[turn % len(FAMILY)], GIVEN[(turn * 5) % len(GIVEN)]
    born = date(1961 + 3 * turn % 40, 1 + turn % 12, 1 + 2 * turn % 28)
    person = Person(mrn, family, given, born, "FM"[turn % 2], PAYER, DIAGNOSIS)
    return Somebody(morning, Visit(person, f"V{mrn}", morning.zone, lambda: f"{mrn}-{next(morning.numbers)}"))


async def _waits(one: Somebody) -> None:
    """Left on the day before yesterday; nobody was asked yet."""
    await one.leaves(2)


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
    medication = {"code": "1721029", "last_given": one.morning.day(3), "next_due": one.morning.day(-2)}
    path = f"/api/episodes/{one.episode_id}/medication"
    await one.morning.post("placement", path, {**medication, "days_in_hand": 2}, "clinician")


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
    one.episode_id = await _there(watch, lambda: watch.episodes.get(one.visit.number), "an episode")
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
    morning, until = one.morning, asyncio.get_running_loop().time() + PATIENCE
    while not (found := (await morning.doors.get("aftercare", "/api/worklists/referrals", "clinician"))["items"]):
        if asyncio.get_running_loop().time() > until:
            raise Transient(f"no referral of this morning came within {PATIENCE:g} s")
        await asyncio.sleep(0.3)
    path = f"/api/referrals/{found[0]['id']}/declined"
    await morning.post("aftercare", path, {"reason": "no-capacity"}, "clinician")


async def _cannot_have_begun(one: Somebody) -> None:
    """Said to have begun at the program yesterday, and was in the ward again since three days ago."""
    await one.starts(8, 1)
    back = replace(one, visit=replace(one.visit, number=f"{one.visit.number}B", admitted=None))
    await back.says("A01", 3)


async def _is_told_too_soon(one: Somebody) -> None:
    """The hospital takes back a discharge that it has not told yet."""
    await one.says("A13", 0.1)


async def _is_told_elsewhere(one: Somebody) -> None:
    """In the ward since four days ago; an update tells another unit, and no transfer was told."""
    await one.says("A01", 4)
    await one.says("A08", 0.1, "OBS")


async def _may_be_known(one: Somebody) -> None:
    """Admitted under a new number; somebody with the same name and the same number of the state has another one."""
    again, who = somebody(one.morning), one.visit.person
    again.visit.person = replace(again.visit.person, family=who.family, given=who.given)
    number = f"9{int(one.morning.now.timestamp()) % 10**8:08}".encode()
    for each, ago in ((one, 3), (again, 2)):
        told = each.visit.says("A01", one.morning.now - timedelta(days=ago), WARD).raw
        await one.morning.send(told.replace(b"^MR", b"^MR~" + number + b"^^^USSSA^SS", 1))


async def _has_the_number_of_another(one: Somebody) -> None:
    """Admitted under a visit number that the hospital gave somebody else, too."""
    other = somebody(one.morning)
    other.visit.number = one.visit.number
    await one.says("A01", 2)
    await other.says("A01", 1)


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


SCENES: tuple[Callable[[Somebody], Awaitable[None]], ...] = (
    _waits, _is_expected, _is_asked_for, _is_countered, _waits_in_line, _comes_tomorrow, _should_have_come,
    _did_not_come, _is_in_the_program, _used_all_days, _is_reviewed, _is_in_two_places, _has_no_seat, _has_consented,
    _was_not_taken, _cannot_have_begun, _is_told_too_soon, _is_told_elsewhere, _may_be_known,
    _has_the_number_of_another, _is_to_leave, _is_placed_ahead, _is_ready,
)  # fmt: skip
"""What is left half done, one patient each."""


async def play_morning(doors: Doors, watch: Watch, mllp: str, now: datetime, zone: tzinfo) -> None:
    """Play all of it; some seconds. `mllp`: host:port. Raises Refused, Transient."""
    host, _, port = mllp.rpartition(":")
    client, turn = MllpClient(host, int(port)), asyncio.Lock()

    async def send(raw: bytes) -> None:
        async with turn:
            await client.send(raw)

    morning = Morning(doors, watch, send, now, zone, f"D{int(now.timestamp()) // 60 % 10**7}")
    try:
        for scene in SCENES:
            await scene(somebody(morning))
    finally:
        await client.close()


async def _there(watch: Watch, found: Callable[[], Any], what: str) -> Any:
    answer = await watch.wait(found, PATIENCE)
    if answer is None:
        raise Transient(f"{what} of this morning did not come within {PATIENCE:g} s")
    return answer
