"""The house with `sober-living` as one more row of the levels' table, in a process of its own: prints what follows.

The row is written into the table's own source before anything else is imported; nothing else is changed.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

TABLE = Path(__file__).resolve().parents[2] / "shared/events/levels.py"
BEFORE = "    PHP = "
ROW = '    SOBER_LIVING = "sober-living", Traits("Sober living", "sober living", a_step_down=False)\n'


def with_the_row() -> None:
    """The table with the row, in the place of the one on disk."""
    found = sys.modules["shared.events.levels"] = ModuleType("shared.events.levels")
    source = TABLE.read_text()
    assert source.count(BEFORE) == 1
    exec(compile(source.replace(BEFORE, ROW + BEFORE), str(TABLE), "exec"), found.__dict__)


def what_follows() -> dict[str, Any]:
    """What the fold, the bill, the page and the published types make of it."""
    from services.placement.continuum.announcements import announcements
    from services.placement.desk.openapi import _QUERIES
    from services.placement.search.levels import _next
    from services.placement.worklists import glance
    from shared.events.continuum import Step
    from shared.events.levels import RANK, ROUND_THE_CLOCK, Level
    from shared.site.measures import LAST_DISCHARGE, STEPPED_DOWN
    from shared.web.wording import spoken
    from tests import builders as tell
    from tests.placement import period_builders as bill
    from tools.cli.stories import state_of
    from tools.documents.schemas import schemas

    new = Level("sober-living").value
    story = (
        tell.admitted("2026-03-02 10:00", level="residential"),
        tell.discharged("2026-03-09 14:00", level="residential"),
        tell.admitted("2026-03-10 09:00", visit="V2", level=new),
        tell.admitted("2026-03-12 09:00", visit="V3", level="php"),
        tell.discharged("2026-03-13 09:00", visit="V3", level="php"),
        tell.discharged("2026-03-14 09:00", visit="V2", level=new),
        tell.started("2026-03-16", level="iop"),
    )
    folded = tell.folded(*story)
    stays = (bill.stay("A", ("03-02 10:00", "residential"), ("03-09 14:00", new), end="03-12 09:00"),)
    return {
        "ranks": list(RANK),
        "levels": [change.level for change in folded.levels],
        "steps": [
            (one.value.TYPE, one.value.from_level, one.value.to_level)
            for one in announcements(folded, tell.zone_of)
            if isinstance(one.value, Step)
        ],
        "periods": bill.spans(bill.derived(bill.episode(*stays))),
        "words": [glance.level(new), spoken(new), state_of({"state": "active", "level": new})],
        "asked": _QUERIES["level"]["enum"],
        "next": {level: _next(level) for level in Level},
        "round the clock": sorted(ROUND_THE_CLOCK),
        "keeps a window": [level for row in STEPPED_DOWN for level in row.levels],
        "ends a window": [list(row.next_levels) for row in LAST_DISCHARGE if row.next_levels],
        "schemas": schemas(),
    }


if __name__ == "__main__":
    with_the_row()
    sys.stdout.write(json.dumps(what_follows()))
