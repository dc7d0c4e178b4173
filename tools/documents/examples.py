"""A fictional example of every published value, valid by its schema, for documents and tests."""

from __future__ import annotations

from typing import Any

from shared.events import BILLING, CARE_FACTS, EPISODE_TYPE, OUT_TYPE

Value = dict[str, Any]

_VISIT = {"kind": "visit", "id": "V1001"}
_PLACEMENT = {"kind": "placement", "id": "pl-31"}
_COMMON: Value = {
    "episode_id": "ep-204",
    "patient_id": "pt-87",
    "facility": "GOODHEALTH",
    "occurred_at": "2026-03-02T14:05:00-05:00",
    "recorded_at": "2026-03-02T19:05:12.480000+00:00",
    "labels": ["PSY"],
    "derived_from": [],
}
_SAID = {"stated_at": "2026-03-02T14:05:00-05:00"}
_PATIENT = {"mrn": "M0001", "assigning_authority": "GOODHEALTH"}
_MERGE = {
    "surviving_patient_id": "pt-87",
    "retired_patient_id": "pt-91",
    "surviving_episode_id": "ep-204",
    "retired_episode_id": "ep-209",
}
_STEP = {"from_stay": _VISIT, "to_stay": _PLACEMENT, "days_between": 1, "planned": True}
_WINDOW = {
    "follow_up_id": "fu-12",
    "measure": "FUH-7",
    "discharge": "f-16",
    "due_from": "2026-03-10",
    "due_to": "2026-03-16",
}
_OFFER: Value = {"offer_id": "of-9", "program": "GH-PHP1", "start_date": "2026-03-10", "search_id": "se-2"}
_SEAT: Value = {"program": "GH-PHP1", "group": "A", "seat_id": "st-4", "placement_id": "pl-31"}
_AUTHORIZATION: Value = {
    "auth_id": "au-7",
    "number": "A-77",
    "payer": "ACME",
    "level": "php",
    "unit": "day",
    "units": 10,
    "from": "2026-03-10",
    "to": "2026-03-24",
}
_REVIEW: Value = {
    "review_id": "review-2f6c",
    "kind": "recertification",
    "of": {"kind": "stay", "id": "pl-31"},
    "due": "2026-03-27",
}
_MOVE = {"referral_id": "rf-4", "by": "provider"}
_CONSENT = {
    "consent_id": "cs-9",
    "discloser": "GOODHEALTH",
    "recipient": "RIVERBEND-COUNSELING",
    "purpose": "treatment",
    "scope": ["PSY", "SUD"],
    "from": "2026-03-02",
    "to": "2027-03-01",
}
_SERVICE = {"kind": "group", "units": 1, "minutes": 60, "mode": "in-person"}

