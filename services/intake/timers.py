"""Intake's timers: visits derived again under a changed site config, consents stated for new episodes and expired."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from services.intake.receiving.receive import Intake
from services.intake.requests.consents import handlers as consents
from shared.run import Timer
from shared.web import idempotency

KEYS_KEPT = timedelta(days=7)
"""How long an Idempotency-Key is remembered: a request with it that is sent later is a new one."""


def timers(intake: Intake) -> list[Timer]:
    """The service's timers, with the seconds between two runs of each."""

    async def mapping() -> None:
        while await intake.derive_again():
            pass

    async def preparing() -> None:
        await intake.prepare()

    async def consents_over() -> None:
        while await consents.run_out(intake):
            pass

    async def consents_of_new_episodes() -> None:
        while await consents.tell_new_episodes(intake):
            pass

    return [
        Timer("preparing", 1.0, preparing),
        Timer("mapping", 60.0, mapping),
        Timer("idempotency-keys", 3600.0, partial(idempotency.forget, intake.database, intake.clock, KEYS_KEPT)),
        Timer("consents-over", 5.0, consents_over),
        Timer("consents-of-new-episodes", 5.0, consents_of_new_episodes),
    ]
