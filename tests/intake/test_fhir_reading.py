"""What an Encounter and what comes with it is read as: places, classes, numbers, diagnoses, payers, who says it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import orjson
import pytest

from services.intake.fhir.bodies import body_of, read_told, told_in
from services.intake.fhir.model import ReadResource
from services.intake.hl7.mapping import SiteRules
from services.intake.hl7.model import Adt, Diagnosis, Payer, Refused
from shared.fhir.billed_codes import ADMISSION_SOURCE, ADMISSION_TYPE
from shared.fhir.times import span
from shared.site import config
from tests.intake.said import NEW_YORK

RULES = SiteRules(config.load(config.SAMPLE))
NOW = datetime(2026, 3, 20, tzinfo=UTC)
WHO = {"subject": {"identifier": {"system": "GH", "value": "M1"}}, "serviceProvider": {"display": "GOODHEALTH"}}


def every(*resources: dict[str, Any], facility: str | None = None) -> list[ReadResource]:
    """What a Bundle of these resources is read as; an id is the end of the address too."""
    entries = [
        {"fullUrl": f"urn:uuid:{one.get('id', number)}", "resource": one} for number, one in enumerate(resources)
    ]
    body = body_of(orjson.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    return [read_told(one, RULES, NOW) for one in told_in(body, facility=facility)]


def read(*resources: dict[str, Any], facility: str | None = None) -> Adt:
    (one,) = every(*resources, facility=facility)
    return one.adt


def encounter(**more: Any) -> dict[str, Any]:
    told = {"resourceType": "Encounter", "id": "e", "status": "in-progress", "class": {"code": "IMP"}, **WHO}
    return {**told, "period": {"start": "2026-03-10T09:00:00-04:00"}, **more}


def test_the_unit_is_the_place_of_which_a_bed_is_part_and_that_the_site_has() -> None:
    kinds = {"bed": "bd", "room": "ro", "ward": "wa"}
    found = [
        {"resourceType": "Location", "id": name, "name": text, "physicalType": {"coding": [{"code": kinds[name]}]},
         **({"partOf": {"reference": f"urn:uuid:{of}"}} if of else {})}
        for name, text, of in (("bed", "A", "room"), ("room", "101", "ward"), ("ward", "3W", ""))
    ]  # fmt: skip
    adt = read(encounter(location=[{"location": {"reference": "urn:uuid:bed"}}]), *found)
    assert adt.location[:3] == ("3W", "101", "A")


@pytest.mark.parametrize(
    "named",
    [
        {"display": "good health hospital"},
        {"identifier": {"value": "1000000012"}},
        {"reference": "Organization/GOODHEALTH"},
    ],
)
def test_the_facility_is_known_by_name_npi_or_id(named: dict[str, Any]) -> None:
    assert read(encounter(serviceProvider=named)).facility == "GOODHEALTH"


def test_a_resource_that_names_no_facility_is_of_the_callers() -> None:
    told = encounter(serviceProvider=None)
    assert read(told, facility="RIVERBEND").facility == "RIVERBEND"
    with pytest.raises(Refused) as refused:
        read(told)
    assert refused.value.fault.segment == "Encounter.serviceProvider"


def test_changes_of_class_are_places_of_their_own() -> None:
    history = [
        {"class": {"code": "EMER"}, "period": {"start": "2026-03-10T09:00:00-04:00"}},
        {"class": {"code": "IMP"}, "period": {"start": "2026-03-10T15:00:00-04:00"}},
    ]
    place = {"location": {"display": "3W"}, "period": {"start": "2026-03-10T09:00:00-04:00"}}
    whole = read(encounter(location=[place], classHistory=history)).whole
    assert whole is not None
    assert [(one.patient_class, one.since and one.since.start.hour) for one in whole.places] == [("E", 9), ("I", 15)]


def test_an_unresolved_reference_is_the_senders_own_id_of_the_patient() -> None:
    adt = read(encounter(subject={"reference": "Patient/77"}))
    assert [(one.id, one.authority) for one in adt.patient_ids] == [("77", "GOODHEALTH Patient.id")]
    there = read(encounter(subject={"reference": "https://ehr.example/fhir/Patient/77/_history/2"}))
    assert [(one.id, one.authority) for one in there.patient_ids] == [("77", "https://ehr.example/fhir Patient.id")]


def coverage(name: str, payer: str, of: str) -> dict[str, Any]:
    whom = {"beneficiary": {"reference": f"urn:uuid:{of}"}}
    return {"resourceType": "Coverage", "id": name, "status": "active", "payor": [{"display": payer}], **whom,
            "period": {"start": "2026-01-01"}}  # fmt: skip


def patient(name: str) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": name, "identifier": [{"system": "GH", "value": f"M-{name}"}]}


def test_diagnoses_and_payers_are_those_of_the_encounter_and_its_patient() -> None:
    condition = {"resourceType": "Condition", "id": "c", "subject": {"reference": "urn:uuid:p1"},
                 "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "F33.2"}]}}  # fmt: skip
    use = {"coding": [{"code": "AD"}]}
    one = encounter(id="e1", subject={"reference": "urn:uuid:p1"},
                    diagnosis=[{"condition": {"reference": "urn:uuid:c"}, "use": use, "rank": 1}])  # fmt: skip
    held = [{**coverage("x", "SELF", "p2"), "beneficiary": {"reference": "#p"}}]
    other = encounter(id="e2", subject={"reference": "urn:uuid:p2"}, contained=held)
    payers = coverage("k1", "ACME", "p1"), coverage("k2", "MEDICARE", "p2")
    first, second = [each.adt for each in every(one, other, patient("p1"), patient("p2"), *payers, condition)]
    assert first.diagnoses == (Diagnosis(1, "F33.2", "I10", "A"),)
    assert first.coverage == (Payer(1, "ACME", None, date(2026, 1, 1)),)
    assert second.diagnoses is None
    assert isinstance(second.coverage, tuple)
    assert {each.payer for each in second.coverage} == {"MEDICARE", "SELF"}


def test_a_visit_number_is_the_one_of_type_vn_and_an_account_is_none() -> None:
    numbers = [
        {"value": "A-1", "type": {"coding": [{"code": "AN"}]}},
        {"value": "X-1", "use": "official"},
        {"value": "V-1", "system": "GH", "type": {"coding": [{"code": "VN"}]}},
    ]
    adt = read(encounter(identifier=numbers))
    assert (adt.visit_number, adt.visit_authority, adt.account) == ("V-1", "GH", "A-1")
    assert read(encounter(identifier=numbers[:2])).visit_number == "X-1"


def test_a_disposition_is_a_code_of_the_table_or_goes_on_as_it_was_sent() -> None:
    def told(**concept: Any) -> Any:
        stay = {"dischargeDisposition": concept}
        return read(encounter(status="finished", hospitalization=stay)).disposition

    assert told(coding=[{"code": "aadvice"}]) == "07"
    assert told(coding=[{"code": "Left of own accord"}]) == "Left of own accord"
    assert told(text="Home") == "Home"


def test_an_age_is_that_of_the_day_at_the_facility() -> None:
    born = {"resourceType": "Patient", "id": "p", "birthDate": "1990-03-11", "identifier": [{"value": "M1"}]}
    one = encounter(subject={"reference": "urn:uuid:p"}, period={"start": "2026-03-11T02:00:00Z"})
    assert read(one, born).age_years == 35


def test_a_payer_of_the_same_order_pays_until_the_next_one_and_one_after_the_end_is_of_others() -> None:
    def told(payer: str, since: str, until: str = "") -> dict[str, Any]:
        return {**coverage(payer, payer, "p"), "order": 1,
                "period": {"start": since, **({"end": until} if until else {})}}  # fmt: skip

    held = told("ACME", "2026-03-01"), told("MEDICARE", "2026-03-11", "2026-03-12"), told("MEDICAID", "2026-03-13")
    subject = {"subject": {"reference": "urn:uuid:p"}}
    ended = {"status": "finished", "period": {"start": "2026-03-10T13:00:00Z", "end": "2026-03-12T13:00:00Z"}}
    assert read(encounter(**subject), patient("p"), *held).coverage == (
        Payer(1, "ACME", None, date(2026, 3, 1), date(2026, 3, 10)),
        Payer(2, "MEDICARE", None, date(2026, 3, 11), date(2026, 3, 12)),
        Payer(3, "MEDICAID", None, date(2026, 3, 13)),
    )
    assert read(encounter(**subject, **ended), patient("p"), *held).coverage == (
        Payer(1, "ACME", None, date(2026, 3, 1), date(2026, 3, 10)),
        Payer(2, "MEDICARE", None, date(2026, 3, 11)),
    )


def test_codes_that_a_bill_has_go_on_as_they_are() -> None:
    one = encounter(
        priority={"coding": [{"code": "EL"}, {"system": ADMISSION_TYPE, "code": "3"}]},
        hospitalization={"admitSource": {"coding": [{"code": "other"}, {"system": ADMISSION_SOURCE, "code": "4"}]}},
    )
    assert (read(one).admission_type, read(one).admission_source) == ("3", "4")


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-03-10", "2026-03-10T04:00:00+00:00", "2026-03-11T04:00:00+00:00"),
        ("2026-03", "2026-03-01T05:00:00+00:00", "2026-04-01T04:00:00+00:00"),
        ("2026", "2026-01-01T05:00:00+00:00", "2027-01-01T05:00:00+00:00"),
        ("2026-03-10T09:30:00.5Z", "2026-03-10T09:30:00.500000+00:00", "2026-03-10T09:30:00.500000+00:00"),
        ("2026-03-10T09:30", "2026-03-10T13:30:00+00:00", "2026-03-10T13:30:00+00:00"),
    ],
)
def test_a_datetime_of_fhir_is_a_span(text: str, start: str, end: str) -> None:
    assert [at.astimezone(UTC).isoformat() for at in span(text, NEW_YORK)] == [start, end]


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-13", "2026-02-30", "2026-03-10T25:00:00Z", "2026-03-10T10:00:00+99:00"]
)
def test_what_is_no_datetime_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"time|month|day"):
        span(text, NEW_YORK)
