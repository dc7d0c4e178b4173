"""Every step that a story may have: its words, what is told with it, and who does it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from tests.journeys import aftercare, desk, hospital
from tests.journeys.playing import Play
from tests.journeys.told import Told


class Step(NamedTuple):
    """What is told with a step, and what plays it."""

    told: type[Told]
    does: Callable[[Play, Any], Awaitable[None]]


STEPS: dict[str, Step] = {
    "hospital registers": Step(hospital.OfAVisit, hospital.registers),
    "hospital admits": Step(hospital.OfAVisit, hospital.admits),
    "hospital transfers": Step(hospital.OfAVisit, hospital.transfers),
    "hospital discharges": Step(hospital.Discharge, hospital.discharges),
    "hospital sends on leave": Step(hospital.Leave, hospital.sends_on_leave),
    "hospital has back from leave": Step(hospital.OfAVisit, hospital.has_back),
    "hospital cancels the discharge": Step(hospital.OfAVisit, hospital.cancels_the_discharge),
    "hospital tells of another payer": Step(hospital.CoverageChange, hospital.tells_of_another_payer),
    "somebody refers": Step(hospital.Referral, hospital.refers),
    "somebody assesses": Step(hospital.Assessment, hospital.assesses),
    "coordinator offers": Step(desk.Offer, desk.offers),
    "coordinator closes the search": Step(desk.Reason, desk.closes_the_search),
    "coordinator settles: the attendance falls": Step(Told, desk.settles),
    "program accepts": Step(desk.Answer, desk.accepts),
    "program declines": Step(desk.Answer, desk.declines),
    "program counters": Step(desk.Answer, desk.counters),
    "program starts": Step(desk.Day, desk.starts),
    "program corrects the start": Step(desk.Day, desk.corrects_the_start),
    "patient attends": Step(desk.Sessions, desk.attends),
    "patient misses": Step(desk.Absences, desk.misses),
    "program completes": Step(desk.Day, desk.completes),
    "program discontinues": Step(desk.Day, desk.discontinues),
    "payer authorizes": Step(desk.Authorization, desk.authorizes),
    "aftercare refers": Step(aftercare.Referral, aftercare.refers),
    "aftercare referral is": Step(aftercare.Move, aftercare.moves),
    "aftercare tries to reach": Step(aftercare.Contact, aftercare.contacts),
    "aftercare ends": Step(aftercare.Outcome, aftercare.closes),
}
