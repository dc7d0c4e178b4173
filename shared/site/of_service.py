"""The site config that a service runs with; the sample one only where nobody else can reach the service."""

from __future__ import annotations

from functools import lru_cache

from shared.errors import SetUpError
from shared.settings import Settings
from shared.site.config import SAMPLE, Site, load


def of_service(settings: Settings) -> Site:
    """The site config by the settings. Raises SetUpError where it is the sample's and other machines can reach the
    service.

    The sample's units, payers and zones are true of no hospital; STEPDOWN_SAMPLE_SITE=allow permits it for trying.
    """
    site = load(settings.config)
    if settings.sample_site != "allow" and not settings.only_this_machine and site.version == _sample().version:
        raise SetUpError(
            "this is the sample site, and a door, the broker or the database is not on this machine alone: "
            "name your own with STEPDOWN_CONFIG, or set STEPDOWN_SAMPLE_SITE=allow"
        )
    return site


@lru_cache(1)
def _sample() -> Site:
    return load(SAMPLE)
