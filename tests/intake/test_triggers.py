"""Each trigger against what is known of the visit: 17 triggers × 6 states, each cell an expectation and its source.

A cell is what comes to stand (+) or falls (-), or the note of the message that changed nothing. Sources: the expected
actions of IHE ITI-31 for that trigger; HL7 v2.5.1 chapter 3 (3.3.n is trigger A-n); our contract, which stands where
they disagree.
"""

from __future__ import annotations

from collections import defaultdict

import pytest
import sqlalchemy as sa

from services.intake.hl7.triggers import TRIGGERS
from services.intake.receiving.read import Received
from services.intake.receiving.receive import Intake
from services.intake.visits.derive import derive
from shared.facts.envelope import Fact, from_record
from shared.messaging.outbox import stored
from tests.intake.conftest import NOW, Hospital
from tests.intake.said import SITE, stay_id, told

STATES = {  # (trigger, when, unit) of what was said before
    "nothing": (),
    "visit": (("A04", "20260105080000", "ED"),),
    "open": (("A01", "20260105100000", "3W"),),
    "on leave": (("A01", "20260105100000", "3W"), ("A21", "20260106100000", "3W")),
    "closed": (("A01", "20260105100000", "3W"), ("A03", "20260107100000", "3W")),
    "cancelled": (("A01", "20260105100000", "3W"), ("A11", "20260105110000", "3W")),
}
AT = "20260110090000"
WAITING, OPEN, ENDED, SAME = "waiting", "no-effect already-open", "no-effect ended", "no-effect already-told"
NO_LEVEL = "no-effect no-level"

NORMAL = "ITI-31: the expected action"
UNKNOWN = "contract 6: what changes or cancels something not yet known is kept and waits (ITI-31: discarded, no error)"
AT_ONCE = "contract 6; ITI-31: of an unknown visit still processed, the encounter is created"
AGAIN = "contract 6: a start told for what is so already has no effect (ITI-31: discarded)"
ANEW = "contract 3.6 rule 2: a visit number used again after its stay ended is a new stay"
AS_IF = "contract 3.5: a cancelled fact leaves the episode as if it had never been stated"
INTO_LEVEL = "contract 6: from a visit without level into a level: admitted on the same stay"
MOVES = "contract 3.6, table of moves"
WHOLE_STAY = "contract 6: A11 cancels the admission, or the visit-started, and every fact of that stay"
AFTER_END = "contract 6: after the end it has no effect (ITI-31: no visit open, discarded)"
NEW_CLASS = "contract 6, ITI-31: A06 and A07 after the end begin a new stay"
TWICE = "contract 6: told again for what is so already"
NOTHING_NEW = "HL7 3.3.8, 3.3.31: an update with nothing in it changes nothing"
STILL = "contract 6: A08 after the end still replaces; here it says nothing new"
NO_STAY = "HL7 3.3.5, 3.3.28: a pre-admission, a person; no visit goes on by it"
LAST = "contract 3.6 rule 7: a cancel takes back the last matching thing said before it; there is none"

Cell = tuple[str, str]
TABLE: dict[str, tuple[Cell, Cell, Cell, Cell, Cell, Cell]] = {  # nothing, visit, open, on leave, closed, cancelled
    "A01": (
        ("+admitted", NORMAL), ("+admitted", INTO_LEVEL), (OPEN, AGAIN), (OPEN, AGAIN),
        ("+admitted #2", ANEW), ("+admitted", AS_IF),
    ),
    "A02": (
        ("+admitted", AT_ONCE), ("+admitted", INTO_LEVEL), ("+transferred", NORMAL), ("+transferred", MOVES),
        (ENDED, MOVES), ("+admitted", AT_ONCE),
    ),
    "A03": (
        (WAITING, UNKNOWN), ("+visit-ended", NORMAL), ("+discharged", NORMAL), ("+discharged", MOVES),
        (ENDED, TWICE), (WAITING, AS_IF),
    ),
    "A04": (
        ("+admitted", NORMAL), ("+admitted", INTO_LEVEL), (OPEN, MOVES), (OPEN, MOVES),
        ("+admitted #2", ANEW), ("+admitted", AS_IF),
    ),
    "A05": (("kept", NO_STAY),) * 6,
    "A06": (
        ("+admitted", AT_ONCE), ("+admitted", INTO_LEVEL), ("+transferred", NORMAL), ("+transferred", MOVES),
        ("+admitted #2", NEW_CLASS), ("+admitted", AT_ONCE),
    ),
    "A07": (
        ("+admitted", AT_ONCE), ("+admitted", INTO_LEVEL), ("+transferred", NORMAL), ("+transferred", MOVES),
        ("+admitted #2", NEW_CLASS), ("+admitted", AT_ONCE),
    ),
    "A08": (
        (WAITING, UNKNOWN), (SAME, NOTHING_NEW), (SAME, NOTHING_NEW), (SAME, NOTHING_NEW),
        (SAME, STILL), (WAITING, AS_IF),
    ),
    "A11": (
        (WAITING, UNKNOWN), ("-visit-started", NORMAL), ("-admitted", NORMAL), ("-admitted -leave-started", WHOLE_STAY),
        (ENDED, AFTER_END), (SAME, TWICE),
    ),
    "A12": ((WAITING, UNKNOWN), *((WAITING, LAST),) * 5),
    "A13": (
        (WAITING, UNKNOWN), (WAITING, LAST), (WAITING, LAST), (WAITING, LAST), ("-discharged", NORMAL), (WAITING, LAST),
    ),
    "A21": (
        (WAITING, UNKNOWN), (NO_LEVEL, MOVES), ("+leave-started", "HL7 3.3.21"), ("no-effect on-leave", MOVES),
        (ENDED, MOVES), (WAITING, AS_IF),
    ),
    "A22": (
        (WAITING, UNKNOWN), (NO_LEVEL, MOVES), ("waiting not-on-leave", MOVES), ("+leave-ended", "HL7 3.3.22"),
        (ENDED, MOVES), (WAITING, AS_IF),
    ),
    "A28": (("kept", NO_STAY),) * 6,
    "A31": (
        (WAITING, UNKNOWN), (SAME, NOTHING_NEW), (SAME, NOTHING_NEW), (SAME, NOTHING_NEW),
        (SAME, STILL), (WAITING, AS_IF),
    ),
    "A52": (
        (WAITING, UNKNOWN), (WAITING, LAST), (WAITING, LAST), ("-leave-started", "HL7 3.3.52"),
        (WAITING, LAST), (WAITING, LAST),
    ),
    "A53": ((WAITING, UNKNOWN), *((WAITING, LAST),) * 5),
}  # fmt: skip
CELLS = [
    pytest.param(trigger, state, expected, id=f"{trigger} {state}: {expected} [{source}]")
    for trigger, row in TABLE.items()
    for state, (expected, source) in zip(STATES, row, strict=True)
]


