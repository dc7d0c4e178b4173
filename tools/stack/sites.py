"""Which site config a command works by: the one of the system that it talks to, else the environment's (contract 1)."""

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
    """The site of the running system; where none runs here, or none says its site: the environment's.

    Raises WrongUsage where the environment names another one, or where the running system's has changed since it
    started: what a command would find wrong by another config is not wrong.
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


def told(running: Ready | None, settings: Settings, site: Site) -> str:
    """What a config is, for `doctor`: its site, how much is in it, where it is, which version."""
    folder = running.config["folder"] if running and running.config else str(folder_of(settings.config))
    where = f"{folder}, the sample site" if Path(folder) == SAMPLE.resolve() else folder
    much = f"{len(site.facilities)} facilities, {len(site.programs)} programs"
    return f"{site.name}: {much}; {where}, version {site.version}"
