"""The services' schemas brought up to date by their owner roles; what is in them is each service's own matter."""

from __future__ import annotations


async def migrate(owner_urls: dict[str, str]) -> list[str]:
    """Service → owner URL; those that have migrations, one after the other (alembic's context is one a process)."""
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
