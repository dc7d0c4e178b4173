"""What hospitals really send, over all three doors of a running system: the same answers, the same facts."""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from services.intake.hl7.parser import messages
from services.intake.hl7.triggers import TRIGGERS
from shared.facts.envelope import Fact
from shared.facts.restating import OwnFacts
from shared.site.config import load
from tests.apache import Apache
from tests.delivery.doors import Told, through_every_door
from tests.system import ROOT, System, a_system
from tests.waiting import until
from tools.stack.access import reach
from tools.verify import verify

CORPUS = Path(os.environ.get("STEPDOWN_CORPUS", ROOT.parent / "shared" / "corpus"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not (CORPUS / "INDEX.tsv").exists(), reason="no message corpus: set STEPDOWN_CORPUS"),
]
STARTED = datetime.now(UTC)
VISIT_TRIGGERS = {trigger for trigger, row in TRIGGERS.items() if not row.merges}
NOT_THERE = {"A22", "A52", "A53"}
"""No vendor's sample has these."""
OF_THE_PATIENT = {"episode_id", "patient_id", "recorded_at", "conflict_id", "follow_up_id", "replaces"}
"""Fields that are made anew for each patient; and whether a fact came in one step or two is the batches' affair."""
MADE = re.compile(r"\bv-[0-9a-f]{24}\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
"""Ids of what belongs to one patient: a visit without a number, a search, a plan, a referral."""
KINDS = {"admitted", "discharged", "visit-started", "visit-ended"}
CERTIFICATION = (
    "usnistgov__hit-ss-tool/hti-ss-resource-bundle/src/main/resources/Contextbased/ss-2015/ONC_Certification"
)
STORIES = {"TestGroup_1": ["admitted", "discharged"], "TestGroup_2": ["visit-started", "visit-ended"]}


@pytest.fixture(scope="module")
def system(apache_kafka: Apache, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with (
        apache_kafka.run(tmp_path_factory.mktemp("kafka")) as kafka,
        a_system(tmp_path_factory.mktemp("doors"), kafka) as running,
    ):
        yield running


def told(having: str = "") -> list[Told]:
    """The corpus's messages of the triggers of visits, in the order of its files."""
    with (CORPUS / "INDEX.tsv").open(encoding="utf-8", newline="") as index:
        rows = [row["file"] for row in csv.DictReader(index, delimiter="\t", quoting=csv.QUOTE_NONE)]
    files = sorted(file for file in rows if having in file)
    every = [Told(file, message) for file in files for message in messages((CORPUS / file).read_bytes())]
    return [one for one in every if one.message.msh.get(9) == "ADT" and one.trigger in VISIT_TRIGGERS]


def acknowledged(answers: Iterable[bytes], mark: str) -> list[tuple[bytes, ...]]:
    """MSA and ERR of each answer, without the mark."""
    return [tuple(re.findall(rb"(?<=\r)(?:MSA|ERR)[^\r]*", raw.replace(mark.encode(), b""))) for raw in answers]


def standing(facts: Sequence[Fact]) -> list[Fact]:
    gone = OwnFacts(facts).fallen
    return [fact for fact in facts if fact.id not in gone and fact.name != "fact-cancelled"]


def of_the_door(facts: Sequence[Fact], mark: str) -> list[Fact]:
    """The facts of every episode of a patient with this mark."""
    episodes = {fact.subject for fact in facts if mark.encode() in fact.body}
    return [fact for fact in facts if fact.subject in episodes]


def content(facts: Sequence[Fact], mark: str) -> Counter[str]:
    """What facts say, without what is of this patient alone; other facts by their names."""
    names = {fact.id: fact.name for fact in facts}
    return Counter(f"{fact.writer} {fact.name} {_plain(fact.as_json, names, mark)!r}" for fact in facts)


def _plain(value: Any, names: Mapping[str, str], mark: str) -> Any:
    if isinstance(value, dict):
        return {name: _plain(value[name], names, mark) for name in sorted(value.keys() - OF_THE_PATIENT)}
    if isinstance(value, list):
        found = [_plain(each, names, mark) for each in value]
        # Facts that are named together are in the order of their ids, which have chance in them: that is no order.
        return sorted(found) if all(isinstance(each, str) and each in names for each in value) else found
    if not isinstance(value, str):
        return value
    text = MADE.sub("an id", names.get(value, value).replace(mark, ""))
    return "at arrival" if _is_since_the_start(text) else text


def _is_since_the_start(text: str) -> bool:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return False
    return at.tzinfo is not None and at >= STARTED


async def the_same(system: System, marks: Iterable[str]) -> int:
    """Wait until what stands of each mark's patients is the same; how many facts that are.

    What follows from a day that is over is stated by a timer, which may be between one door's patients and another's.
    """
    found: list[Counter[str]] = []

    async def same() -> bool:
        facts = await system.facts()
        found[:] = [content(standing(of_the_door(facts, mark)), mark) for mark in marks]
        return all(other == found[0] for other in found)

    with suppress(AssertionError):
        await until(same, 60, every=1)
    for other in found:
        assert _names(found[0] - other) == _names(other - found[0]) == Counter()
    return found[0].total()


def _names(found: Counter[str]) -> Counter[str]:
    """Writers and names of facts that one door has and another has not."""
    return Counter(" ".join(text.split(" ", 2)[:2]) for text in found.elements())


async def is_clean(system: System) -> None:
    reached = reach(system.data)
    report = await verify(reached.urls, reached.settings, load(reached.settings.config))
    assert report.ok, report.as_json()
    of_room = "over its capacity"  # a corpus has more people than a ward has beds
    assert [note for note in report.notes if of_room not in note] == []


@pytest.mark.parametrize(("group", "names"), STORIES.items(), ids=list(STORIES))
async def test_a_certification_story_is_one_visit_by_each_door(system: System, group: str, names: list[str]) -> None:
    story = told(f"{CERTIFICATION}/{group}/")
    assert [one.trigger for one in story][:: len(story) - 1] == ["A04", "A03"]
    unmapped = await through_every_door(system, story, Told.as_it_is, f"{group[-1]}UNKNOWN")
    mapped = await through_every_door(system, story, Told.from_our_hospital, f"{group[-1]}KNOWN")
    facts = await system.facts()
    for answers in (unmapped | mapped).values():
        assert all(re.search(rb"\rMSA.[AC]A", answer) for answer in answers[:-1])
    for mark in unmapped:
        assert of_the_door(facts, mark) == []
    for mark in mapped:
        assert [fact.name for fact in standing(of_the_door(facts, mark)) if fact.name in KINDS] == names
    assert await the_same(system, mapped) > len(names)


async def test_every_message_states_the_same_by_each_door(system: System) -> None:
    every = told()
    assert {one.trigger for one in every} >= VISIT_TRIGGERS - NOT_THERE
    answers = await through_every_door(system, every, Told.from_our_hospital, "ALL")
    first, *others = [acknowledged(found, mark) for mark, found in answers.items()]
    assert all(other == first for other in others)
    assert len(first) > len(every) / 2
    assert await the_same(system, answers) > 500
    await is_clean(system)
