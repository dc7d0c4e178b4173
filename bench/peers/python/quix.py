"""Facts to the latest state of each episode with Quix Streams, exactly once: the same as streams/Episodes.java does.

Arguments: bootstrap servers, topic, topic of states, number of records. Prints {"count": …, "seconds": …}, from the
first record until everything is committed.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from typing import Any

from quixstreams import Application, State

BEGAN: list[float] = []


def after(fact: dict[str, Any], state: State) -> dict[str, Any]:
    if not BEGAN:
        BEGAN.append(time.perf_counter())
    found = state.get("episode") or {"count": 0}
    level = (fact.get("to") or fact).get("level") or found.get("level")
    found = {"count": found["count"] + 1, "since": fact["occurred_at"], "level": level}
    state.set("episode", found)
    return found


def main() -> None:
    kafka, source, target, wanted = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    with tempfile.TemporaryDirectory(prefix="stepdown-bench-") as place:
        application = Application(
            broker_address=kafka,
            consumer_group=f"bench-quix-{time.time_ns()}",
            auto_offset_reset="earliest",
            processing_guarantee="exactly-once",
            state_dir=place,
            loglevel="ERROR",
        )
        facts = application.dataframe(application.topic(source, value_deserializer="json"))
        facts.apply(after, stateful=True).to_topic(application.topic(target, value_serializer="json"))
        application.run(count=wanted, timeout=60)
        print(json.dumps({"count": wanted, "seconds": time.perf_counter() - BEGAN[0]}))


if __name__ == "__main__":
    main()
