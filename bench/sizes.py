"""How much each benchmark does, in one table: by default what lets `make bench` end in 40 minutes on 2 cores."""

from __future__ import annotations

from typing import NamedTuple


class Size(NamedTuple):
    """`usual` of `what` in each run, `quick` to see whether it works at all; so many runs."""

    usual: int
    quick: int
    what: str
    runs: int = 3


SIZES: dict[str, Size] = {
    "start": Size(1, 1, "start", runs=5),
    "correct": Size(20, 3, "episodes of each length"),
    "engine": Size(60_000, 3_000, "facts of each shape"),
    "mllp": Size(6, 1, "seconds for each number of connections"),
    "intake": Size(30_000, 1_000, "HL7 messages"),
    "fhir": Size(10, 2, "seconds of creates"),
    "latency": Size(10, 2, "seconds for each rate"),
    "idle": Size(20, 3, "seconds at rest"),
    "pages": Size(20, 3, "seconds of each"),
    "find": Size(100_000, 2_000, "patients"),
    "lists": Size(100_000, 5_000, "episodes", runs=1),
    "scale": Size(1_000_000, 20_000, "episodes at most"),
}
"""In the order in which `stepdown bench all` runs them."""
EPISODES_AT_A_TIME = 1_000
"""So many patients are in care at a time: their facts come mixed."""
EPISODES_BEFORE = 10_000
"""Where the scale begins."""
FACTS_ONE_BY_ONE = 1_000
"""Facts that come alone, each in a transaction; a tenth of them with `--quick`, and so of the two below."""
WARMING_FACTS = 300_000
"""Facts that go through the Kafka Streams job that keeps them before it is measured."""
TEXTBOOK_FACTS = 3_000
"""Facts for the textbook service, which takes its time."""
FACTS_OF_SCALE = 10_000
"""Facts measured at each size of the database."""
WARMING_SECONDS = 120
"""Seconds of traffic before latency is measured: by then the broker's JVM has compiled itself."""
PARSED_BY_PEERS = 2_000
"""Messages that other parsers read; they take longer."""
FIND_QUESTIONS, NEW_PATIENTS = 200, 500
"""Questions of each kind that find a patient; a tenth of them with `--quick`. New patients whose words are written."""
LIST_PAGES, PLAYED_PATIENTS = 40, 60
"""How often each list's page is asked for; a fifth with `--quick`. Patients whose half-year is played and copied."""
