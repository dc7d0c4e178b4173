"""Every type of care.events: who writes it, and who reads it; docs/events.md says so, and the code does so.

That each is really written by the services named is shown by tests/journeys, on a whole running system.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services.placement.continuum.active import READ
from services.placement.search.searches import DESK
from shared.events import CARE_FACTS, type_name
from tools.documents.readers import LISTS, OUTSIDE, READERS, SEARCHES, SEATS, others

EVENTS = (Path(__file__).resolve().parents[2] / "docs" / "events.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| \[`(care\.[^`]+)`\]\([^)]*\) \| ([^|]*) \| [^|]* \| ([^|]*) \|", re.MULTILINE)
TOLD = {kind: (writers.split(", "), readers.strip()) for kind, writers, readers in ROW.findall(EVENTS)}


@pytest.mark.parametrize("kind", CARE_FACTS)
def test_a_type_is_read_by_another_service_or_told_to_be_for_consumers_outside(kind: str) -> None:
    writers, readers = TOLD[kind]
    assert writers == list(CARE_FACTS[kind].WRITERS)
    other = others(CARE_FACTS[kind].TYPE)
    assert other or OUTSIDE in readers
    assert all(service in readers for service in other)


def test_the_readers_are_told_of_every_type_and_of_no_other() -> None:
    assert {type_name(name) for name in READERS} == CARE_FACTS.keys()


def test_placement_reads_what_its_consumer_checks_for_the_fold() -> None:
    folded = {
        type_name(name)
        for name, readers in READERS.items()
        for reader in readers
        if reader.service == "placement"
        and reader.use in {"which folds it", "for `next_due`", "for the episode's state"}
    }
    assert folded == {type_name(kind.TYPE) for kind in READ}


def test_placement_reads_of_its_own_facts_those_of_the_desk() -> None:
    own = {name for name, readers in READERS.items() if {SEARCHES, SEATS, LISTS} & set(readers)}
    folded = DESK & {kind.TYPE for kind in READ}
    assert own - folded == DESK - folded
