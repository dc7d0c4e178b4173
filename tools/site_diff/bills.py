"""What facts that are not stated yet would change of the bills, asked of placement's database by a command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from services.placement.engine import bills_with as engine
from services.placement.engine.bills_with import PeriodLine
from services.placement.rules import rules_of
from shared.facts.envelope import shown_fact
from shared.site.config import Site
from shared.storage.database import Database


async def bills_with(url: str, site: Site, stated: Iterable[Mapping[str, Any]]) -> list[PeriodLine]:
    """The service periods that would be opened, changed or voided. `url`: of placement's database; `stated`: facts as
    intake's API shows them (`FactPublished`). Nothing is written."""
    facts = [shown_fact(each) for each in stated]
    if not facts:
        return []
    database = Database(url, pool=1, application="stepdown-cli")
    try:
        async with database.read() as connection:
            return await engine.bills_with(connection, rules_of(site), facts)
    finally:
        await database.close()