_OWN: dict[str, Value] = {
    "referred": {"source": "primary-care", "requested_level": "iop", "needs": ["language:es", "unknown"]},
    "assessed": {
        "instrument": "LOCUS",
        "version": "20",
        "phase": "intake",
        "score": 19,
        "severity": "moderate",
        "dimensions": {"risk-of-harm": 3, "functional-status": 3},
        "flags": ["suicide-risk"],
        "recommended_level": "php",
    },
    "visit-started": {"stay": _VISIT, "class": "emergency", "unit": "ED", "visit_number": "V1001", "patient": _PATIENT},
    "visit-ended": {"stay": _VISIT, "class": "emergency", "disposition": {"code": "01", "kind": "home"}},
    "admitted": {
        "stay": _VISIT,
        "level": "inpatient",
        "visit_number": "V1001",
        "unit": "3W",
        "program": "GH-3W",
        "admission": {"type": "E", "source": "7"},
        "age_years": 34,
        "patient": _PATIENT,
        "attending_npi": "1000000079",
    },
    "started": {
        "stay": _PLACEMENT,
        "placement_id": "pl-31",
        "level": "php",
        "program": "GH-PHP1",
        "unit": "PHP1",
        "admission": {},
        "age_years": 34,
        "corroborates": "f-15",
    },
    "transferred": {
        "stay": _VISIT,
        "from": {"unit": "3W", "level": "inpatient", "program": "GH-3W"},
        "to": {"unit": "RES", "level": "residential", "program": "GH-RES"},
    },
    "leave-started": {"stay": _VISIT, "kind": "therapeutic", "expected_return": "2026-03-04T18:00:00-05:00"},
    "leave-ended": {"stay": _VISIT, "kind": "therapeutic"},
    "discharged": {"stay": _VISIT, "level": "inpatient", "disposition": {"code": "01", "kind": "home"}},
    "completed": {"stay": _PLACEMENT, "level": "php", "reason": "goals-met"},
    "discontinued": {"stay": _PLACEMENT, "level": "php", "reason": "lost-contact"},
    "attended": {
        "stay": _PLACEMENT,
        "session_id": "ss-5",
        "group": "A",
        "date": "2026-03-11",
        "services": [_SERVICE | {"code": "PHP-DAY", "npi": "1000000087"}],
    },
    "absent": {"stay": _PLACEMENT, "session_id": "ss-6", "date": "2026-03-12", "reason": "no-show"},
    "diagnosis-recorded": {"stay": _VISIT, "system": "I10", "code": "F33.1", "rank": 1, "status": "A"},
    "coverage-changed": {
        "effective_from": "2026-03-15",
        "coverage": [{"order": 1, "payer": "ACME", "plan": "PPO"}, {"order": 2, "payer": "SELF"}],
    },
    "arrival-expected": {"stay": _VISIT, "at": "2026-03-02T14:00:00-05:00", "unit": "3W", "level": "inpatient"},
    "arrival-cancelled": {"stay": _VISIT, "at": "2026-03-02T14:00:00-05:00", "unit": "3W", "level": "inpatient"},
    "patient-died": {"died_at": "2026-03-08T03:20:00-05:00", "by": "message"},
    "patients-linked": {"patient_ids": ["pt-87", "pt-91"]},
    "patients-unlinked": {"patient_ids": ["pt-87", "pt-91"]},
    "patients-merged": _MERGE | {"patient": _PATIENT, "by": "message"},
    "patients-unmerged": _MERGE,
    "stepped-down": _STEP | {"from_level": "inpatient", "to_level": "php", "derived_from": ["f-16", "f-21"]},
    "stepped-up": _STEP | {"from_level": "iop", "to_level": "php", "derived_from": ["f-22", "f-30"]},
    "readmitted": {
        "stay": _VISIT,
        "days": 5,
        "discharge": "f-16",
        "other_facility": False,
        "derived_from": ["f-16", "f-31"],
    },
    "conflict-raised": {
        "conflict_id": "co-3",
        "facts": ["f-21", "f-33"],
        "kind": "two-24-hour-stays",
        "derived_from": ["f-21", "f-33"],
    },
    "closed": {"reason": "aftercare-closed"},
    "reopened": {"stay": _VISIT, "reason": "admission", "derived_from": ["f-40"]},
    "search-opened": {
        "search_id": "se-2",
        "from_level": "inpatient",
        "recommended_level": "php",
        "needs": {
            "payer": "ACME",
            "age_years": 34,
            "language": "en",
            "start_by": "2026-03-16",
            "track": "mood",
            "days": ["mon", "tue", "wed", "thu", "fri"],
            "mode": "in-person",
            "accreditation": "Joint Commission",
        },
        "trigger": "f-16",
        "reasons": ["after-inpatient"],
        "policy": "3f9c1a77b0d2",
        "derived_from": ["f-16"],
    },
    "search-closed": {"search_id": "se-2", "reason": "placed"},
    "patient-agreed": {"level": "php", "program": "GH-PHP1"},
    "patient-declined": {"level": "php", "program": "RB-PHP", "reason": "too-far"},
    "offer-sent": _OFFER | {"level": "php", "track": "mood", "group": "A", "expires_at": "2026-03-10T16:00:00-04:00"},
    "offer-countered": _OFFER | {"start_date": "2026-03-12", "reason": "later-start"},
    "offer-accepted": _OFFER,
    "offer-declined": _OFFER | {"reason": "no-capacity"},
    "offer-expired": _OFFER,
    "offer-withdrawn": _OFFER | {"reason": "placed-elsewhere"},
    "offer-reopened": _OFFER | {"reason": "asked-again", "expires_at": "2026-03-12T16:00:00-04:00"},
    "seat-held": _SEAT | {"from": "2026-03-10T00:00:00-04:00", "reason": "placed"},
    "seat-released": _SEAT | {"reason": "discharge-cancelled", "derived_from": ["f-17"]},
    "waitlisted": {"program": "GH-PHP1", "position": 2},
    "waitlist-left": {"program": "GH-PHP1", "reason": "seated"},
    "placed": {
        "placement_id": "pl-31",
        "program": "GH-PHP1",
        "level": "php",
        "track": "mood",
        "group": "A",
        "start_date": "2026-03-10",
        "recommended_level": "php",
        "offer_id": "of-9",
    },
    "placement-cancelled": {"placement_id": "pl-31", "reason": "patient-declined"},
    "start-missed": {"placement_id": "pl-31", "start_date": "2026-05-06"},
    "handover-received": {"placement_id": "pl-31", "arrived": True, "plan_read": True},
    "plan-recorded": {"level": "php", "hours_week": 30, "days_week": 5, "goals": 3, "review_due": "2026-03-24"},
    "medication-recorded": {
        "system": "RXNORM",
        "code": "1721029",
        "status": "active",
        "prescriber_npi": "1000000079",
        "last_given": "2026-03-06",
        "next_due": "2026-04-03",
    },
    "certified": {
        "stay": _PLACEMENT,
        "kind": "initial",
        "from": "2026-03-10",
        "to": "2026-03-27",
        "npi": "1000000079",
        "signed_at": "2026-03-10T16:00:00-04:00",
    },
    "review-due": _REVIEW | {"stay": _PLACEMENT, "overdue": True},
    "review-done": {"review_id": _REVIEW["review_id"], "on": "2026-03-28", "by": "certification"},
    "benefits-told": {
        "kind": "eligibility",
        "payer": "ACME",
        "level": "php",
        "says": [{"item": "covered", "value": "yes"}, {"item": "copay", "value": "40.00"}],
        "source": "telephone",
        "on": "2026-03-08",
        "reference": "call-4471",
    },
    "assigned": {"user_id": "u-12", "role": "coordinator"},
    "episode-ended": {"reason": "patient-declined"},
    "conflict-settled": {"conflict_id": "co-3", "falls": ["f-33"]},
    "discharge-planned": {
        "stay": _VISIT,
        "expected_at": "2026-03-09T11:00:00-04:00",
        "disposition": {"code": "01", "kind": "home"},
    },
    "discharge-plan-cancelled": {"stay": _VISIT},
    "ready-for-step": {"stay": _VISIT, "at": "2026-03-07T09:00:00-04:00", "waiting_for": "bed"},
    "authorization-requested": _AUTHORIZATION,
    "authorization-pended": _AUTHORIZATION,
    "authorization-approved": _AUTHORIZATION
    | {"requested_units": 20, "next_review": "2026-03-20", "reference": "call-4471"},
    "authorization-denied": _AUTHORIZATION
    | {"reason": "not-necessary", "denial": {"peer_to_peer_by": "2026-03-26", "appeal_by": "2026-05-22"}},
    "authorization-extended": _AUTHORIZATION | {"units": 15, "to": "2026-03-31"},
    "authorization-ended": _AUTHORIZATION | {"reason": "coverage-ended"},
    "follow-up-due": _WINDOW,
    "follow-up-kept": _WINDOW
    | {
        "kept_at": "2026-03-11T09:00:00-04:00",
        "mode": "in-person",
        "provider_kind": "php-program",
        "by_fact": "f-25",
    },
    "follow-up-missed": _WINDOW,
    "follow-up-excluded": _WINDOW | {"reason": "readmitted"},
    "aftercare-started": {
        "trigger": "f-16",
        "plan_id": "ap-2",
        "template": "after-a-program",
        "derived_from": ["f-16"],
    },
    "aftercare-referred": {
        "referral_id": "rf-4",
        "kind": "outpatient-therapy",
        "provider": "RIVERBEND-COUNSELING",
        "due_by": "2026-03-16",
        "plan_id": "ap-2",
        "template": "after-a-program",
        "instead_of": "rf-3",
        "need": "housing",
        "search_id": "s-1",
    },
    "referral-received": _MOVE,
    "referral-accepted": _MOVE,
    "referral-declined": _MOVE | {"reason": "no-capacity"},
    "referral-scheduled": _MOVE | {"appointment_id": "am-6"},
    "referral-no-show": _MOVE | {"by": "patient"},
    "referral-rescheduled": _MOVE | {"appointment_id": "am-7"},
    "referral-cancellation-requested": _MOVE | {"by": "patient", "reason": "found-other-care"},
    "referral-cancelled": _MOVE | {"reason": "found-other-care"},
    "referral-completed": _MOVE,
    "appointment-scheduled": {
        "at": "2026-03-12T10:00:00-04:00",
        "mode": "telehealth",
        "appointment_id": "am-6",
        "referral_id": "rf-4",
    },
    "contact-attempted": {
        "at": "2026-03-10T09:30:00-04:00",
        "mode": "phone",
        "outcome": "reached",
        "contact_id": "ct-8",
        "provider_kind": "social-worker",
        "appointment_id": "am-6",
    },
    "relapse-risk-raised": {"signals": ["missed-contacts"], "risk_id": "rk-1", "derived_from": ["f-50", "f-51"]},
    "relapse-risk-cleared": {
        "signals": ["missed-contacts"],
        "reason": "seen-at-home",
        "risk_id": "rk-1",
        "decided_by": "person",
    },
    "calls-decided": {"decision": "stop", "about": "ask-7"},
    "aftercare-closed": {"outcome": "goals-met", "plan_id": "ap-2"},
    "consent-recorded": _CONSENT,
    "consent-revoked": _CONSENT,
    "consent-expired": _CONSENT,
    "merge-ended": {
        "retired_episode_id": "ep-209",
        "since": "2026-03-10T08:00:00-04:00",
        "until": "2026-03-11T09:30:00-04:00",
    },
    "leftover-settled": {"facts": ["f-77", "f-78"], "goes_to": "ep-209"},
    "fact-cancelled": {
        "stay": _VISIT,
        "cancels": "f-16",
        "cancelled_type": "care.discharged.v1",
        "reason": "cancelled-by-sender",
    },
}

