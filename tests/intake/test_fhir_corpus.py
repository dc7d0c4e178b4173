"""The corpus of public FHIR resources: each that is taken here gets a lawful answer, whatever is odd about it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import orjson
import pytest

from services.intake.fhir.bodies import READERS
from services.intake.hl7.mapping import SiteRules
from services.intake.hl7.model import VisitMessage
from services.intake.receiving.read import Received
from services.intake.receiving.read_fhir import InboundResource, read_fhir, status_of
from services.intake.visits.derive import derive
from shared.fhir.bundles import Found, found
from shared.site import config
from shared.site.units import Unit
from shared.storage.sealing import Seal
from tests.intake.said import SampleSite

LATER = datetime(2027, 1, 1, tzinfo=UTC)
CORPUS = Path(os.environ.get("STEPDOWN_CORPUS", Path(__file__).resolve().parents[2].parent / "shared" / "corpus"))
pytestmark = pytest.mark.skipif(not (CORPUS / "INDEX.tsv").exists(), reason="no corpus: set STEPDOWN_CORPUS")
RULES, SEAL = SiteRules(config.load(config.SAMPLE)), Seal({"k1": bytes(32)})
MOST_LINES = 400
"""Of a file with a resource on each line."""
HOSPITAL = "HOLY FAMILY HOSPITAL"


def resources() -> Iterator[tuple[str, bytes, Found]]:
    """Every resource of the corpus, by its file."""
    for path in sorted(CORPUS.rglob("*.json")):
        try:
            yield str(path), path.read_bytes(), found(path.read_bytes())
        except msgspec.MsgspecError:
            continue
    for path in sorted(CORPUS.rglob("*.ndjson")):
        with path.open("rb") as lines:
            for _, line in zip(range(MOST_LINES), lines, strict=False):
                yield str(path), line, found(line)


def read(raw: bytes, facility: str = "GOODHEALTH") -> list[InboundResource]:
    inbound = read_fhir(Received(raw, "fhir", LATER, fhir=True, own_id="x1", facility=facility), RULES, SEAL)
    return [one for one in inbound if isinstance(one, InboundResource)]


def test_every_resource_of_the_corpus_gets_a_lawful_answer() -> None:
    answered: Counter[tuple[str, int]] = Counter()
    for file, raw, one in resources():
        if one.kind not in {*READERS, "Bundle"}:
            continue
        every = read(raw)
        assert every, file
        for message in every:
            status = status_of(message.outcome)
            assert status in {200, 400, 413, 422}, (file, message.outcome)
            told = orjson.loads(message.replies[0])
            assert told["resourceType"] == "OperationOutcome"
            assert (status == 200) or told["issue"][0].get("expression"), file
            answered[one.kind, status] += 1
    for kind in ("Encounter", "Patient", "Condition", "Coverage"):
        assert answered[kind, 200], (kind, answered)
    taken = answered["Encounter", 200]
    assert taken > 0.9 * (taken + answered["Encounter", 422]), answered


def da_vinci(name: str) -> VisitMessage:
    raw = (CORPUS / "HL7__davinci-alerts/input/examples" / name).read_bytes()
    (message,) = read(raw)
    assert message.outcome.code == "AA", message.outcome
    assert message.said is not None
    return message.said


def test_the_notifications_of_da_vinci_end_as_their_story_says() -> None:
    """An emergency visit, then an inpatient stay in the same house, then the discharge home."""
    house = Unit.model_validate(
        {"code": HOSPITAL, "level": "inpatient", "by_class": [{"patient_class": ["E"], "visit_class": "emergency"}]}
    )
    site = SampleSite({HOSPITAL: house})
    names = [f"{event}-notification-message-bundle-01.json" for event in ("admit", "transfer", "discharge")]
    said = [da_vinci(name) for name in names]
    assert [name for name, _ in steps(said[:1], site)] == ["visit-started"]
    for order in (said, said[::-1]):
        assert steps(order, site) == [
            ("visit-started", "2018-10-22T04:22:15+00:00"),
            ("admitted", "2018-10-22T05:22:15+00:00"),
            ("discharged", "2018-10-24T05:22:15+00:00"),
        ]


def steps(said: list[VisitMessage], site: SampleSite) -> list[tuple[str, str]]:
    """What the visit came to, beside diagnoses and payers, and when."""
    facts = [one.value for one in derive("V", said, site).facts]
    others = {"diagnosis-recorded", "coverage-changed"}
    return [(one.TYPE, one.occurred_at.astimezone(UTC).isoformat()) for one in facts if one.TYPE not in others]
