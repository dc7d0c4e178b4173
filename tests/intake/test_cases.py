"""Messages after public reports of what went wrong between real systems, each with how it must end.

The folder is read in place where it is there. Each kind of message has a test of its own beside this, too.
"""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from services.intake.receiving.receive import Intake
from services.intake.receiving.shared_numbers import OTHERS_VISIT
from shared.clock import SetClock
from tests.intake.cases import CASES, Came, Outcome, billed, frames_of, play, told
from tools.cli.hl7 import hl7

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="no cases: set STEPDOWN_CASES")
CONFIG = Path(__file__).resolve().parents[2] / "config"
LATER = datetime(2026, 12, 1, 12, tzinfo=UTC)
AA2 = ("AA", "AA")
IN_3W, OUT = "admitted inpatient 3W 11-02 09:00", "discharged inpatient 11-04 09:00"

OUTCOMES: dict[str, Outcome] = {
    "01-fraction-without-dot": Outcome(
        AA2, ("admitted inpatient 3W 11-02 09:15", OUT), periods=("inpatient 11-02 11-04",)
    ),
    "03-fraction-and-zone": Outcome(("AA",), ("admitted inpatient 3W 11-02 09:15",)),
    "13-update-changes-mrn": Outcome(
        ("AA",) * 3,
        (IN_3W,),
        notes=("applied", *["waiting number-of-another-patient"] * 2),
        periods=("inpatient 11-02",),
        patients=1,
        warnings=((), (OTHERS_VISIT,), (OTHERS_VISIT,)),
    ),
    "14-class-change-new-number": Outcome(
        ("AA",) * 3,
        ("visit-started emergency ED 11-02 09:00", "admitted inpatient 3W 11-02 15:00", OUT),
        periods=("inpatient 11-02 11-04",),
        patients=1,
    ),
    "06-id-type-mr-then-pi": Outcome(AA2, (IN_3W, OUT), periods=("inpatient 11-02 11-04",), patients=1),
    "08-authority-by-oid-then-both": Outcome(AA2, (IN_3W, OUT), patients=1),
    "11-merge-survivor-lists-both": Outcome(("AA",) * 3, (IN_3W, "patients-merged 11-03 09:00", OUT), patients=1),
    "17-same-control-id-many-patients": Outcome(AA2, (IN_3W, "admitted inpatient 3W 11-02 10:00"), patients=2),
    "18-discharge-cancel-discharge": Outcome(
        ("AA",) * 4, (IN_3W, "discharged inpatient 11-06 09:00"), periods=("inpatient 11-02 11-06",)
    ),
    "19-emergency-without-bed": Outcome(
        AA2, ("visit-started emergency ED 11-02 09:00", "visit-ended 11-02 13:00"), periods=()
    ),
    "22-cancel-preadmit-a38": Outcome(
        ("AA",) * 4,
        ("arrival-expected inpatient 3W 11-02 09:00", "arrival-cancelled inpatient 3W 11-03 09:00"),
        notes=("applied", "applied", "kept", "kept"),
        periods=(),
    ),
    "23-processing-id-empty": Outcome(("AA",), (IN_3W,), notes=("applied",)),
    "25-line-feed-inside-a-field": Outcome(AA2, (IN_3W, OUT)),
    "27-blank-lines-and-form-feed": Outcome(AA2, (IN_3W, OUT)),
    "29-latin1-undeclared": Outcome(AA2, (IN_3W, IN_3W), patients=2),
    "30-utf16-double-byte-frame": Outcome(AA2, (IN_3W, IN_3W), patients=2),
    "32-null-location-update": Outcome(("AA",) * 3, (IN_3W, OUT), periods=("inpatient 11-02 11-04",)),
    "34-nul-and-keepalive-bytes": Outcome(AA2, (IN_3W, OUT)),
    "37-enhanced-mode-component-facility": Outcome(("AA",), (IN_3W,)),
    "38-resent-with-new-time": Outcome(AA2, (IN_3W,), notes=("applied", "no-effect already-open")),
    "39-cancel-names-its-event": Outcome(
        ("AA",) * 4,
        (IN_3W, "transferred php PHP1 11-05 09:00"),
        periods=("inpatient 11-02 11-05", "php 11-05"),
    ),
    "42-admission-told-again-other-unit": Outcome(AA2, (IN_3W,), notes=("applied", "place-differs")),
    "49-account-number-then-both": Outcome(AA2, (IN_3W, OUT), periods=("inpatient 11-02 11-04",)),
    "54-observation-then-inpatient-same-bed": Outcome(
        ("AA",) * 3,
        (
            "visit-started observation 3W 11-02 09:00",
            "admitted inpatient 3W 11-03 09:00",
            "discharged inpatient 11-05 09:00",
        ),
        periods=("inpatient 11-03 11-05",),
    ),
    "56-discharge-first-then-history": Outcome(AA2, (), notes=("waiting waiting", "waiting waiting")),
    "47-placeholder-ssn-two-patients": Outcome(
        ("AA",) * 3,
        (IN_3W, "admitted residential RES 11-03 09:00", "discharged residential 11-05 09:00"),
        periods=("inpatient 11-02", "residential 11-03 11-05"),
        patients=2,
    ),
    "57-pending-discharge-pv2": Outcome(
        ("AA",) * 3,
        (IN_3W, "discharge-planned expected 11-07 09:00 11-03 09:00", "discharge-plan-cancelled 11-04 09:00"),
    ),
}
"""File → what must come of it."""
LONG = {
    "58-update-storm": Outcome(
        ("AA",) * 1201,
        ("admitted inpatient 3W 09-01 09:00",),
        periods=("inpatient 09-01",),
        patients=1,
        last="no-effect repeated",
    )
}
"""The same of a file with many messages."""
BY_THE_COMMAND = "53-check-and-site-config"
"""A file that `stepdown hl7 check` is tried with, at a site that takes MSH-11 `D`."""