def unit_of(trigger: str) -> str:
    """A change goes to another unit than the admission's; A12 and A13 name none."""
    return {"A02": "RES", "A06": "RES", "A07": "RES", "A12": "", "A13": ""}.get(trigger, "3W")


def words(effect: str, reason: str | None) -> str:
    """A note as the table writes it."""
    return effect if reason is None or reason == effect else f"{effect} {reason}"


def test_every_trigger_of_a_visit_has_a_row() -> None:
    others = {trigger for trigger, row in TRIGGERS.items() if row.merges or row.records or row.kept or row.asks}
    assert set(TABLE) == set(TRIGGERS) - others


@pytest.mark.parametrize(("trigger", "state", "expected"), CELLS)
def test_a_trigger_does_in_that_state_what_its_source_says(trigger: str, state: str, expected: str) -> None:
    known = [told(number, name, at, unit=unit) for number, (name, at, unit) in enumerate(STATES[state], 1)]
    before = {one.key for one in derive("V1", known, SITE).facts}
    after = derive("V1", [*known, told(9, trigger, AT, unit=unit_of(trigger))], SITE)
    moved = [f"+{one.value.TYPE}{stay_id(one).removeprefix('V1').replace('#', ' #')}" for one in after.facts
             if one.key not in before]  # fmt: skip
    moved += [f"-{key[0]}" for key in sorted(before - {one.key for one in after.facts})]
    note = next(one for one in after.notes if one.message_id == "m9")
    assert " ".join(moved or [words(note.effect, note.reason)]) == expected


async def test_every_cell_is_so_at_the_door_and_in_the_database(own_intake: Intake) -> None:
    cells = {f"{trigger} {state}": Hospital(own_intake) for trigger in TABLE for state in STATES}
    before, last = [], []
    for cell, hospital in cells.items():
        trigger, state = cell.split(" ", 1)
        before += [hospital.message(name, at, unit=unit) for name, at, unit in STATES[state]]
        last.append(hospital.message(trigger, AT, unit=unit_of(trigger), control=cell))
    for batch in (before, last):
        answers = await own_intake.receive([own_intake.messages_of(Received(raw, "mllp", NOW)) for raw in batch])
        assert {answer.code for answer in answers} == {"AA"}
    found = await _what_came_of(own_intake, cells)
    assert found == {
        f"{t} {state}": cell[0] for t, row in TABLE.items() for state, cell in zip(STATES, row, strict=True)
    }


async def _what_came_of(intake: Intake, cells: dict[str, Hospital]) -> dict[str, str]:
    async with intake.database.read() as connection:
        sent = await stored(connection)
        noted = (await connection.execute(sa.text("SELECT control_id, message_id, note, reason FROM messages"))).all()
    messages = {row.message_id: row.control_id for row in noted}
    moved: dict[str, list[str]] = defaultdict(list)
    for row in sent:
        fact = from_record(row.value, row.headers)
        moved[messages[fact.correlation_id or ""]].append(_as_written(fact))
    notes = {row.control_id: words(row.note, row.reason) for row in noted}
    return {cell: " ".join(sorted(moved[cell]) or [notes[cell]]) for cell in cells}


def _as_written(fact: Fact) -> str:
    if fact.name == "fact-cancelled":
        return f"-{fact.as_json['cancelled_type'].split('.')[1]}"
    return f"+{fact.name} #2" if fact.as_json["stay"]["id"].endswith("#2") else f"+{fact.name}"