_EPISODE: Value = {
    "episode_id": "ep-204",
    "patient_id": "pt-87",
    "state": "between",
    "labels": ["PSY"],
    "previous_level": "inpatient",
    "since": "2026-03-09T11:30:00-04:00",
    "next_due": "2026-03-16",
    "stays": [
        {
            "id": "V1001",
            "kind": "visit",
            "level": "inpatient",
            "facility": "GOODHEALTH",
            "program": "GH-3W",
            "from": "2026-03-02T14:05:00-05:00",
            "to": "2026-03-09T11:30:00-04:00",
            "suspended": False,
            "begun_by": "f-15",
            "ended_by": {"ce_id": "f-16", "how": "discharged", "disposition": {"code": "01", "kind": "home"}},
        }
    ],
    "ineffective": 0,
    "conflicts": 0,
    "seen": {"intake": 2, "aftercare": 2},
    "version": 4,
}

_PERIOD: Value = {
    "period_id": "sp-visit-V1001-f-15",
    "version": 1,
    "changed": {},
    "episode_id": "ep-204",
    "patient": _PATIENT,
    "patient_id": "pt-87",
    "stay": _VISIT,
    "visit_number": "V1001",
    "level": "inpatient",
    "facility": "GOODHEALTH",
    "program": {"id": "GH-3W", "npi": "1000000012", "bill_type": "11X"},
    "claim_form": "institutional",
    "payer": "ACME",
    "coverage": [{"order": 1, "payer": "ACME", "plan": "PPO"}],
    "authorizations": [
        {"number": "A-77", "from": "2026-03-02", "to": "2026-03-11", "units_authorized": 10, "units_used": 7}
    ],
    "admission": {"at": "2026-03-02T14:05:00-05:00", "type": "E", "source": "7"},
    "start_date": "2026-03-02",
    "patient_status": "30",
    "leave": [{"from": "2026-03-05", "to": "2026-03-06", "kind": "therapeutic"}],
    "diagnoses": [
        {"system": "I10", "code": "F33.1", "rank": 1, "type": "principal"},
        {"system": "I10", "code": "F32.9", "rank": 1, "type": "admitting"},
    ],
    "attending_npi": "1000000079",
    "certifications": [],
    "days": [],
    "codes": [
        {"system": "goodhealth-charge", "code": "PSY-DAY"},
        {"system": "occurrence-span", "code": "74", "from": "2026-03-05", "to": "2026-03-05"},
    ],
    "warnings": [],
}
_ENDED = {"end_date": "2026-03-09", "discharged_at": "2026-03-09T11:30:00-04:00", "patient_status": "01"}
_PERIODS: dict[str, Value] = {
    "service-period-opened": {},
    "service-period-closed": _ENDED | {"version": 2, "changed": {"end_date": [None, "2026-03-09"]}},
    "service-period-amended": {
        "version": 3,
        "changed": {"end_date": ["2026-03-09", None]},
        "reason": "discharge-cancelled",
        "days": [{"date": "2026-03-03", "services": [_SERVICE]}],
    },
    "service-period-voided": {"version": 4, "reason": "admission-cancelled"},
}


