"""Brings the services' schemas up to date, by the migrations of each service and the owner roles."""

from __future__ import annotations


async def migrate(owner_urls: dict[str, str]) -> list[str]:
    """Run the migrations of these services (service → URL of its owner role), one after the other, since alembic has
    one context a process; returns the services that have migrations."""
    from shared.storage.migrations import folder, upgrade  # noqa: PLC0415  # alembic takes a while to import
    from tools.stack.databases import append_only  # noqa: PLC0415  # so do these

    done: list[str] = []
    for service, url in owner_urls.items():
        found = folder(f"services.{service}")
        if found:
            await upgrade(url, found)
            await append_only(url, service)  # `databases.make` gives the rights on all tables there are
            done.append(service)
    return done
