"""Records of two facilities that are said to be one person's: from the frames to the bills of both, which a link and
its end leave as they were, byte by byte (contract 3.6 rule 11)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import orjson
import pytest

from shared.site.config import SAMPLE, load
from tests.journeys.merging import BILLS
from tests.journeys.playing import Doors
from tests.servers import quick_folder
from tests.system import System, a_system
from tools.mllp_client import MllpClient
from tools.stack.access import reach
from tools.verify import verify

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]
HERE, THERE = "GOODHEALTH", "RIVERBEND"
UNITS = {HERE: "3W", THERE: "RW"}
WITH_A_UNIT = "    processing_ids: [P, T]\n    units:\n      - {code: RW, level: php, program: RB-PHP}\n"
"""A unit that the second facility of this site has, and that of the sample has not."""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A running system whose second facility tells stays by ADT too."""
    place = tmp_path_factory.mktemp("linked")
    shutil.copytree(SAMPLE, place / "site")
    facilities = place / "site" / "facilities.yml"
    first, second = facilities.read_text().split("- name: RIVERBEND", 1)
    second = second.replace("    processing_ids: [P, T]\n", WITH_A_UNIT, 1)
    facilities.write_text(f"{first}- name: RIVERBEND{second}")
    with pytest.MonkeyPatch.context() as patched, quick_folder(place) as kept:
        patched.setenv("STEPDOWN_CONFIG", str(place / "site"))
        with a_system(kept / "data") as running:
            yield running


class Hospitals:
    """Both facilities at one MLLP door."""

    def __init__(self, system: System, client: MllpClient, name: str) -> None:
        self.system, self.client, self.name = system, client, name
        self.said = 0

    def mrn(self, facility: str) -> str:
        return f"{self.name[:3].upper()}-{facility[:2]}"

    async def says(self, facility: str, trigger: str, *lines: str, day: int = -1) -> None:
        """A message of one of them; `day`: so many days from today."""
        self.said += 1
        at = datetime.now(UTC) + timedelta(days=day, minutes=self.said)
        when = f"{at:%Y%m%d%H%M%S}+0000"
        head = (
            f"MSH|^~\\&|ADT|{facility}|STEPDOWN||{when}||ADT^{trigger}|{self.name}{self.said}|P|2.5.1",
            f"EVN|{trigger}|{when}",
            self.pid(facility),
        )
        message = "".join(f"{line}\r" for line in (*head, *lines)).encode()
        *_, ack = await self.client.send(message)
        assert ack.code == "AA", (trigger, ack.error)
        await self.system.idle()

    def pid(self, facility: str) -> str:
        at = "12 Elm St^^Springfield^NY^12345"
        phone = f"555-010{len(self.name)}"
        return f"PID|1||{self.mrn(facility)}^^^{facility}^MR||{self.name}^Robin||19800203|F|||{at}||{phone}"

    def visit(self, facility: str) -> str:
        pv1 = {2: "I", 3: f"{UNITS[facility]}^^^{facility}", 19: f"{self.mrn(facility)}-1"}
        return "|".join(["PV1", *(pv1.get(n, "") for n in range(1, 20))])

    async def treat(self, facility: str) -> None:
        """A stay of some days, and another payer half-way."""
        await self.says(facility, "A01", self.visit(facility), "IN1|1|PPO|ACME", day=-9)
        await self.says(facility, "A08", self.visit(facility), "DG1|1||F33.2^^I10|||F", day=-7)
        if facility == HERE:
            await self.says(facility, "A03", self.visit(facility), day=-2)


async def billed(system: System) -> dict[str, list[bytes]]:
    """Every record on the topics of bills, byte by byte, by facility."""
    found: dict[str, list[bytes]] = {HERE: [], THERE: []}
    for topic in BILLS:
        for one in await system.records(topic):
            found[orjson.loads(one.value)["facility"]].append(one.value)
    return found


async def linked(system: System) -> set[tuple[str, ...]]:
    """The patients who stand as linked; nobody is merged."""
    every = await system.facts()
    gone = {fact.as_json.get("cancels") for fact in every}
    told = [fact for fact in every if fact.name in {"patients-linked", "patients-merged"} and fact.id not in gone]
    assert {fact.name for fact in told} <= {"patients-linked"}
    return {tuple(sorted(fact.as_json["patient_ids"])) for fact in told}


async def patients(system: System, hospitals: Hospitals) -> tuple[str, ...]:
    """Both patients, by what their hospitals told of their stays."""
    told = [fact for fact in await system.facts() if fact.name == "admitted" and fact.as_json.get("patient")]
    mine = {hospitals.mrn(facility) for facility in (HERE, THERE)}
    return tuple(sorted({fact.value.patient_id for fact in told if fact.as_json["patient"]["mrn"] in mine}))


async def clean(system: System) -> None:
    """What was promised holds now."""
    reached = reach(system.data)
    report = await verify(reached.urls, reached.settings, load(reached.settings.config))
    assert report.ok, {number: promise.broken for number, promise in report.promises.items() if promise.count}


async def test_a_link_over_two_facilities_by_their_frames_leaves_both_bills_byte_equal(system: System) -> None:
    host, _, port = system.ready["mllp"].rpartition(":")
    async with MllpClient(host, int(port)) as client:
        hospitals = Hospitals(system, client, "Ashgrove")
        for facility in (HERE, THERE):
            await hospitals.treat(facility)
        before = await billed(system)
        assert all(before.values())
        await hospitals.says(HERE, "A24", hospitals.pid(THERE))
        assert await linked(system) == {await patients(system, hospitals)}
        assert await billed(system) == before
        await clean(system)
        await hospitals.says(HERE, "A37", hospitals.pid(THERE))
        assert (await linked(system), await billed(system)) == (set(), before)
        await clean(system)


async def test_a_link_that_a_person_says_at_the_api_leaves_both_bills_byte_equal(system: System) -> None:
    host, _, port = system.ready["mllp"].rpartition(":")
    async with MllpClient(host, int(port)) as client, httpx.AsyncClient(timeout=30) as http:
        hospitals, doors = Hospitals(system, client, "Bellweather"), Doors(system.ready, http)
        for facility in (HERE, THERE):
            await hospitals.treat(facility)
        before = await billed(system)
        both = await patients(system, hospitals)
        page = await doors.get("intake", "/api/matches", "identity", limit=200)
        [match] = [one for one in page["matches"] if {*one["patient_ids"]} == {*both}]
        told = await doors.post("intake", f"/api/matches/{match['match_id']}/same", {}, "identity")
        assert (told["merged_at"], told["linked"]) == ([], True)
        await system.idle()
        assert await linked(system) == {both}
        assert await billed(system) == before
        await clean(system)
        await doors.post("intake", f"/api/matches/{match['match_id']}/taken-back", {}, "identity")
        await system.idle()
        assert (await linked(system), await billed(system)) == (set(), before)
        await clean(system)
