"""HL7 messages of the sample site's hospital, for the doors: each patient admitted, changed, discharged."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

NOW = datetime.now(ZoneInfo("America/New_York")).replace(microsecond=0)
STORY = ("A01", "A08", "A03")
MORE = "DG1|1||F33.2^MAJOR DEPRESSIVE DISORDER^I10|||A\rIN1|1|A1|ACME|ACME HEALTH\r"


def visit(number: int) -> str:
    """The visit number of a patient."""
    return f"BENCH{number:08d}"


def story(first: int, patients: int, at_a_time: int = 100) -> Iterator[bytes]:
    """Every message of so many patients, so many of them mixed at a time, each one's in order."""
    for begin in range(first, first + patients, at_a_time):
        group = range(begin, min(begin + at_a_time, first + patients))
        yield from (message(trigger, number) for trigger in STORY for number in group)


def message(trigger: str, number: int) -> bytes:
    """One message of one patient's visit, with a diagnosis and a payer."""
    began = NOW - timedelta(days=6, minutes=number % 1000)
    at = _time(began + timedelta(days=STORY.index(trigger)))
    visited = {2: "I", 3: "3W^301^A^GOODHEALTH", 7: "1000000046^ATTEND^ANNA", 19: visit(number), 44: _time(began)}
    if trigger == "A03":
        visited |= {36: "01", 45: at}
    lines = (
        f"MSH|^~\\&|ADT1|GOODHEALTH|STEPDOWN|HUB|{at}||ADT^{trigger}^ADT_{trigger}|{trigger}{number:08d}|P|2.5.1",
        f"EVN|{trigger}|{at}|||REG1^CLERK^REGISTRATION|{at}",
        f"PID|1||{number:08d}^^^GH^MR||BENCHMARK^PAT^Q||19840412|F|||12 ELM ST^^SPRINGFIELD^NY^10001||5551234567",
        "|".join(["PV1", *(visited.get(place, "") for place in range(1, max(visited) + 1))]),
    )
    return ("\r".join(lines) + "\r" + MORE).encode()


def _time(at: datetime) -> str:
    return at.strftime("%Y%m%d%H%M%S%z")
