"""How much each benchmark does, in one table: by default what lets `make bench` end in 20 minutes on 2 cores."""

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
    "latency": Size(6, 2, "seconds for each rate"),
    "scale": Size(1_000_000, 20_000, "episodes at most"),
}
"""In the order in which `stepdown bench all` runs them."""
EPISODES_AT_A_TIME = 1_000
"""So many patients are in care at a time: their facts come mixed."""
EPISODES_BEFORE = 10_000
"""Where the scale begins."""
FACTS_OF_SCALE = 10_000
"""Facts measured at each size of the database."""
PARSED_BY_PEERS = 2_000
"""Messages that other parsers read; they take longer."""
