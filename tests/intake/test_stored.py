"""What databases have of messages and facts, of this release and of those before, is read as it was said."""

from __future__ import annotations

import orjson

from services.intake.hl7 import codec
from services.intake.hl7.model import REMOVED, PatientId
from services.intake.visits.derive import derive
from services.intake.visits.desired import own_fields, read_back, stay_heading
from shared.events.published import encode
from shared.facts.values import UnknownFact
from tests.intake.said import SITE, told

SAID = told(
    2, "A03", "20260110120500", pv1_45="20260110", pv1_36='""', pv1_4="E", pid_30='""',
    dg1="DG1|1||F33.2^x^I10", in1="IN1|1|PPO|ACME|||||||||20260301",
).adt  # fmt: skip
KEPT = (
    b'{"trigger":"A03","control_id":"C2","sending_app":"ADT1","sending_facility":"GOODHEALTH","processing_id":"P",'
    b'"facility":"GOODHEALTH","stated_at":"2026-01-10T12:05:00-05:00",'
    b'"occurred":{"start":"2026-01-10T00:00:00-05:00","end":"2026-01-11T00:00:00-05:00"},"occurred_from":"PV1-45",'
    b'"event":{"start":"2026-01-10T12:05:00-05:00","end":"2026-01-10T12:05:00-05:00"},'
    b'"sent_at":"2026-01-10T17:05:00+00:00","patient_ids":[["123456","GH","MR",null]],"visit_number":"V1",'
    b'"patient_class":"I","location":["3W",null,null,null],"prior_location":[null,null,null,null],'
    b'"admission_type":"E","admission_source":null,"attending_npi":null,"disposition":"\\"\\"","admitted":null,'
    b'"discharged":{"start":"2026-01-10T00:00:00-05:00","end":"2026-01-11T00:00:00-05:00"},'
    b'"expected_discharge":null,"expected_return":null,"event_reason":null,"deceased":false,"death":"\\"\\"",'
    b'"died":null,"diagnoses":[[1,"F33.2","I10",null]],"coverage":[[1,"ACME","PPO","2026-03-01"]],"merged":[],'
    b'"age_years":45,"charset":"ascii","warnings":[]}'
)
"""As it was kept when pydantic read it."""


def test_a_message_comes_back_as_it_was_read() -> None:
    assert codec.decode(codec.encode(SAID)) == SAID
    assert (SAID.disposition, SAID.death) == (REMOVED, REMOVED)


def test_a_message_kept_by_an_earlier_release_is_the_same_message() -> None:
    assert codec.decode(KEPT) == SAID


def test_a_message_kept_before_there_were_some_fields_says_nothing_in_them() -> None:
    first = orjson.loads(KEPT) | {"patient_ids": [["123456", "GH", "MR"]]}
    for later in ("expected_discharge", "expected_return", "death", "died", "merged", "warnings"):
        del first[later]
    found = codec.decode(orjson.dumps(first))
    assert (found.patient_ids, found.death, found.merged) == ((PatientId("123456", "GH", "MR"),), None, ())


def test_a_stored_fact_is_the_fact_that_is_derived() -> None:
    story = [
        told(1, "A01", "20260105100000", dg1="DG1|1||F33.2^x^I10", in1="IN1|1|PPO|ACME"),
        told(2, "A03", "20260110"),
    ]
    before = {
        "admitted": b'{"level":"inpatient","admission":{},"age_years":45,"unit":"3W","visit_number":"V1",'
        b'"patient":{"mrn":"123456","assigning_authority":"GH"}}',
        "discharged": b'{"level":"inpatient","disposition":{"kind":"unknown"}}',
        "diagnosis-recorded": b'{"system":"I10","code":"F33.2","rank":1}',
        "coverage-changed": b'{"effective_from":"2026-01-05","coverage":[{"order":1,"payer":"ACME","plan":"PPO"}]}',
    }
    for fact in derive("V1", story, SITE).facts:
        value = fact.value
        assert value.stay is not None
        about = stay_heading(value.occurred_at, value.stay)
        assert read_back(value.TYPE, before[value.TYPE], about) == value
        assert read_back(value.TYPE, own_fields(encode(value)), about) == value


def test_a_stored_fact_that_cant_be_read_is_no_fact_that_is_wanted() -> None:
    [fact] = derive("V1", [told(1, "A01", "20260105100000")], SITE).facts
    assert fact.value.stay is not None
    found = read_back("admitted", b"{}", stay_heading(fact.value.occurred_at, fact.value.stay))
    assert isinstance(found, UnknownFact)
    assert (found.stay, found.occurred_at) == (fact.value.stay, fact.value.occurred_at)
