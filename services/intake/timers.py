"""What intake does when time passes: nothing but bring visits in line with a site config that changed."""

from __future__ import annotations

from services.intake.handlers import Intake
from services.intake.requests.handlers import forget_keys
from shared.run import Timer


def timers(intake: Intake) -> list[Timer]:
    """The timers of the service."""

    async def mapping() -> None:
        while await intake.derive_again():
            pass

    async def keys() -> None:
        await forget_keys(intake)

    return [Timer("mapping", 60.0, mapping), Timer("idempotency-keys", 3600.0, keys)]
