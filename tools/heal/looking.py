"""Whether any service has lost something: a look that every `up` takes, and which imports no service for it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack

from shared.events import topics_of
from shared.recovery.comparing import held_by
from shared.settings import Settings
from shared.site.config import Site
from shared.storage.database import Database


def written_by(service: str, site: Site) -> tuple[str, ...]:
    """The topics that a service writes to."""
    return topics_of(service, (each.id for each in site.recipients))


async def lost_something(urls: Mapping[str, str], settings: Settings, site: Site) -> bool:
    """Whether any service has lost something, by a look at what was counted, which costs the same however much there
    is; also where a run of `heal` was ended before its end."""
    async with AsyncExitStack() as stack:
        for name, url in urls.items():
            database = Database(url, pool=1, application="stepdown-heal")
            stack.push_async_callback(database.close)
            if await held_by(database, name, settings.kafka_client(), written_by(name, site)):
                return True
    return False
