"""Each trigger against what is known of the visit: IHE ITI-31's expected actions, with contract 6 where it differs.

A cell is what comes to stand (+) or falls (-), or the note of the message that changed nothing.
"""

from __future__ import annotations

import pytest

from services.intake.adt import VISIT_TRIGGERS
from services.intake.domain import derive
from tests.intake.said import SITE, told

ADMIT = told(1, "A01", "20260105100000")
KNOWN = {
    "nothing": (),
    "visit": (told(1, "A04", "20260105080000", unit="ED"),),
    "open": (ADMIT,),
    "on leave": (ADMIT, told(2, "A21", "20260106100000")),
    "ended": (ADMIT, told(2, "A03", "20260107100000")),
    "cancelled": (ADMIT, told(2, "A11", "20260105110000")),
}
OPEN, ENDED, SAME = "no-effect already-open", "no-effect ended", "no-effect already-told"
STARTS = ("+admitted", "+admitted", OPEN, OPEN, "+admitted V1#2", "+admitted")
CHANGES = ("+admitted", "+admitted", "+transferred", "+transferred", "+admitted V1#2", "+admitted")
UPDATES = ("waiting", SAME, SAME, SAME, SAME, "waiting")
TABLE = {  # nothing, visit, open, on leave, ended, cancelled
    "A01": STARTS,
    "A02": (*CHANGES[:4], ENDED, "+admitted"),
    "A03": ("waiting", "+visit-ended", "+discharged", "+discharged", ENDED, "waiting"),
    "A04": STARTS,
    "A05": ("kept",) * 6,
    "A06": CHANGES,
    "A07": CHANGES,
    "A08": UPDATES,
    "A11": ("waiting", "-visit-started", "-admitted", "-admitted -leave-started", ENDED, SAME),
    "A12": ("waiting",) * 6,
    "A13": (*("waiting",) * 4, "-discharged", "waiting"),
    "A21": ("waiting", "no-effect no-level", "+leave-started", "no-effect on-leave", ENDED, "waiting"),
    "A22": ("waiting", "no-effect no-level", "waiting not-on-leave", "+leave-ended", ENDED, "waiting"),
    "A28": ("kept",) * 6,
    "A31": UPDATES,
    "A52": (*("waiting",) * 3, "-leave-started", "waiting", "waiting"),
    "A53": ("waiting",) * 6,
}
CELLS = [
    (trigger, state, expected) for trigger, row in TABLE.items() for state, expected in zip(KNOWN, row, strict=True)
]


def test_every_trigger_of_a_visit_has_a_row() -> None:
    assert set(TABLE) == VISIT_TRIGGERS


@pytest.mark.parametrize(("trigger", "state", "expected"), CELLS, ids=[f"{one[0]} {one[1]}" for one in CELLS])
def test_a_trigger_does_what_iti_31_expects_in_that_state(trigger: str, state: str, expected: str) -> None:
    unit = {"A02": "RES", "A06": "RES", "A07": "RES"}.get(trigger, "" if trigger in {"A12", "A13"} else "3W")
    said = told(9, trigger, "20260110090000", unit=unit)
    before = [(one.type, one.stay_id) for one in derive("V1", KNOWN[state], SITE).facts]
    after = derive("V1", (*KNOWN[state], said), SITE)
    now = [(one.type, one.stay_id) for one in after.facts]
    moved = [f"+{name} {stay}" if stay != "V1" else f"+{name}" for name, stay in now if (name, stay) not in before]
    moved += [f"-{name}" for name, stay in before if (name, stay) not in now]
    note = next(one for one in after.notes if one.message_id == "m9")
    words = [note.effect] + [note.reason] * (note.reason not in {None, note.effect})
    assert " ".join(moved or map(str, words)) == expected
