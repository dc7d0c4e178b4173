"""Every step that a story may have: its words, what is told with it, and who does it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from tests.journeys import aftercare, consent, desk, hospital, payer, program
from tests.journeys.playing import Play
from tests.journeys.told import At, Told


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
    "hospital tells of a death": Step(hospital.Death, hospital.tells_of_a_death),
    "hospital cancels the discharge": Step(hospital.OfAVisit, hospital.cancels_the_discharge),
    "hospital plans the discharge": Step(hospital.Plan, hospital.plans_the_discharge),
    "hospital has the discharge pending": Step(hospital.Plan, hospital.has_the_discharge_pending),
    "hospital calls the discharge off": Step(hospital.OfAVisit, hospital.calls_the_discharge_off),
    "hospital tells of another payer": Step(hospital.CoverageChange, hospital.tells_of_another_payer),
    "somebody refers": Step(hospital.Referral, hospital.refers),
    "coordinator reads the need": Step(hospital.NeedRead, hospital.reads_the_need),
    "coordinator says what is needed": Step(desk.Needed, desk.says_what_is_needed),
    "somebody assesses": Step(hospital.Assessment, hospital.assesses),
    "patient consents": Step(consent.Consent, consent.consents),
    "patient takes the consent back": Step(Told, consent.takes_it_back),
    "coordinator plans the discharge": Step(desk.PlannedEnd, desk.plans_the_discharge),
    "coordinator cancels the plan": Step(Told, desk.cancels_the_plan),
    "coordinator says who is ready": Step(desk.Ready, desk.says_who_is_ready),
    "coordinator looks for": Step(desk.LooksFor, desk.looks_for),
    "coordinator offers": Step(desk.Offer, desk.offers),
    "coordinator closes the search": Step(desk.Reason, desk.closes_the_search),
    "coordinator settles: the attendance falls": Step(Told, desk.settles),
    "program reads the packet": Step(desk.Packet, desk.reads_the_packet),
    "program accepts": Step(desk.Answer, desk.accepts),
    "program declines": Step(desk.Answer, desk.declines),
    "program counters": Step(desk.Answer, desk.counters),
    "program starts": Step(program.Day, program.starts),
    "program corrects the start": Step(program.Day, program.corrects_the_start),
    "patient attends": Step(program.Sessions, program.attends),
    "patient misses": Step(program.Absences, program.misses),
    "program completes": Step(program.Day, program.completes),
    "program discontinues": Step(program.Day, program.discontinues),
    "payer authorizes": Step(payer.Authorization, payer.authorizes),
    "payers": Step(payer.Payers, payer.are_told),
    "clinician diagnoses": Step(program.Diagnosis, program.diagnoses),
    "payer is asked": Step(payer.Authorization, payer.is_asked),
    "payer pends": Step(payer.Answer, payer.pends),
    "payer denies": Step(payer.Answer, payer.denies),
    "payer extends": Step(payer.Answer, payer.extends),
    "payer is asked for more": Step(payer.Answer, payer.is_asked_for_more),
    "payer says of benefits": Step(payer.Benefits, payer.says_of_benefits),
    "reviewer does": Step(payer.Review, payer.reviews),
    "payer ends it": Step(payer.Answer, payer.ends),
    "patient agrees": Step(desk.Patient, desk.agrees),
    "patient does not want": Step(desk.Patient, desk.does_not_want),
    "patient does not come": Step(Told, program.is_waited_for),
    "program confirms the handover": Step(Told, program.confirms_the_handover),
    "clinician hands over": Step(program.Medication, program.hands_over),
    "program gives another first day": Step(program.Ahead, program.gives_another_first_day),
    "program sends on leave": Step(program.Leave, program.sends_on_leave),
    "program has back from leave": Step(At, program.has_back),
    "program takes a session back": Step(program.Day, program.takes_a_session_back),
    "clinician certifies": Step(program.Certified, program.certifies),
    "clinician assesses": Step(program.Assessment, program.assesses),
    "clinician plans": Step(program.Plan, program.plans),
    "coordinator assigns": Step(desk.Assigned, desk.assigns),
    "coordinator withdraws": Step(desk.OfProgram, desk.withdraws),
    "coordinator asks again": Step(desk.OfProgram, desk.reopens),
    "coordinator keeps a seat": Step(desk.OfProgram, desk.keeps_a_seat),
    "coordinator gives the seat back": Step(desk.OfProgram, desk.gives_the_seat_back),
    "coordinator puts in line": Step(desk.OfProgram, desk.puts_in_line),
    "coordinator takes out of line": Step(desk.OfProgram, desk.takes_out_of_line),
    "coordinator cancels the placement": Step(desk.Reason, desk.cancels_the_placement),
    "coordinator ends the episode": Step(desk.Reason, desk.ends_the_episode),
    "aftercare refers": Step(aftercare.Referral, aftercare.refers),
    "aftercare referral is": Step(aftercare.Move, aftercare.moves),
    "aftercare tries to reach": Step(aftercare.Contact, aftercare.contacts),
    "aftercare ends": Step(aftercare.Outcome, aftercare.closes),
}
