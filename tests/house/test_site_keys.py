"""Every key that a site config may have changes something that can be seen; one that nothing reads is not let in.

A key that is new fails here until it has a row in `ROWS`: where it is (lists and tables as `*`), what to write there,
and which of `observed`'s functions shows that it matters. `at` names the place to change where the first one of the
sample would not show it; `beside` what else has to be written for the change to be a valid site. Keep observers pure.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import pytest

from shared.site.config import SAMPLE, Site
from shared.site.marked_yaml import read
from tests.house import observed, observed_payers, observed_visits

Place = tuple[str | int, ...]
RAW: dict[str, Any] = read(SAMPLE).values


class Row(NamedTuple):
    """Write `to` at a place, and look."""

    seen: Callable[[Site], object]
    to: Any
    at: str = ""
    beside: Mapping[str, Any] = {}


said, ranked, page, billed, gate = observed.said, observed.ranked, observed.page, observed.billed, observed.gate
followed_up, planned, recommended = observed.followed_up, observed.planned, observed.recommended
UNIT = "facilities.0.units"
DAILY = f"{UNIT}.9.one_stay"
BED = f"{UNIT}.0.by_class.0"
EXTRA = "follow_ups.0"
MEDICARE = "payers.1.edits"
edited, clocked, priced = observed_payers.edited, observed_payers.clocked, observed_payers.priced
ROWS: dict[str, Row] = {
    "name": Row(gate, "another"),
    "feeds.*.name": Row(said, "another"),
    "feeds.*.sending_application": Row(said, "CHANGED", beside={"feeds.0.facility_from": ["PV1-3.4"]}),
    "feeds.*.sending_facility": Row(said, "CHANGED", beside={"feeds.0.facility_from": ["PV1-3.4"]}),
    "feeds.*.facility_from": Row(said, ["MSH-4"], "feeds.1.facility_from"),
    "feeds.*.visit_from": Row(observed_visits.named, ["PID-18", "PV1-19"]),
    "feeds.*.visit_numbers": Row(observed_visits.counted, "patient"),
    "feeds.*.place_differs": Row(observed_visits.classes, "transfer"),
    "feeds.*.zone": Row(said, "message"),
    "facilities.*.name": Row(said, "CHANGED"),
    "facilities.*.title": Row(page, "Another Hospital"),
    "facilities.*.zone": Row(said, "America/Denver"),
    "facilities.*.npi": Row(billed, "1234567893"),
    "facilities.*.sent_as": Row(said, ["CHANGED"]),
    "facilities.*.processing_ids": Row(said, ["D"]),
    "facilities.*.units.*.code": Row(said, "3W-NEW"),
    "facilities.*.units.*.level": Row(said, "residential"),
    "facilities.*.entity": Row(observed.passed, "another-entity"),
    "facilities.*.part2": Row(observed.passed, "true", "facilities.0.part2"),
    "facilities.*.units.*.visit_class": Row(said, "crisis", f"{UNIT}.5.visit_class"),
    "facilities.*.units.*.program": Row(said, "GH-DETOX"),
    "facilities.*.units.*.setting": Row(said, "crisis-stabilization", f"{UNIT}.8.setting"),
    "facilities.*.units.*.labels": Row(said, ["SUD"]),
    "facilities.*.units.*.by_class.*.patient_class": Row(observed_visits.classes, ["C"]),
    "facilities.*.units.*.by_class.*.hospital_service": Row(observed_visits.classes, ["MED"],
                                                            f"{BED}.hospital_service"),
    "facilities.*.units.*.by_class.*.patient_type": Row(observed_visits.classes, ["DAY"],
                                                        f"{BED}.patient_type"),
    "facilities.*.units.*.by_class.*.level": Row(observed_visits.classes, "residential", f"{BED}.level",
                                                 {f"{BED}.visit_class": None}),
    "facilities.*.units.*.by_class.*.visit_class": Row(observed_visits.classes, "crisis"),
    "facilities.*.units.*.by_class.*.expected": Row(observed_visits.classes, "true", f"{BED}.expected",
                                                    {f"{BED}.visit_class": None}),
    "facilities.*.units.*.by_class.*.program": Row(observed_visits.classes, "GH-DETOX", f"{BED}.program",
                                                   {f"{BED}.visit_class": None, f"{BED}.level": "inpatient"}),
    "facilities.*.units.*.one_stay.gap_days": Row(observed_visits.stays, "20", f"{DAILY}.gap_days"),
    "facilities.*.units.*.one_stay.day_attended": Row(observed_visits.stays, "false", f"{DAILY}.day_attended"),
    "facilities.*.units.*.one_stay.ends_by": Row(observed_visits.stays, ["home"], f"{DAILY}.ends_by"),
    "facilities.*.units.*.one_stay.gap_means": Row(observed_visits.stays, "completed", f"{DAILY}.gap_means"),
    "facilities.*.billing.*.bill_type": Row(billed, "12X"),
    "facilities.*.billing.*.claim_form": Row(billed, "professional"),
    "facilities.*.billing.*.codes.*.system": Row(billed, "another"),
    "facilities.*.billing.*.codes.*.code": Row(billed, "ANOTHER"),
    "facilities.*.billing.*.codes.*.of": Row(billed, "stay", "facilities.0.billing.inpatient.codes.0.of"),
    "facilities.*.billing.*.codes.*.value": Row(billed, "12.50", "facilities.0.billing.inpatient.codes.0.value"),
    "facilities.*.dispositions.*": Row(said, ["CHANGED"], "facilities.0.dispositions.home"),
    "dispositions.*": Row(said, ["CHANGED"], "dispositions.home"),
    "patient_status.*": Row(said, "06", "patient_status.home"),
    "what_follows.*": Row(observed.begun, [], "what_follows.home"),
    "admission_types.*": Row(said, ["Z"], "admission_types.1"),
    "admission_sources.*": Row(said, ["Z"], "admission_sources.1"),
    "payers.*.id": Row(said, "CHANGED"),
    "payers.*.title": Row(page, "Another Plan"),
    "payers.*.sent_as": Row(said, ["CHANGED"]),
    "payers.*.plans": Row(said, ["CHANGED"]),
    "payers.*.changed_to_outpatient": Row(observed_visits.changed, "void"),
    "payers.*.authorizes": Row(billed, ["outpatient"]),
    "payers.*.edits.apart.*.level": Row(edited, "php", f"{MEDICARE}.apart.0.level"),
    "payers.*.edits.apart.*.from": Row(edited, "residential", f"{MEDICARE}.apart.0.from"),
    "payers.*.edits.apart.*.days": Row(edited, "1", f"{MEDICARE}.apart.0.days"),
    "payers.*.edits.interrupted_days": Row(edited, "1", f"{MEDICARE}.interrupted_days"),
    "payers.*.edits.hours_week.*": Row(edited, "18", f"{MEDICARE}.hours_week.php"),
    "payers.*.edits.hours_of": Row(edited, "attended", f"{MEDICARE}.hours_of"),
    "payers.*.edits.in_person": Row(edited, ["iop"], f"{MEDICARE}.in_person"),
    "clocks.*.payer": Row(clocked, "MEDICAID"),
    "clocks.*.level": Row(clocked, "outpatient"),
    "clocks.*.unit": Row(clocked, "session", "clocks.3.unit"),
    "clocks.*.lead_days": Row(clocked, "7"),
    "clocks.*.leave_counts": Row(clocked, "true", "clocks.3.leave_counts"),
    "clocks.*.certification.then_day": Row(clocked, "10"),
    "clocks.*.certification.every_days": Row(clocked, "45", "clocks.2.certification.every_days"),
    "clocks.*.plan_days": Row(clocked, "7", "clocks.3.plan_days"),
    "clocks.*.expected_days": Row(clocked, "10"),
    "programs.*.id": Row(ranked, "CHANGED"),
    "programs.*.title": Row(page, "Another program"),
    "programs.*.facility": Row(page, "RIVERBEND"),
    "programs.*.level": Row(ranked, "iop"),
    "programs.*.capacity": Row(observed.seats, "23"),
    "programs.*.payers": Row(ranked, ["MEDICAID"]),
    "programs.*.ages.from": Row(ranked, "35"),
    "programs.*.ages.to": Row(ranked, "33"),
    "programs.*.modes": Row(ranked, ["telehealth"]),
    "programs.*.tracks": Row(ranked, ["psychosis"]),
    "programs.*.modalities": Row(page, ["CBT"]),
    "programs.*.languages": Row(ranked, ["vi"]),
    "programs.*.accreditation": Row(ranked, ["CARF"]),
    "programs.*.hours_week": Row(page, "29", "programs.4.hours_week"),
    "programs.*.days_week": Row(page, "4", "programs.4.days_week"),
    "programs.*.schedule.*.days": Row(ranked, ["tue"], "programs.7.schedule.0.days", {"programs.7.days_week": "1"}),
    "programs.*.schedule.*.from": Row(page, "09:30", "programs.4.schedule.0.from"),
    "programs.*.schedule.*.to": Row(page, "15:30", "programs.4.schedule.0.to"),
    "programs.*.groups.*.id": Row(observed.seats, "Z", "programs.4.groups.0.id"),
    "programs.*.groups.*.title": Row(page, "Another group", "programs.4.groups.0.title"),
    "programs.*.groups.*.capacity": Row(observed.seats, "7", "programs.4.groups.0.capacity"),
    "programs.*.labels": Row(gate, ["SUD"]),
    "programs.*.self_pay.amount": Row(priced, "500.00", "programs.4.self_pay.amount"),
    "programs.*.self_pay.currency": Row(priced, "CAD", "programs.4.self_pay.currency"),
    "programs.*.self_pay.per": Row(priced, "week", "programs.4.self_pay.per"),
    "programs.*.npi": Row(billed, "1234567893", "programs.1.npi"),
    "programs.*.billing.bill_type": Row(billed, "12X", "programs.1.billing.bill_type"),
    "programs.*.billing.claim_form": Row(billed, "professional", "programs.1.billing.claim_form"),
    "programs.*.billing.codes.*.system": Row(billed, "another", "programs.1.billing.codes.0.system"),
    "programs.*.billing.codes.*.code": Row(billed, "ANOTHER", "programs.1.billing.codes.0.code"),
    "programs.*.billing.codes.*.of": Row(billed, "stay", "programs.1.billing.codes.0.of"),
    "programs.*.billing.codes.*.value": Row(billed, "12.50", "programs.1.billing.codes.0.value"),
    "identifier_types": Row(observed.numbered, ["XX"]),
    "authorities.*.names": Row(observed.numbered, ["CHANGED"]),
    "authorities.*.facility": Row(observed.numbered, "RIVERBEND"),
    "placeholders.values": Row(observed.numbered, ["12345"]),
    "placeholders.birth_dates": Row(observed.numbered, ["1902-01-01"]),
    "limits.identity_questions": Row(observed.asked, "60"),
    "limits.machine_identity_questions": Row(observed.asked, "600"),
    "limits.episode_gap_days": Row(observed.episodes_of_two_visits, "44"),
    "limits.future_minutes": Row(observed.ahead, "60"),
    "limits.arrival_days": Row(observed.expected, "3"),
    "limits.capacity_days": Row(observed.told_of_seats, "30"),
    "limits.receipt_hours": Row(observed.confirmed_by, "5"),
    "limits.gap_days": Row(observed.kept_placement, "5"),
    "limits.leaving_days": Row(observed.leaving_soon, "5"),
    "limits.deletion_days": Row(observed.deleted, "40"),
    "limits.message_bytes": Row(observed.service, "2048"),
    "limits.frame_messages": Row(observed.service, "1"),
    "limits.parked_alarm_seconds": Row(observed.service, "61"),
    "retention.raw_message_days": Row(observed.kept, "365"),
    "retention.refused_message_days": Row(observed.kept, "31"),
    "retention.dead_letter_days": Row(observed.kept, "31"),
    "retention.answered_request_days": Row(observed.kept, "3"),
    "retention.desk_days": Row(observed.kept, "90"),
    "silent_after.hours": Row(observed.silent, "48"),
    "silent_after.facilities.*": Row(observed.silent, "72", "silent_after.facilities.RIVERBEND"),
    "hanging_after.days": Row(observed.hanging, 31),
    "hanging_after.levels.*": Row(observed.hanging, 15, "hanging_after.levels.inpatient"),
    "hanging_after.classes.*": Row(observed.hanging, 4, "hanging_after.classes.emergency"),
    "likeness.listed_from": Row(observed_visits.alike, "9"),
    "likeness.similar_from": Row(observed_visits.alike, "1"),
    "likeness.same_name": Row(observed_visits.alike, "1"),
    "likeness.similar_name": Row(observed_visits.alike, "-1"),
    "likeness.same_birth_date": Row(observed_visits.alike, "1"),
    "likeness.same_telephone": Row(observed_visits.alike, "9"),
    "likeness.same_address": Row(observed_visits.alike, "9"),
    "likeness.name_differs": Row(observed_visits.alike, "2"),
    "likeness.birth_date_differs": Row(observed_visits.alike, "2"),
    "likeness.sex_differs": Row(observed_visits.alike, "2"),
    "sign_in.roles_claim": Row(observed.signed_in, "job"),
    "sign_in.roles.*": Row(observed.signed_in, "auditor", "sign_in.roles.coordinator"),
    "sign_in.facilities_claim": Row(observed.signed_in, "place"),
    "sign_in.facilities.*": Row(observed.signed_in, ["RIVERBEND"], "sign_in.facilities.GOODHEALTH"),
    "needs.*.key": Row(observed.needed, "another", "needs.13.key"),
    "needs.*.words": Row(observed.needed, "another", "needs.13.words"),
    "needs.*.kind": Row(observed.needed, "must", "needs.13.kind"),
    "needs.*.values": Row(observed.needed, ["low", "high"], "needs.20.values"),
    "needs.*.judged": Row(observed.needed, "any", "needs.10.judged"),
    "needs.*.answered_by": Row(observed.needed, "answers", "needs.10.answered_by"),
    "needs.*.unsaid": Row(observed.needed, "fails", "needs.8.unsaid"),
    "needs.*.referral": Row(observed.needed, "psychiatry", "needs.16.referral"),
    "needs.*.referral_to": Row(observed.needed, "another", "needs.16.referral_to"),
    "needs.*.referral_days": Row(observed.needed, "9", "needs.16.referral_days"),
    "needs.*.labels": Row(observed.needed, [], "needs.23.labels"),
    "programs.*.answering.within_hours": Row(observed.answered, "3", "programs.6.answering.within_hours"),
    "programs.*.answering.line": Row(observed.answered, "false", "programs.6.answering.line"),
    "programs.*.answering.office.*.days": Row(observed.answered, ["mon"], "programs.8.answering.office.0.days"),
    "programs.*.answering.office.*.from": Row(observed.answered, "13:00", "programs.8.answering.office.0.from"),
    "programs.*.answering.office.*.to": Row(observed.answered, "19:00", "programs.8.answering.office.0.to"),
    "waiting_line.per_day": Row(observed.answered, "0"),
    "waiting_line.needs.*.need": Row(observed.answered, "mat"),
    "waiting_line.needs.*.value": Row(observed.answered, "low"),
    "waiting_line.needs.*.points": Row(observed.answered, "1"),
    "programs.*.answers.*": Row(observed.needed, ["low"], "programs.0.answers.risk"),
    "recommendations.*.name": Row(recommended, "another"),
    "recommendations.*.recommend": Row(recommended, "iop"),
    "recommendations.*.because": Row(recommended, "Another reason."),
    "recommendations.*.after": Row(recommended, ["php"], "recommendations.3.after"),
    "recommendations.*.ended": Row(recommended, ["completed"], "recommendations.3.ended"),
    "recommendations.*.disposition": Row(recommended, ["against-advice"], "recommendations.3.disposition"),
    "recommendations.*.labels": Row(recommended, ["PSY"], "recommendations.3.labels"),
    "recommendations.*.ages.from": Row(recommended, "20", "recommendations.3.ages.from"),
    "recommendations.*.ages.to": Row(recommended, "20", "recommendations.3.ages.to",
                                     {"recommendations.3.ages.from": "0"}),
    "follow_ups.*.measure": Row(followed_up, "ANOTHER"),
    "follow_ups.*.levels": Row(followed_up, ["residential"]),
    "follow_ups.*.settings": Row(followed_up, ["crisis-stabilization"], f"{EXTRA}.settings",
                                 {f"{EXTRA}.not_settings": []}),
    "follow_ups.*.not_settings": Row(followed_up, ["crisis-stabilization"]),
    "follow_ups.*.labels": Row(followed_up, ["SUD"]),
    "follow_ups.*.ages.from": Row(followed_up, "41"),
    "follow_ups.*.ages.to": Row(followed_up, "64"),
    "follow_ups.*.diagnoses": Row(followed_up, ["F84"]),
    "follow_ups.*.first_day": Row(followed_up, "2"),
    "follow_ups.*.last_day": Row(followed_up, "6"),
    "follow_ups.*.excluded.*.reason": Row(followed_up, "another"),
    "follow_ups.*.excluded.*.death": Row(followed_up, "false", f"{EXTRA}.excluded.0.death",
                                         {f"{EXTRA}.excluded.0.dispositions": ["other"]}),
    "follow_ups.*.excluded.*.dispositions": Row(followed_up, ["against-advice"], f"{EXTRA}.excluded.1.dispositions"),
    "follow_ups.*.excluded.*.next_levels": Row(followed_up, ["php"], f"{EXTRA}.excluded.5.next_levels"),
    "follow_ups.*.excluded.*.labels": Row(followed_up, ["SUD"], f"{EXTRA}.excluded.5.labels"),
    "follow_ups.*.excluded.*.from_day": Row(followed_up, "6", f"{EXTRA}.excluded.5.from_day"),
    "follow_ups.*.excluded.*.to_day": Row(followed_up, "4", f"{EXTRA}.excluded.5.to_day"),
    "follow_ups.*.stays.*.levels": Row(followed_up, ["php"]),
    "follow_ups.*.stays.*.labels": Row(followed_up, ["SUD"]),
    "follow_ups.*.stays.*.modes": Row(followed_up, ["in-person"]),
    "follow_ups.*.stays.*.provider_kinds": Row(followed_up, ["therapist"]),
    "follow_ups.*.contacts.modes": Row(followed_up, ["in-person"]),
    "follow_ups.*.contacts.provider_kinds": Row(followed_up, ["peer"]),
    "aftercare.starts.*.after": Row(planned, "completed"),
    "aftercare.starts.*.levels": Row(planned, ["php"]),
    "aftercare.starts.*.wait_days": Row(planned, "2"),
    "aftercare.missed_contacts": Row(planned, "3"),
    "aftercare.templates.*.name": Row(planned, "another"),
    "aftercare.templates.*.after": Row(planned, ["completed"]),
    "aftercare.templates.*.levels": Row(planned, ["iop"]),
    "aftercare.templates.*.labels": Row(planned, ["PSY"], "aftercare.templates.1.labels"),
    "aftercare.templates.*.referrals.*.kind": Row(planned, "psychiatry", "aftercare.templates.1.referrals.0.kind"),
    "aftercare.templates.*.referrals.*.due_days": Row(planned, "8", "aftercare.templates.1.referrals.0.due_days"),
    "aftercare.templates.*.referrals.*.provider": Row(planned, "A", "aftercare.templates.1.referrals.0.provider"),
    "aftercare.templates.*.contacts.*.name": Row(planned, "another"),
    "aftercare.templates.*.contacts.*.from_hours": Row(planned, "1"),
    "aftercare.templates.*.contacts.*.to_hours": Row(planned, "23"),
    "recipients.*.id": Row(gate, "another"),
    "recipients.*.title": Row(gate, "Another clinic"),
    "recipients.*.class": Row(gate, "payer"),
    "recipients.*.purpose": Row(gate, "payment"),
    "recipients.*.facilities": Row(gate, ["RIVERBEND"]),
    "recipients.*.receives.*.type": Row(gate, "referred", beside={"recipients.0.receives.0.fields": []}),
    "recipients.*.receives.*.fields": Row(gate, ["unit"]),
    "recipients.*.agreements.*.id": Row(gate, "another"),
    "recipients.*.agreements.*.kind": Row(gate, "audit"),
    "recipients.*.agreements.*.covers": Row(gate, ["PSY"]),
    "recipients.*.agreements.*.from": Row(gate, "2026-02-01"),
    "recipients.*.agreements.*.to": Row(gate, "2026-12-31"),
    "redisclosure_notice": Row(gate, "Another statement."),
}  # fmt: skip


def keys(schema: Mapping[str, Any], defs: Mapping[str, Any], at: str = "") -> Iterator[str]:
    """Every place where a site may say something: the models' own schema, lists and tables as `*`."""
    if "$ref" in schema:
        schema = defs[schema["$ref"].rpartition("/")[2]]
    inside = schema.get("properties") or _table(schema)
    several = schema.get("anyOf") or ([{**schema["items"], "many": True}] if "items" in schema else [])
    if inside:
        for name, part in inside.items():
            yield from keys(part, defs, f"{at}.{name}" if at else name)
    elif any(_has_parts(part, defs) for part in several):
        for part in several:
            yield from keys(part, defs, f"{at}.*" if part.get("many") else at)
    elif schema.get("type") != "null":
        yield at


