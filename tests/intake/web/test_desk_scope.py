"""What intake has of one patient, within the patient's page and alone; and that nobody of another facility sees any."""

from __future__ import annotations

import re

import pytest

from tests.browsing import Browser
from tests.intake.conftest import Hospital
from tests.intake.web.conftest import Asking
from tests.intake.web.desk_browser import browser, signed_in

__all__ = ["browser"]
SECRETS = ("GIVENMARKER", "1980", "555-0101", "ROE")


@pytest.fixture
async def here(hospital: Hospital) -> str:
    """The part of a patient of GOODHEALTH with a visit, a payer and a telephone."""
    raw = hospital.message("A01").decode()
    raw = raw.replace("||19800101|F", "||19800101|F|||12 Elm St^^Lima|||555-0101")
    await hospital.says(f"{raw}PD1||||77^ROE^ANN\rIN1|1|HMO|AETNA\r".encode())
    await hospital.tells("A03", "20260312090000")
    return f"/patients/{await hospital.patient_id()}/part"


async def test_the_part_tells_who_it_is_by_whom_and_what_came(
    browser: Browser, hospital: Hospital, asking: Asking, here: str
) -> None:
    reader = await signed_in(browser, asking, "coordinator", subject=f"c-{hospital.mrn}")
    page = await reader.opens(here)
    assert page.status == 200
    for title in ("Names", "Numbers", "Who treats", "Who pays", "Visits", "To take in"):
        assert f"<h3>{title}</h3>" in page.text, title
    for words in (
        f"{hospital.name}, GIVENMARKER",
        hospital.mrn,
        "born Jan 1, 1980",
        "ROE, ANN",
        "2 messages",
        "told by",
    ):
        assert words in page.text, words
    assert ("patient-read", str(await hospital.patient_id())) in await reader.audit(hospital.intake)


async def test_for_a_script_it_is_a_fragment(browser: Browser, asking: Asking, here: str) -> None:
    await signed_in(browser, asking, "coordinator")
    answer = await browser.client.get(here, headers={"hx-request": "true"})
    assert (answer.status_code, "<html" in answer.text, "<h2>Who the patient is</h2>" in answer.text) == (
        200,
        False,
        True,
    )


@pytest.mark.parametrize(
    ("role", "sees", "not_"),
    [
        ("clinician", {"Names", "Numbers", "Visits"}, {"To take in", "Consents"}),
        ("identity", {"Names", "Numbers", "Visits"}, {"To take in", "Consents"}),
        ("auditor", {"Visits"}, {"Names", "Numbers", "How to reach", "To take in"}),
    ],
)
async def test_a_role_sees_its_sections(
    browser: Browser, asking: Asking, here: str, *, role: str, sees: set[str], not_: set[str]
) -> None:
    reader = await signed_in(browser, asking, role)
    titles = set(re.findall(r"<h3>([^<]+)</h3>", (await reader.opens(here)).text))
    assert titles >= sees
    assert not titles & not_


@pytest.mark.parametrize("role", ["program", "billing", "interface", "hospital"])
async def test_who_sees_no_names_is_refused(browser: Browser, asking: Asking, here: str, role: str) -> None:
    reader = await signed_in(browser, asking, role)
    assert (await reader.opens(here)).status == 403


@pytest.mark.parametrize("role", ["coordinator", "clinician", "identity", "auditor", "admin"])
async def test_a_patient_of_another_facility_and_an_unknown_one_are_told_alike(
    browser: Browser, hospital: Hospital, asking: Asking, here: str, role: str
) -> None:
    reader = await signed_in(browser, asking, role, "RIVERBEND")
    patient = here.split("/")[2]
    away, none = await reader.opens(here), await reader.opens("/patients/nobody/part")
    assert "Intake has nothing of this patient." in away.text
    tail = f"…{patient[-4:]}"
    assert away.unmasked.replace(patient, "nobody").replace(tail, "…body") == none.unmasked
    for secret in (*SECRETS, hospital.name, hospital.mrn):
        assert secret not in away.text


async def test_no_list_and_no_form_reaches_another_facility_s_patient(
    browser: Browser, hospital: Hospital, asking: Asking, here: str
) -> None:
    own = await signed_in(browser, asking, "coordinator", "GOODHEALTH")
    page = await own.opens(here)
    refer, consent = page.forms("What nobody sends")["Refer"], page.forms("What nobody sends")["Record a consent"]
    allowed = {"recipient": "valley-clinic", "purpose": "treatment", "scope__0": "PSY"}
    page = await own.sends(page, consent, **allowed)
    revoke = page.forms("Valley Community Clinic")["Take back"]
    patient = str(await hospital.patient_id())
    assert patient in (await own.opens("/", list="consents")).text
    other = await signed_in(browser, asking, "admin", "RIVERBEND")
    for name in ("take-in", "consents", "matches", "feeds", "waiting", "wrong", "unmapped", "refused"):
        shown = await other.opens("/", list=name)
        assert patient not in shown.text, name
        assert "Goodhealth" not in shown.text.split("<main")[1], name
    assert (await other.opens("/", list="dead-letters")).status == 422, "they are of no facility"
    before = len(await hospital.facts())
    for form, fields in ((refer, {"source": "self", "facility": "RIVERBEND"}), (revoke, {}), (consent, allowed)):
        answer = await other.sends(shown, form, **fields)
        assert answer.status in {403, 404}, (form.address, answer.notice)
    assert len(await hospital.facts()) == before


async def test_other_parameters_are_refused(browser: Browser, asking: Asking, here: str) -> None:
    reader = await signed_in(browser, asking, "coordinator")
    assert (await reader.opens(here, list="feeds")).status == 422
