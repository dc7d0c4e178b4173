"""Which site config a command uses: that of the system that it talks to, else the environment's (contract 1)."""

from __future__ import annotations

from pathlib import Path

from shared.errors import WrongUsage
from shared.settings import Settings
from shared.site.config import SAMPLE, Site, folder_of, load
from tools.stack.ready import Ready


def described(settings: Settings) -> tuple[Site, dict[str, str]]:
    """The environment's site, and its folder and version for the ready file."""
    site = load(settings.config)
    return site, {"folder": str(folder_of(settings.config)), "version": site.version}


def site_of(running: Ready | None, settings: Settings) -> Site:
    """The site config of the running system; the environment's where no system runs, or its ready file names none.

    Raises WrongUsage where the environment names another config than the running system's, or where that has changed
    since the system started: a command would report errors that are none.
    """
    if running is None or not running.config:
        return load(settings.config)
    folder, version = running.config["folder"], running.config["version"]
    site = load(settings.config or Path(folder))
    if site.version == version:
        return site
    if settings.config is None:
        raise WrongUsage(
            f"the site config in {folder} is version {site.version} now, the system started with {version}: "
            "restart `stepdown up`"
        )
    raise WrongUsage(
        f"STEPDOWN_CONFIG names another site config ({folder_of(settings.config)}, version {site.version}) than the "
        f"running system's ({folder}, version {version}): leave it unset, or name that one"
    )


def summary(running: Ready | None, settings: Settings, site: Site) -> str:
    """A sentence about the site config, for `doctor`: the site's name, its facilities and programs, folder and
    version."""
    folder = running.config["folder"] if running and running.config else str(folder_of(settings.config))
    where = f"{folder}, the sample site" if Path(folder) == SAMPLE.resolve() else folder
    much = f"{len(site.facilities)} facilities, {len(site.programs)} programs"
    return f"{site.name}: {much}; {where}, version {site.version}"
