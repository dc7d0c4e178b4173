"""Puts intake together: doors, consumers, timers, HTTP. Nothing is decided here."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from services.intake import gauges
from services.intake.api import front, live, routes
from services.intake.api.rate_limits import RateLimits
from services.intake.desk import pages
from services.intake.receiving import kafka, mllp
from services.intake.receiving.group_commit import Reception
from services.intake.receiving.lane.worker import Worker
from services.intake.receiving.read import Answer, InboundMessage, Received
from services.intake.receiving.receive import Intake
from services.intake.timers import timers
from shared.clock import Clock, system_clock
from shared.errors import Transient
from shared.messaging.broker import broker_for
from shared.run import Door, ServiceProcess, run
from shared.settings import Settings
from shared.site.of_service import of_service
from shared.storage.database import Database
from shared.storage.sealing import Seal
from shared.web.descriptors import seating_of
from shared.web.kept_sessions import kept_sessions

NAME = "intake"


class Doors:
    """The doors, and the reception to which they hand in messages: it opens before them and closes after them."""

    def __init__(
        self, intake: Intake, reception: Reception[Received, list[InboundMessage], Answer], doors: Sequence[Door]
    ) -> None:
        self.intake, self.reception, self.doors = intake, reception, doors

    async def start(self) -> None:
        """Bring over what the first version stored, then open the reception, then the doors.

        While the database is away, bringing over is left to a timer, and messages are answered to be sent again. Raises
        SetUpError where the message keys are not those that patients were stored with.
        """
        with contextlib.suppress(Transient):
            await self.intake.prepare()
        await self.reception.start()
        for door in self.doors:
            await door.start()

    async def stop(self) -> None:
        """Close the doors, which answer what they have taken, then the reception, then the process for long visits."""
        for door in self.doors:
            await door.stop()
        await self.reception.stop()
        await self.intake.long_visits.apart.stop()


def reception_of(intake: Intake) -> Reception[Received, list[InboundMessage], Answer]:
    """The reception: where doors hand in what they received, and wait for the answers."""
    return Reception(
        intake.messages_of,
        intake.receive,
        size=lambda each: len(each.raw),
        keys=lambda inbound: (key for message in inbound for key in message.keys),
        is_long=intake.long_visits.has,
    )


def assemble(settings: Settings, *, clock: Clock = system_clock) -> ServiceProcess:
    """The service, made from its settings. Raises SetUpError where a setting is missing or wrong."""
    site = of_service(settings)
    database = Database(settings.database(), pool=settings.database_pool, application="stepdown-intake")
    intake = Intake(database, site, Seal(settings.keys()), clock, settings.revocation_wait)
    sessions = kept_sessions(settings, database, clock, intake.seal, site)
    reception = reception_of(intake)
    rates = RateLimits(site.limits)
    limits = mllp.Limits(
        frame_bytes=site.limits.message_bytes,
        connections=seating_of(settings).mllp,
        idle_seconds=settings.mllp_idle_seconds,
    )
    door = mllp.MllpDoor(
        reception, (settings.mllp_host, settings.mllp_port), clock, limits=limits, tls=settings.mllp_tls()
    )
    lane = Worker(intake)
    subscriptions = [kafka.episodes(database), kafka.hospital_adt(intake)]
    broker = broker_for(settings, NAME)
    broker.include_routers(*(each.router for each in subscriptions))
    return ServiceProcess(
        name=NAME,
        database=database,
        broker=broker,
        pages=front.FRAME,
        live_pages=live.live_pages(database),
        sessions=sessions,
        routes=[*pages.routes(intake, rates), *routes(intake, reception, rates)],
        settings=settings,
        parked_alarm_seconds=site.limits.parked_alarm_seconds,
        facilities=site.facility_names,
        dead_letter_days=site.retention.dead_letter_days,
        subscriptions=subscriptions,
        timers=timers(intake),
        site_version=site.version,
        own_figures=gauges.of(intake),
        pulses=[reception.pulse, reception.long_pulse, lane.pulse],
        clock=clock,
        doors=[Doors(intake, reception, [door, lane])],
    )


def main(settings: Settings) -> None:
    """Run the service until SIGTERM or SIGINT, or until its parent process is gone."""
    run(NAME, assemble, settings)
