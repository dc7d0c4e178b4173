"""Every message of the corpus handed in at a door: each is answered, and none fails for a reason nobody foresaw."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from services.intake.checks import broken
from services.intake.receiving.read import Answer, Received
from services.intake.receiving.receive import Intake
from tests.intake.conftest import NOW

CORPUS = Path(os.environ.get("STEPDOWN_CORPUS", Path(__file__).resolve().parents[2].parent / "shared" / "corpus"))
pytestmark = pytest.mark.skipif(not (CORPUS / "INDEX.tsv").exists(), reason="no corpus: set STEPDOWN_CORPUS")


def frames() -> list[Received]:
    """The files of the corpus as frames."""
    return [Received(path.read_bytes(), "mllp", NOW) for path in sorted(CORPUS.rglob("*.hl7")) if path.is_file()]


async def handed_in(intake: Intake) -> list[Answer]:
    """The answers to all of them, a hundred in a batch."""
    batch = [intake.messages_of(received) for received in frames()]
    return [answer for n in range(0, len(batch), 100) for answer in await intake.receive(batch[n : n + 100])]


async def test_the_corpus_is_answered_and_stored(own_intake: Intake, caplog: pytest.LogCaptureFixture) -> None:
    answers = await handed_in(own_intake)
    assert len(answers) > 100
    assert {answer.code for answer in answers} == {"AA", "AE", "AR"}
    assert [record.getMessage() for record in caplog.records if record.name.startswith("services")] == []
    again = await handed_in(own_intake)
    assert [a.replies for a in again if a.code == "AA"] == [a.replies for a in answers if a.code == "AA"]
    told = [what async for what in broken(own_intake.database, own_intake.site)]
    assert [what for what in told if what.subject != "outbox"] == []
