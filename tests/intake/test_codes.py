"""What hospitals send as codes goes on as codes of the site's tables; what is in no table is `unknown`, and listed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from services.intake.hl7.mapping import FacilityMap, SiteRules
from services.intake.hl7.model import VisitMessage
from services.intake.receiving.dry_run import check, of_site
from services.intake.visits import codes
from services.intake.visits.derive import derive
from shared.site.config import SAMPLE, Site, load
from tests.intake.said import NOW, er7, own, read, segment
from tools.cli.hl7 import hl7

SITE = load(SAMPLE)
SECRET = "JOHN DOE 555-1234"


def said(raw: bytes, site: Site = SITE, turn: int = 1) -> VisitMessage:
    """A message as the site reads it."""
    return VisitMessage(read(raw, rules=SiteRules(site)), f"m{turn}", NOW)


def facts(*raw: bytes, site: Site = SITE) -> dict[str, dict[str, Any]]:
    """Fact → its value, of the visit that these messages are of."""
    letters = [said(each, site, turn) for turn, each in enumerate(raw, 1)]
    return {one.value.TYPE: own(one) for one in derive("V1", letters, FacilityMap(site)).facts}


def unmapped(*raw: bytes, site: Site = SITE) -> list[tuple[str, ...]]:
    """What of these messages is in no table of the site."""
    return [tuple(one) for one in codes.unmapped([said(each, site).adt for each in raw], FacilityMap(site))]


@pytest.mark.parametrize(
    ("pv1_4", "pv1_14", "admission", "listed"),
    [
        ("E", "1", {"type": "1", "source": "1"}, []),
        ("e", "8", {"type": "1", "source": "8"}, []),
        ("U", "4", {"type": "2", "source": "4"}, []),
        ("C", "d", {"type": "3", "source": "D"}, []),
        ("R", "7", {"type": "3", "source": "9"}, []),
        ("N", "", {"type": "4"}, []),
        ("1", "2", {"type": "1", "source": "2"}, []),
        ("", "", {}, []),
        ('""', '""', {}, []),
        ("Z", "5", {"type": "unknown", "source": "5"}, [("admission-type", "PV1-4", "Z")]),
        ("E", SECRET, {"type": "1", "source": "unknown"}, [("admission-source", "PV1-14", SECRET)]),
    ],
)
def test_type_and_source_of_admission_are_a_bills_codes(
    pv1_4: str, pv1_14: str, admission: dict[str, str], listed: list[tuple[str, ...]]
) -> None:
    raw = er7("A01", pv1={4: pv1_4, 14: pv1_14})
    assert facts(raw)["admitted"]["admission"] == admission
    assert unmapped(raw) == listed


@pytest.mark.parametrize(
    ("in1_2", "in1_3", "told", "listed"),
    [
        ("", "ACME", {"payer": "ACME"}, []),
        ("ACME-STD", "acme", {"payer": "ACME", "plan": "ACME-STD"}, []),
        ("", "60054", {"payer": "ACME"}, []),
        ("60054", "0815", {"payer": "ACME", "plan": "unknown"}, [("plan", "IN1-2", "60054")]),
        ("GOLD", "MEDICARE", {"payer": "MEDICARE", "plan": "unknown"}, [("plan", "IN1-2", "GOLD")]),
        ("", SECRET, {"payer": "unknown"}, [("payer", "IN1-3", SECRET)]),
        ("GOLD", SECRET, {"payer": "unknown", "plan": "unknown"}, [("payer", "IN1-3", SECRET)]),
    ],
)
def test_a_payer_is_the_sites_by_any_name_that_it_is_sent_as(
    in1_2: str, in1_3: str, told: dict[str, str], listed: list[tuple[str, ...]]
) -> None:
    raw = er7("A01", more=(segment("IN1", {1: "1", 2: in1_2, 3: in1_3}),))
    assert facts(raw)["coverage-changed"]["coverage"] == [{"order": 1, **told}]
    assert unmapped(raw) == listed


@pytest.mark.parametrize(
    ("facility", "pv1_36", "told"),
    [
        ("GOODHEALTH", "01", {"code": "01", "kind": "home", "patient_status": "01"}),
        ("GOODHEALTH", "7", {"code": "07", "kind": "against-advice", "patient_status": "07"}),
        ("GOODHEALTH", "62", {"code": "62", "kind": "transfer", "patient_status": "62"}),
        ("GOODHEALTH", "home", {"code": "HOME", "kind": "home", "patient_status": "01"}),
        ("GOODHEALTH", "HOME-OP", {"code": "HOME-OP", "kind": "home", "patient_status": "01"}),
        ("GOODHEALTH", "LWBS", {"code": "LWBS", "kind": "elopement", "patient_status": "07"}),
        ("GOODHEALTH", "XFER", {"code": "XFER", "kind": "transfer"}),
        ("GOODHEALTH", SECRET, {"code": "unknown", "kind": "unknown"}),
        ("GOODHEALTH", "", {"kind": "unknown"}),
    ],
)
def test_a_disposition_is_the_tables_own_code_with_its_kind_and_patient_status(
    facility: str, pv1_36: str, told: dict[str, str]
) -> None:
    raw = er7("A03", "20260110120000", msh={4: facility}, pv1={36: pv1_36, 44: "20260105100000"})
    found = facts(er7("A01", msh={4: facility}), raw)["discharged"]["disposition"]
    assert found == told
    assert unmapped(raw) == ([("disposition", "PV1-36", pv1_36)] if told.get("code") == "unknown" else [])


def test_a_facilitys_own_disposition_means_nothing_elsewhere() -> None:
    elsewhere = SITE.model_copy(update={"facilities": (SITE.facilities[1], SITE.facilities[0])})
    assert elsewhere.disposition("RIVERBEND", "HOME-OP") == "unknown"
    assert elsewhere.disposition("GOODHEALTH", "HOME-OP") == "home"


def test_no_text_of_a_hospital_is_in_any_fact() -> None:
    raw = (
        er7("A01", pv1={4: SECRET, 14: SECRET}, more=(segment("IN1", {1: "1", 2: SECRET, 3: SECRET}),)),
        er7("A03", "20260110120000", pv1={36: SECRET}),
    )
    assert "DOE" not in json.dumps(facts(*raw))
    assert {kind for kind, _, _ in unmapped(*raw)} == {"admission-type", "admission-source", "payer", "disposition"}


def test_the_setting_of_a_unit_is_told_of_an_admission_there() -> None:
    assert facts(er7("A01", unit="DTX"))["admitted"]["setting"] == "withdrawal-management"
    assert "setting" not in facts(er7("A01", unit="3W"))["admitted"]


def feed(**how: Any) -> Site:
    """The sample site with a feed that is known by MSH-3 and whose PV1-3.4 names the facility."""
    feeds = ({"name": "by-application", "facility_from": ["PV1-3.4"], **how}, *SITE.model_dump()["feeds"])
    return Site.model_validate({**SITE.model_dump(by_alias=True), "feeds": feeds})


@pytest.mark.parametrize(
    ("how", "facility"),
    [
        ({"sending_application": "ADT1"}, "RIVERBEND"),
        ({"sending_application": "adt1", "sending_facility": "GOODHEALTH"}, "RIVERBEND"),
        ({"sending_application": "OTHER"}, "GOODHEALTH"),
        ({"sending_application": "ADT1", "sending_facility": "RIVERBEND"}, "GOODHEALTH"),
    ],
)
def test_a_feed_is_known_by_its_sending_application(how: dict[str, str], facility: str) -> None:
    assert said(er7("A01", unit="3W^^^RIVERBEND"), feed(**how)).adt.facility == facility


D_IS_TAKEN = ("processing_ids: [P, T]", "processing_ids: [D, P, T]")


def configured(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    """The sample site in a folder, with texts of facilities.yml changed."""
    folder = tmp_path / "site"
    folder.mkdir()
    for file in SAMPLE.glob("*.yml"):
        text = file.read_text(encoding="utf-8")
        for before, after in changes:
            text = text.replace(before, after, 1)
        (folder / file.name).write_text(text, encoding="utf-8")
    return folder


CASE_53 = er7("A01", control_id="C959839588", msh={3: "ADTSYS", 11: "D"}, unit="3W^01^A^GOODHEALTH")


@pytest.mark.parametrize(("how", "ack"), [("--config", "AA"), ("STEPDOWN_CONFIG", "AA"), ("", "AR")])
def test_check_answers_what_this_sites_door_would(
    how: str, ack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STEPDOWN_CONFIG", raising=False)
    folder, file = configured(tmp_path, D_IS_TAKEN), tmp_path / "case.hl7"
    file.write_bytes(CASE_53)
    if how == "STEPDOWN_CONFIG":
        monkeypatch.setenv(how, str(folder))
    options = ["--config", str(folder)] if how == "--config" else []
    done = CliRunner().invoke(hl7, ["check", "--json", *options, str(file)])
    assert (done.exit_code, json.loads(done.stdout)["ack"]) == (0, ack)


@pytest.mark.parametrize(
    ("raw", "warnings"),
    [
        (er7("A01"), []),
        (er7("A01", unit="4E"), ["unmapped-unit"]),
        (er7("A01", msh={4: "NOWHERE"}), ["unknown-facility"]),
        (er7("A01", more=("IN1|1||0815", "IN1|2||0816")), ["unmapped-payer"]),
        (er7("A03", pv1={36: "LEFT"}), ["unmapped-disposition"]),
        (er7("A01", pv1={4: "Z", 14: "Z"}), ["unmapped-admission-type", "unmapped-admission-source"]),
        (er7("A01", msh={11: ""}), ["MSH-11 is empty; the first one of the feed goodhealth-adt is taken"]),
    ],
)
def test_check_names_what_the_site_does_not_have(raw: bytes, warnings: list[str]) -> None:
    (line,) = check("f", raw, of_site(SITE), NOW, SITE)
    assert (line.ack, list(line.warnings)) == ("AA", warnings)
