"""Puts placement's parts (database, broker, consumers, outbox relay, timers, web) together into one process; no rule of
its own."""

from __future__ import annotations

from functools import partial

from services.placement import gauges, timers
from services.placement.desk import api, live
from services.placement.desk.frame import Parts
from services.placement.desk.page import desk
from services.placement.engine import consumer
from services.placement.gate import consumer as gate
from services.placement.gate import timers as gate_timers
from services.placement.gate.recipients import gate_rules
from services.placement.rules import rules_of
from shared.clock import Clock, system_clock
from shared.ids import random_id
from shared.messaging.broker import broker_for
from shared.run import ServiceProcess, run
from shared.settings import Settings
from shared.site.of_service import of_service
from shared.storage.database import Database
from shared.web.asked_sessions import asked_sessions

NAME = "placement"


def assemble(settings: Settings, *, clock: Clock = system_clock) -> ServiceProcess:
    """Build the service without starting it. Raises SetUpError where the operator has to set something right."""
    site = of_service(settings)
    rules, outside = rules_of(site), gate_rules(site)
    database = Database(settings.database(), pool=settings.database_pool, application=f"stepdown-{NAME}")
    broker = broker_for(settings, NAME)
    frame = desk.pages()
    parts = Parts(database, rules, clock, random_id)
    subscriptions = [consumer.subscription(database, rules, clock=clock, ids=random_id)]
    rounds = [*timers.timers(database, rules, clock=clock, ids=random_id)]
    if outside.outsiders or len({each.entity_id for each in site.facilities}) > 1:
        subscriptions.append(gate.subscription(database, outside, clock=clock, ids=random_id))
        subscriptions[1].follow(subscriptions[0])
        rounds += gate_timers.timers(database, outside, clock=clock, ids=random_id)
    broker.include_routers(*(each.router for each in subscriptions))
    return ServiceProcess(
        name=NAME,
        database=database,
        broker=broker,
        routes=[*api.routes(parts), *desk.routes(parts, frame)],
        pages=frame,
        live_pages=live.live_pages(parts),
        sessions=asked_sessions(settings),
        settings=settings,
        parked_alarm_seconds=site.limits.parked_alarm_seconds,
        facilities=site.facility_names,
        dead_letter_days=site.retention.dead_letter_days,
        subscriptions=subscriptions,
        timers=rounds,
        site_version=site.version,
        own_figures=partial(gauges.tell, rules=rules, clock=clock),
        recipients=[each.id for each in site.recipients],
    )


def main(settings: Settings) -> None:
    """Run the service until SIGTERM, SIGINT or the end of the parent process."""
    run(NAME, assemble, settings)
