"""The site that a service works by; the sample one only where nobody else can reach the service."""

from __future__ import annotations

from functools import lru_cache

from shared.errors import SetUpError
from shared.settings import Settings
from shared.site.config import SAMPLE, Site, load


def of_service(settings: Settings) -> Site:
    """The site by the settings. SetUpError where it says what the sample says, and others can reach the service.

    What the sample says of units, payers and zones is true of no hospital; STEPDOWN_SAMPLE_SITE=allow: for trying.
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
