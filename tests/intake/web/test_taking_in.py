"""What nobody sends is taken in by forms: referrals, assessments, consents, of somebody new or of a patient."""

from __future__ import annotations

import logging
import re

import pytest

from services.intake.api.writes import DELETIONS, NEEDS, NUMBERS, WRITES
from services.intake.desk import taking_in
from tests.browsing import Browser, Page
from tests.intake.conftest import Hospital
from tests.intake.web.conftest import Asking
from tests.intake.web.desk_browser import Reader, browser, signed_in

__all__ = ["browser"]
WHO = {
    "identity__name__family": "Newcomer", "identity__name__given": "Ada", "identity__birth_date": "1990-02-03",
    "identity__contacts__0__value": "555-0100", "identity__safe_to_contact": "false",
}  # fmt: skip


@pytest.fixture
async def reader(browser: Browser, asking: Asking, hospital: Hospital) -> Reader:
    """A coordinator of GOODHEALTH."""
    return await signed_in(browser, asking, "coordinator", "GOODHEALTH", subject=f"c-{hospital.mrn[::-1]}")


def test_every_write_of_the_api_has_a_form() -> None:
    every = (*WRITES, *NUMBERS, *DELETIONS, *NEEDS)
    assert {write.action for write in taking_in.WRITES} == {write.action for write in every}
    assert {write.path for write in taking_in.WRITES} >= {f"/acts{write.path}" for write in every}


async def test_somebody_new_is_referred_and_known_from_then_on(
    reader: Reader, hospital: Hospital, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    given = {**WHO, "identity__identifiers__0__id": hospital.mrn, "source": "family", "requested_level": "iop"}
    page = await reader.fills_in(
        "A referral", "Refer", **given, labels__1="SUD", needs__0="transport", needs__1="risk:high"
    )
    assert (page.status, page.address) == (200, "/?list=take-in")
    assert "The referral is taken in" in page.notice
    [fact] = await hospital.facts()
    told = fact.as_json
    assert (fact.name, told["source"], told["requested_level"]) == ("referred", "family", "iop")
    assert (told["labels"], told["needs"]) == (["SUD"], ["transport", "risk:high"])
    assert b"Newcomer" in await hospital.identity()
    assert b'"safe_to_contact":[false' in await hospital.identity()
    for secret in ("Newcomer", "555-0100", hospital.mrn):
        assert secret not in caplog.text + page.address + str(page.answer.headers)
    assert ("referred-stated", fact.subject) in await reader.audit(hospital.intake)


async def test_somebody_new_is_assessed_and_consents(reader: Reader, hospital: Hospital) -> None:
    who = {**WHO, "identity__identifiers__0__id": hospital.mrn}
    assessed = {"instrument": "LOCUS", "version": "20", "phase": "intake", "score": "21.5", "recommended_level": "php"}
    page = await reader.fills_in("An assessment", "Add an assessment", **who, **assessed)
    assert "The assessment is taken in" in page.notice, page.notice
    allowed = {"recipient": "valley-clinic", "purpose": "treatment", "scope__0": "PSY", "to": "2031-01-05"}
    page = await reader.fills_in("A consent", "Record a consent", **who, **allowed)
    assert "The consent is recorded" in page.notice, page.notice
    assert [fact.name for fact in await hospital.facts()] == ["assessed", "consent-recorded"]


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"purpose": "treatment", "recipient": "valley-clinic"}, "scope.0", "This is needed"),
        ({"purpose": "treatment", "scope__0": "PSY"}, "recipient", "Choose one: a recipient"),
        (
            {
                "purpose": "treatment",
                "scope__0": "PSY",
                "recipient": "valley-clinic",
                "from": "2031-01-02",
                "to": "2031-01-01",
            },
            "to",
            "The last day is before the first",
        ),
    ],
)
async def test_what_the_api_refuses_is_said_at_the_field_and_what_was_typed_stays(
    reader: Reader, hospital: Hospital, given: dict[str, str], field: str, words: str
) -> None:
    who = {**WHO, "identity__identifiers__0__id": hospital.mrn}
    page = await reader.fills_in("A consent", "Record a consent", **who, **given)
    assert page.status == 422
    assert page.opened is not None
    assert page.opened.fields["identity.name.family"] == "Newcomer"
    assert re.search(rf'name="{re.escape(field)}"[^>]*aria-invalid="true"', page.text), field
    assert words in page.text
    assert await hospital.patient_id() is None


async def test_a_record_number_that_is_missing_is_asked_for_at_its_field(reader: Reader, hospital: Hospital) -> None:
    page = await reader.fills_in("A referral", "Refer", **WHO, source="self")
    assert page.status == 422
    assert re.search(r'name="identity.identifiers.0.id"[^>]*aria-invalid="true"', page.text)


async def test_who_takes_nothing_in_has_no_form_and_is_refused(
    browser: Browser, asking: Asking, reader: Reader
) -> None:
    form = await reader.browser.opened(await reader.opens("/", list="take-in"), "A referral", "Refer")
    clinician = await signed_in(browser, asking, "clinician", "GOODHEALTH")
    page = await clinician.opens("/")
    assert (await clinician.sends(page, form, source="self")).status == 403


def acts_of(page: Page) -> set[str]:
    return set(re.findall(r'action="(/acts/[^"]+)"', page.text))


async def test_on_a_patient_s_part_the_patient_is_filled_in(reader: Reader, hospital: Hospital) -> None:
    await hospital.tells("A01")
    patient = str(await hospital.patient_id())
    here = f"/patients/{patient}/part"
    page = await reader.opens(here)
    assert acts_of(page) == {"/acts/known-referrals", "/acts/assessments", "/acts/consents"}
    done = await reader.sends(page, page.forms("What nobody sends")["Refer"], source="self", requested_level="php")
    assert (done.address, "The referral is taken in" in done.notice) == (here, True), done.notice
    assessed = {"instrument": "LOCUS", "version": "20", "phase": "review"}
    done = await reader.sends(done, done.forms("What nobody sends")["Add an assessment"], **assessed)
    assert "The assessment is taken in" in done.notice
    allowed = {"recipient": "valley-clinic", "purpose": "treatment", "scope__0": "PSY"}
    done = await reader.sends(done, done.forms("What nobody sends")["Record a consent"], **allowed)
    assert "Valley Community Clinic" in done.text
    done = await reader.sends(done, done.forms("Valley Community Clinic")["Take back"])
    assert "The consent is taken back" in done.notice
    assert "being taken back" in done.text
    names = [fact.name for fact in await hospital.facts()]
    assert names == ["admitted", "referred", "assessed", "consent-recorded", "consent-revoked"]
    assert len({fact.subject for fact in await hospital.facts()}) == 1


async def test_a_refused_form_is_open_on_the_part_with_what_was_typed(reader: Reader, hospital: Hospital) -> None:
    await hospital.tells("A01")
    here = f"/patients/{await hospital.patient_id()}/part"
    page = await reader.opens(here)
    refused = await reader.sends(
        page, page.forms("What nobody sends")["Record a consent"], purpose="payment", scope__0="PSY"
    )
    assert refused.status == 422
    assert f'data-here="{here}"' in refused.text
    assert '<option value="payment" selected>' in refused.text


async def test_the_same_form_sent_twice_is_done_once(reader: Reader, hospital: Hospital) -> None:
    await hospital.tells("A01")
    page = await reader.opens(f"/patients/{await hospital.patient_id()}/part")
    for _ in range(2):
        assert (await reader.sends(page, page.forms("What nobody sends")["Refer"], source="self")).status == 200
    assert [fact.name for fact in await hospital.facts()] == ["admitted", "referred"]
