"""Whatever hospitals really send: an answer for each message at the running door, and nothing of it in any log."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from services.intake.hl7.frames import framed
from services.intake.hl7.parser import Message, messages
from tests.intake.said import er7
from tests.intake.sender import Sender
from tests.system import ROOT, System, a_system
from tools.stack import SERVICES

CORPUS = Path(os.environ.get("STEPDOWN_CORPUS", ROOT.parent / "shared" / "corpus"))
LONGEST = 900_000
"""Bytes; the door's limit is a megabyte."""
OURS = set(re.findall(r"[a-z]{4,}", "\n".join(p.read_text() for p in [*ROOT.glob("s*/**/*.py")]).lower()))
"""Words of our own, which a log may have although somebody is called so."""
PROBE = "PROBE-WITH-ANSWER"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with a_system(tmp_path_factory.mktemp("corpus")) as running:
        yield running


def told() -> list[Message]:
    """Every message of the corpus."""
    files = sorted(path for path in CORPUS.rglob("*") if path.is_file() and path.stat().st_size < LONGEST)
    return [message for path in files for message in messages(path.read_bytes())]


def names(message: Message) -> set[str]:
    """The words of PID-5 that are longer than four letters and none of ours."""
    found: set[str] = set()
    for segment in message.segments:
        if segment.line.startswith("PID"):
            found |= set(re.findall(r"[^\W\d_]{5,}", segment.raw(5).lower()))
    return found - OURS


@pytest.mark.skipif(not CORPUS.is_dir(), reason="no message corpus: set STEPDOWN_CORPUS")
@pytest.mark.slow
async def test_every_message_of_the_corpus_is_answered_and_none_is_repeated_in_a_log(system: System) -> None:
    before = [system.service_pid(name) for name in SERVICES]
    every = told()
    assert every
    await asyncio.gather(*(_are_answered(system, every[n::8]) for n in range(8)))
    await system.idle()
    assert [system.service_pid(name) for name in SERVICES] == before
    assert await system.broken() == []
    logged = set(re.findall(r"[^\W\d_]{5,}", system.logs().lower()))
    leaked = {word for message in every for word in names(message)} & logged
    assert not leaked, f"{len(leaked)} words of PID-5 stand in the logs"


async def _are_answered(system: System, some: Sequence[Message]) -> None:
    sender = await system.sender()
    for message in some:
        await _is_answered(sender, message)
    await sender.close()


async def _is_answered(sender: Sender, message: Message) -> None:
    """AA, AE or AR with its control id; in enhanced mode what was asked for, which may be nothing."""
    line = "\r".join(segment.line for segment in message.segments).encode(message.charset, "replace")
    asked = {message.msh.get(15), message.msh.get(16)} - {""}
    if not asked:
        _fits(await sender.send(line), message)
        return
    sender.writer.write(framed(line))
    answers = [await sender.send(er7("A08", control_id=PROBE))]
    while PROBE.encode() not in answers[-1]:
        answers.append(await sender.answer())
    assert answers[:-1] or asked != {"AL"}
    for answer in answers[:-1]:
        _fits(answer, message)


def _fits(answer: bytes, message: Message) -> None:
    assert re.search(rb"\rMSA.(AA|AE|AR|CA|CE|CR)", answer), "no acknowledgement"
    assert message.msh.raw(10).encode(message.charset, "replace")[:20] in answer
