"""What intake does when time passes: nothing but bring visits in line with a site config that changed."""

from __future__ import annotations

from services.intake.handlers import Intake
from shared.run import Timer


def timers(intake: Intake) -> list[Timer]:
    """The timers of the service."""

    async def mapping() -> None:
        while await intake.derive_again():
            pass

    return [Timer("mapping", 60.0, mapping)]
