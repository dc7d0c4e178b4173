"""Intake's timers: visits derived again under a changed site config, consents stated for new episodes and expired, and
what is not kept any longer deleted."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from services.intake.console.kept_records import KeptRecords, settle_moves
from services.intake.keeping.texts import raw_messages, refused_messages
from services.intake.people.finding.filling import Filling
from services.intake.people.finding.likely import Likely
from services.intake.receiving.receive import Intake
from services.intake.requests.consents import handlers as consents
from shared import retention
from shared.run import Timer
from shared.site.config import Site
from shared.web import idempotency
from shared.web.kept_sessions import sessions_over

KEYS_KEPT = timedelta(days=7)
"""How long an Idempotency-Key is remembered: a request with it that is sent later is a new one."""


def retention_kinds(site: Site, dead_letter_days: int) -> list[retention.RetentionKind]:
    """All that intake keeps for a time, for `stepdown retention`; `dead_letter_days`: STEPDOWN_DEAD_LETTER_DAYS."""
    return [*_messages(site), sessions_over(), *retention.of_every_service(site.retention, dead_letter_days, KEYS_KEPT)]


def _messages(site: Site) -> list[retention.RetentionKind]:
    kept = site.retention
    return [raw_messages(kept.raw_message_days), refused_messages(kept.refused_message_days)]


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

    filling, likely = Filling(intake), Likely(intake)

    messages = _messages(intake.site)
    keys_kept = retention.requests_of(intake.site.retention, KEYS_KEPT)

    async def old_messages() -> None:
        if intake.prepared:
            await retention.delete_old(
                intake.database, [*messages, sessions_over()], at=intake.clock(), actor="retention"
            )

    return [
        Timer("preparing", 1.0, preparing),
        Timer("mapping", 60.0, mapping),
        Timer("kept-records", 60.0, KeptRecords(intake).run),
        Timer("moved-visits", 5.0, partial(settle_moves, intake)),
        Timer("index-of-persons", 5.0, filling.run),
        Timer("likely-matches", 5.0, likely.run),
        Timer("idempotency-keys", 3600.0, partial(idempotency.forget, intake.database, intake.clock, keys_kept)),
        Timer("retention", 3600.0, old_messages),
        Timer("consents-over", 5.0, consents_over),
        Timer("consents-of-new-episodes", 5.0, consents_of_new_episodes),
    ]
