"""What a hospital says in a story, as HL7 messages over MLLP; and what somebody asks for at intake's door."""

from __future__ import annotations

from typing import Any

from tests.journeys.playing import Play
from tests.journeys.told import At, Told
from tools.simulator.messages import Message

DISPOSITIONS = {
    "home": "01", "assisted-living": "04", "against-advice": "07", "psychiatric-unit": "65", "died": "20",
    "hospice-at-home": "50",
}  # fmt: skip


class OfAVisit(At):
    """One message about a visit; `said-on` is the day that it was said, where that is later."""

    unit: str = "3W"
    visit: str = "first"
    said_on: int | None = None


class Discharge(OfAVisit):
    """A discharge, and how the patient left; `dead`: PID-30 of the message."""

    to: str = "home"
    dead: str = ""


class Death(OfAVisit):
    """That the patient died (PID-29, PID-30), or `dead: N` that it is not so."""

    dead: str = "Y"
    died: At | None = None


class CoverageChange(OfAVisit):
    """Another payer from a day on."""

    payer: str
    since: int


class Plan(OfAVisit):
    """When the patient is expected to leave; no `leaves`: that is expected no longer."""

    leaves: At | None = None


class Leave(OfAVisit):
    """Away from the house, and until when."""

    why: str = "02"
    back: At | None = None


class Assessment(At):
    """What an instrument found, and the level that it recommends."""

    instrument: str
    version: str = "1"
    phase: str = "intake"
    level: str | None = None
    facility: str = "GOODHEALTH"


class Referral(At):
    """Somebody asks for care."""

    source: str = "self"
    level: str | None = None
    facility: str = "GOODHEALTH"
    labels: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    by: str = "coordinator"
    """`hospital`: another system refers, in its own words."""


class NeedRead(Told):
    """What was told, and the need of the site that it is; without one it is none."""

    told: str
    need: str | None = None


def _says(play: Play, told: OfAVisit, trigger: str, *, outpatient: bool = False, disposition: str = "") -> Message:
    said = play.calendar.instant(At(day=told.said_on, at=told.at)) if told.said_on is not None else None
    return play.visit(told.visit).says(
        trigger,
        play.calendar.instant(told),
        told.unit,
        said=said,
        patient_class="E" if told.unit == "ED" else "O" if outpatient else "I",
        disposition=disposition,
    )


async def registers(play: Play, told: OfAVisit) -> None:
    """A04: an emergency visit, or the first day at a program's unit."""
    await play.says(_says(play, told, "A04", outpatient=True))


async def admits(play: Play, told: OfAVisit) -> None:
    """A01."""
    await play.says(_says(play, told, "A01"))


async def transfers(play: Play, told: OfAVisit) -> None:
    """A02."""
    await play.says(_says(play, told, "A02"))


async def discharges(play: Play, told: Discharge) -> None:
    """A03."""
    outpatient = told.unit not in {"3W", "RES", "DTX"}
    message = _says(play, told, "A03", outpatient=outpatient, disposition=DISPOSITIONS[told.to])
    await play.says(_with_death(message, "", told.dead))


async def tells_of_a_death(play: Play, told: Death) -> None:
    """A08 with PID-29 and PID-30."""
    died = f"{play.calendar.instant(told.died):%Y%m%d%H%M}" if told.died else ""
    await play.says(_with_death(_says(play, told, "A08"), died, told.dead))


def _with_death(message: Message, died: str, dead: str) -> Message:
    lines = message.raw.decode().split("\r")
    (place,) = [n for n, line in enumerate(lines) if line.startswith("PID|")]
    fields = lines[place].split("|")
    fields += [""] * (31 - len(fields))
    fields[29:31] = died, dead
    lines[place] = "|".join(fields)
    return Message(message.trigger, message.control_id, "\r".join(lines).encode())


async def sends_on_leave(play: Play, told: Leave) -> None:
    """A21."""
    back = play.calendar.instant(told.back) if told.back else None
    at = play.calendar.instant(told)
    await play.says(play.visit(told.visit).says("A21", at, told.unit, reason=told.why, back=back))


async def has_back(play: Play, told: OfAVisit) -> None:
    """A22."""
    await play.says(_says(play, told, "A22"))


async def cancels_the_discharge(play: Play, told: OfAVisit) -> None:
    """A13: the patient never left."""
    await play.says(_says(play, told, "A13"))


async def plans_the_discharge(play: Play, told: Plan) -> None:
    """A08 with PV2-9; `""` where nobody expects it any more."""
    message = _says(play, told, "A08")
    expected = f"{play.calendar.instant(told.leaves):%Y%m%d%H%M}" if told.leaves else '""'
    raw = message.raw + f"PV2|||||||||{expected}\r".encode()
    await play.says(Message(message.trigger, message.control_id, raw))


async def has_the_discharge_pending(play: Play, told: Plan) -> None:
    """A16, with PV2-9 where a day is known."""
    message = _says(play, told, "A16")
    day = f"PV2|||||||||{play.calendar.instant(told.leaves):%Y%m%d%H%M}\r".encode() if told.leaves else b""
    await play.says(Message(message.trigger, message.control_id, message.raw + day))


async def calls_the_discharge_off(play: Play, told: OfAVisit) -> None:
    """A25: the discharge is not pending any more."""
    await play.says(_says(play, told, "A25"))


async def tells_of_another_payer(play: Play, told: CoverageChange) -> None:
    """A08 with an IN1 that holds from a day on."""
    told_now = _says(play, told, "A08", outpatient=True)
    since = f"{play.calendar.date(told.since):%Y%m%d}"
    insurance = f"IN1|1|{told.payer}-STD|{told.payer}|||||||||{since}"
    before = [line for line in told_now.raw.decode().split("\r") if line and not line.startswith("IN1")]
    raw = "".join(f"{line}\r" for line in (*before, insurance)).encode()
    await play.says(Message(told_now.trigger, told_now.control_id, raw))


async def refers(play: Play, told: Referral) -> None:
    """POST /referrals."""
    asked = {
        "facility": told.facility,
        "identity": _identity(play),
        "source": told.source,
        "requested_level": told.level,
        "labels": list(told.labels),
        "needs": list(told.needs),
        "occurred_at": play.calendar.instant(told).isoformat(),
    }
    answer = await play.doors.post("intake", "/referrals", asked, told.by)
    play.episode_id, play.patient_id = answer["episode_id"], answer["patient_id"]


async def reads_the_need(play: Play, told: NeedRead) -> None:
    """A coordinator says what a need is that the site does not have."""
    found = await play.doors.all("intake", "/api/unknown-needs", "unknown_needs")
    (one,) = [each for each in found if each["patient_id"] == play.patient_id and each["told"] == told.told]
    act = "mapped" if told.need else "set-aside"
    await play.doors.post("intake", f"/api/unknown-needs/{one['need_id']}/{act}", {"need": told.need})


def _identity(play: Play) -> dict[str, Any]:
    person = play.person
    return {
        "identifiers": [{"id": person.mrn, "assigning_authority": "GOODHEALTH", "type": "MR"}],
        "name": {"family": person.family, "given": person.given},
        "birth_date": person.born.isoformat(),
    }


async def assesses(play: Play, told: Assessment) -> None:
    """POST /assessments."""
    asked = {
        "facility": told.facility,
        "identity": _identity(play),
        "instrument": told.instrument,
        "version": told.version,
        "phase": told.phase,
        "recommended_level": told.level,
        "occurred_at": play.calendar.instant(told).isoformat(),
    }
    answer = await play.doors.post("intake", "/assessments", asked)
    play.episode_id = answer["episode_id"]