_DISCLOSED: Value = {
    "recipient": "valley-clinic",
    "episode_id": "ep-204",
    "patient_id": "pt-87",
    "facility": "GOODHEALTH",
    "fact_id": "f-16",
    "fact_type": "care.discharged.v1",
    "occurred_at": "2026-03-09T11:30:00-04:00",
    "content": {"level": "inpatient", "disposition": {"code": "01", "kind": "home"}},
    "replaces": "f-14",
    "basis": {"kind": "consent", "id": "cn-3", "purpose": "treatment", "scope": ["PSY", "PART2"]},
    "disclosed_at": "2026-03-09T11:31:00-04:00",
    "notice": "These records are under 42 CFR Part 2; see 42 CFR 2.32.",
}


def examples() -> dict[str, Value]:
    """ce_type → its example. Raises KeyError for a published type without one."""
    facts = {ce_type: _fact(fact.TYPE, fact.WRITERS) for ce_type, fact in CARE_FACTS.items()}
    periods = {ce_type: _PERIOD | _PERIODS[_short(ce_type)] for ce_type in BILLING}
    return {**facts, EPISODE_TYPE: _EPISODE, **periods, OUT_TYPE: _DISCLOSED}


def _fact(name: str, writers: tuple[str, ...]) -> Value:
    return _COMMON | (_SAID if writers == ("intake",) else {}) | _OWN[name]


def _short(ce_type: str) -> str:
    return ce_type.removeprefix("billing.").removesuffix(".v1")


def example_headers(ce_type: str, writer: str) -> dict[str, str]:
    """The Kafka headers of a type's example."""
    value = examples()[ce_type]
    return {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_id": "f-16",
        "ce_source": f"/stepdown/{writer}",
        "ce_type": ce_type,
        "ce_subject": value.get("period_id", value["episode_id"]),
        "ce_time": _COMMON["recorded_at"],
        "ce_sequence": "2",
        "ce_sequencetype": "Integer",
        "ce_correlationid": "msg-501",
    }