async def played(intake: Intake, case: str) -> Came:
    """What came of the messages of a case, at the beginning of December."""
    own = Intake(intake.database, intake.site, intake.seal, SetClock(LATER))
    return await play(own, frames_of((CASES / f"{case}.hl7").read_bytes()))


def test_every_case_is_tried() -> None:
    assert {path.stem for path in CASES.glob("*.hl7")} == {*OUTCOMES, *LONG, BY_THE_COMMAND}


@pytest.mark.parametrize("unit", ["3W", "NOWHERE"])
def test_a_config_that_takes_debugging_messages_is_what_check_answers_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unit: str
) -> None:
    shutil.copytree(CONFIG, tmp_path / "config")
    facilities = tmp_path / "config" / "facilities.yml"
    facilities.write_text(facilities.read_text().replace("processing_ids: [P, T]", "processing_ids: [P, T, D]"))
    sent = tmp_path / "sent.hl7"
    sent.write_bytes((CASES / f"{BY_THE_COMMAND}.hl7").read_bytes().replace(b"|3W^", f"|{unit}^".encode()))
    monkeypatch.setenv("STEPDOWN_CONFIG", str(tmp_path / "config"))
    [line] = map(json.loads, CliRunner().invoke(hl7, ["check", "--json", str(sent)]).stdout.splitlines())
    assert (line["ack"], "unmapped-unit" in line["warnings"]) == ("AA", unit == "NOWHERE")


@pytest.mark.parametrize("case", OUTCOMES)
async def test_a_case_ends_as_its_text_says(own_intake: Intake, case: str) -> None:
    ends_as(OUTCOMES[case], await played(own_intake, case), own_intake)


@pytest.mark.slow
@pytest.mark.parametrize("case", LONG)
async def test_a_case_of_many_messages_ends_as_its_text_says(own_intake: Intake, case: str) -> None:
    ends_as(LONG[case], await played(own_intake, case), own_intake)


def ends_as(wanted: Outcome, came: Came, own_intake: Intake) -> None:
    """Assert that all that is wanted came."""
    assert [answer.code for answer in came.answers] == list(wanted.answers)
    if wanted.facts is not None:
        assert told(came.standing) == list(wanted.facts)
    if wanted.notes is not None:
        assert came.notes == list(wanted.notes)
    if wanted.periods is not None:
        assert billed(came.stated, own_intake) == list(wanted.periods)
    if wanted.last is not None:
        assert came.notes[-1] == wanted.last
    if wanted.warnings is not None:
        assert [tuple(each) for each in came.warnings] == list(wanted.warnings)
    if wanted.patients is not None:
        assert came.patients == wanted.patients
