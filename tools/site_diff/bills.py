"""What facts that are not stated yet would change of the bills: placement's facts with them, by the functions that make
bills."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from services.placement.engine import views
from services.placement.rules import rules_of
from shared.facts.envelope import Fact, from_record
from shared.site.config import Site
from shared.storage.database import Database
from tools.site_diff.found import PeriodLine
from tools.site_diff.group import changed_periods, periods_of


async def bills_with(url: str, site: Site, stated: Iterable[Mapping[str, Any]]) -> list[PeriodLine]:
    """The service periods that would be opened, changed or voided. `url`: of placement's database; `stated`: facts as
    intake's API shows them (`FactPublished`). Nothing is written."""
    facts: dict[str, list[Fact]] = defaultdict(list)
    for each in map(_fact, stated):
        facts[each.subject].append(each)
    if not facts:
        return []
    database, rules = Database(url, pool=1, application="stepdown-cli"), rules_of(site)
    try:
        async with database.read() as connection:
            known = await views.facts_of(connection, sorted(facts))
    finally:
        await database.close()
    found: list[PeriodLine] = []
    for episode, new in sorted(facts.items()):
        before = known.get(episode, [])
        found += changed_periods(periods_of(before, rules), periods_of([*before, *new], rules))
    return found


def _fact(told: Mapping[str, Any]) -> Fact:
    headers = [(name, str(value).encode()) for name, value in told.items() if name.startswith("ce_")]
    given = [*headers, ("ce_specversion", b"1.0"), ("content-type", b"application/json")]
    return from_record(orjson.dumps(told["value"]), given)