def _table(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What a table's rows are: whatever their keys, or keys of a pattern."""
    of = [schema.get("additionalProperties"), *schema.get("patternProperties", {}).values()]
    return dict.fromkeys("*", next((part for part in of if isinstance(part, Mapping)), {})) if any(of) else {}


def _has_parts(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> bool:
    found = defs[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return "properties" in found or "items" in found or bool(_table(found))


def test_every_key_that_a_site_may_have_has_a_row_that_shows_what_it_does() -> None:
    schema = Site.model_json_schema()
    assert set(ROWS) == set(keys(schema, schema["$defs"]))


@lru_cache
def of_the_sample(seen: Callable[[Site], object]) -> object:
    """What is seen by the sample site."""
    return seen(Site.model_validate(RAW))


@pytest.mark.parametrize("key", ROWS)
def test_a_key_that_is_changed_changes_something_that_can_be_seen(key: str) -> None:
    row, raw = ROWS[key], copy.deepcopy(RAW)
    for place, text in {(row.at or first(key)): row.to, **row.beside}.items():
        write(raw, place.split("."), text)
    before = of_the_sample(row.seen)
    if row.beside:  # what is written beside must not be what is seen
        other = copy.deepcopy(RAW)
        for place, text in row.beside.items():
            write(other, place.split("."), text)
        before = row.seen(Site.model_validate(other)) if _valid(other) else before
    assert row.seen(Site.model_validate(raw)) != before


def _valid(raw: dict[str, Any]) -> bool:
    try:
        Site.model_validate(raw)
    except ValueError:
        return False
    return True


def first(key: str) -> str:
    """The first place in the sample where the key may be: `programs.*.id` → `programs.0.id`."""
    found, here = [], RAW
    for part in key.split("."):
        name = part
        if part == "*":
            name = "0" if isinstance(here, list) else next(iter(here))
        found.append(name)
        here = here[int(name)] if isinstance(here, list) else (here or {}).get(name, {})
    return ".".join(found)


def write(raw: Any, place: list[str], text: Any) -> None:
    """Write there, in a copy of the sample; tables that are not there are made."""
    here = raw
    for name in place[:-1]:
        here = here[int(name)] if isinstance(here, list) else here.setdefault(name, {})
    if isinstance(here, list):
        here[int(place[-1])] = text
    else:
        here[place[-1]] = text
