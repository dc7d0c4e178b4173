"""One process of a service: doors, consumers, web, relay and timers, started together and stopped in order."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

import sqlalchemy as sa
from faststream.kafka import KafkaBroker
from faststream.specification import AsyncAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from shared import figures, logs, metrics, retention, spans
from shared.clock import Clock, system_clock
from shared.errors import SetUpError, Transient
from shared.events import topics_of
from shared.messaging import dead_letter_desk, positions
from shared.messaging.broker import begin_reading
from shared.messaging.relay import Relay
from shared.messaging.replay import asked_of, replay_asked
from shared.messaging.subscription import Subscription
from shared.pulse import STUCK_SECONDS, Pulse
from shared.recovery.guard import NOT_COMPARED, Guard
from shared.settings import Settings, unknown_variables
from shared.stopping import Deadline, cancelled, stopped
from shared.storage.database import Database
from shared.storage.sealing import Seal
from shared.web import http_limits
from shared.web.app import ErrorPages, web_app
from shared.web.auth import tokens_of
from shared.web.descriptors import seating_of
from shared.web.kept_sessions import Sessions
from shared.web.live import LivePages
from shared.web.retired import RetiredFacilities

log = logging.getLogger(__name__)


_THEIR_TIME = sa.text("SELECT clock_timestamp()")
APART = timedelta(minutes=5)
"""So far may this machine's clock and the database's lie apart."""
COMPARE_SECONDS = 10.0
"""So long does a start wait for database and broker, to compare them, before the doors open: they answer then that they
can't take anything yet."""
GARBAGE = (500_000, 10, 10)
"""The thresholds of Python's garbage collector: objects made and not freed until it looks through the youngest, and so
on. 10,000 fetched records are 130,000 objects, which are freed without it when their batch is done."""


class Door(Protocol):
    """A listener that can be started and stopped (MLLP)."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


@dataclass(slots=True)
class Timer:
    """Work repeated with `every` seconds between two rounds, never twice at once; after an error the next round tries
    again."""

    name: str
    every: float
    work: Callable[[], Awaitable[None]]

    async def run(self) -> None:
        """Repeat until cancelled."""
        while True:
            try:
                await self.work()
                metrics.TIMER_RUNS.labels(self.name, "done").inc()
            except Transient:
                metrics.TIMER_RUNS.labels(self.name, "waits").inc()
            except Exception:
                metrics.TIMER_RUNS.labels(self.name, "failed").inc()
                log.exception("timer failed", extra={"timer": self.name})
            await asyncio.sleep(self.every)


@dataclass(slots=True)
class ServiceProcess:
    """One service's parts, given by its app.py; the parts that every service has are added here."""

    name: str
    settings: Settings
    database: Database
    broker: KafkaBroker
    routes: Sequence[BaseRoute]
    subscriptions: Sequence[Subscription] = ()
    timers: Sequence[Timer] = ()
    doors: Sequence[Door] = ()
    pages: ErrorPages | None = None
    facilities: frozenset[str] = frozenset()
    """The facilities of the site, which a token for all of them stands for."""
    parked_alarm_seconds: int = 60
    """A fact that waits longer for the one before it raises the alarm (site config, `limits`)."""
    dead_letter_days: int | None = None
    """Days that the content of dead letters is kept (site config, `retention`); None: as the settings say."""
    pulses: Sequence[Pulse] = ()
    site_version: str = ""
    own_figures: figures.Figures | None = None
    """Sets the metrics that only this service has; called by a timer (figures.py)."""
    recipients: Sequence[str] = ()
    """Ids of the recipients whose topics it writes to."""
    live_pages: LivePages | None = None
    """Its open pages, which are told when something changes."""
    sessions: Sessions | None = None
    """Where the sessions of people who signed in with a browser are."""
    clock: Clock = system_clock
    started: bool = False
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    relay: Relay = field(init=False)
    guard: Guard = field(init=False)
    seal: Seal = field(init=False)
    web: Starlette = field(init=False)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.seal = Seal(self.settings.keys())
        figures.tell_constants(self.name, self.database, self.site_version)
        self.relay = Relay(
            self.database,
            self.name,
            self.settings.kafka_client(),
            partitions=self.settings.kafka_partitions,
            seal=self.seal,
        )
        watched = topics_of(self.name, self.recipients)
        self.guard = Guard(
            self.database,
            self.name,
            self.settings.kafka_client(),
            watched,
            counted=self.relay.counted,
            let_go=self._begin_anew,
        )
        self.relay.may_write = self.guard.may_write
        for subscription in self.subscriptions:
            subscription.seal = self.seal
            subscription.retries.on_own_fact_ahead = self.guard.is_ahead
            subscription.join_as(self.settings.instance)
        routes = [*self.routes, Route("/asyncapi.json", self._subscriptions_told)]
        routes += [self.live_pages.route()] if self.live_pages is not None else []
        self.web = web_app(
            title=self.name,
            tokens=tokens_of(self.settings),
            ready=self.ready,
            live=self.live,
            routes=routes,
            pages=self.pages,
            logged=self.settings.request_log,
            retired=RetiredFacilities(self.database, self.facilities),
            sessions=self.sessions,
        )

    async def _subscriptions_told(self, _: Request) -> Response:
        """FastStream's AsyncAPI document of what this process reads; docs/asyncapi.yaml describes the records."""
        told = AsyncAPI(self.broker, title=self.name, version="1").to_specification()
        return Response(told.to_json(), media_type="application/json")

    async def ready(self) -> dict[str, str]:
        """part → why it is not ready; empty when everything is."""
        if self.database.held is not None and self.database.held != NOT_COMPARED:
            return {"databases and topics": self.database.held}
        missing: dict[str, str] = {}
        if not self.started:
            missing["service"] = "starting"
        elif self.database.held is not None:
            missing["service"] = self.database.held
        try:
            async with self.database.read() as connection:
                theirs = (await connection.execute(_THEIR_TIME)).scalar_one()
        except Transient as fault:
            missing["database"] = str(fault)
        else:
            if self.database.full and not await self.database.has_room():
                missing["database"] = "its disk is full: free some space"
            ahead = self.clock() - theirs
            metrics.CLOCK_APART.labels(self.name).set(ahead.total_seconds())
            if apart := _apart(ahead):
                missing["clock"] = apart
        unread = {each.consumer_name: each.waits_for() for each in self.subscriptions}
        missing |= {name: why for name, why in unread.items() if why}
        metrics.READY.labels(self.name).set(not missing)
        return missing

    async def live(self) -> dict[str, str]:
        """part → why only a restart would help; empty while everything moves or waits for something unavailable.

        A stuck event loop gives no answer at all; a stop that hangs ends the process by itself (stopping.py).
        """
        now = time.monotonic()
        pulses = (self.relay.pulse, *(each.pulse for each in self.subscriptions), *self.pulses)
        stuck = {
            each.part: "it has work and has not moved for long" for each in pulses if each.still(now) > STUCK_SECONDS
        }
        ended = [task.get_name() for task in self._tasks if self.started and task.done()]
        return stuck | dict.fromkeys(ended, "it has ended")

    async def start(self) -> None:
        """Compare databases and topics; then start the relay, the doors, the consumers, the timers.

        The doors open whether Kafka is there or not, but until it was compared they store nothing (contract 5.8).
        """
        self.guard.hold()
        await self.guard.in_line(COMPARE_SECONDS)
        self._tasks.append(asyncio.create_task(self.relay.run(), name="relay"))
        self._tasks.append(asyncio.create_task(self.guard.run(), name="guard"))
        for door in self.doors:
            await door.start()
        await begin_reading(self.broker)
        own = (
            Timer("watch", 5.0, self._watch),
            Timer("figures", figures.EVERY, self._figures),
            Timer("operator", 1.0, self._what_operators_ask),
            Timer("dead-letters", 3600.0, self._age_dead_letters),
        )
        self._tasks += [asyncio.create_task(t.run(), name=t.name) for t in (*self.timers, *own)]
        gc.freeze()  # what was imported and made until now stays: it is looked through no more
        gc.set_threshold(*GARBAGE)
        self.started = True

    async def stop(self) -> None:
        """Stop doors, consumers (each finishes its batch), timers, relay (it sends the rest), database; each within its
        seconds. Open pages are let go first: each would hold up the stop of the web server."""
        self.started = False
        if self.live_pages is not None:
            await stopped("live pages", self.live_pages.stop(), 3)
        for door in self.doors:
            await stopped("door", door.stop(), 10)
        await stopped("consumers", self.broker.stop(), 12)
        await stopped("timers", cancelled(self._tasks[1:]), 3)
        await stopped("relay", self.relay.stop(), 12)
        await stopped("relay", cancelled(self._tasks), 3)  # it may wait for a broker that is away
        await stopped("guard", self.guard.stop(), 3)
        if self.sessions is not None:
            await stopped("sessions", self.sessions.close(), 3)
        await stopped("database", self.database.close(), 5)
        if spans.on():
            await stopped("spans", asyncio.to_thread(spans.turn_off), 5)

    async def _begin_anew(self) -> None:
        """After a loss is mended: consumers look where they are to go on."""
        for subscription in self.subscriptions if self.started else ():
            await subscription.retries.begin_anew()

    async def _watch(self) -> None:
        for subscription in self.subscriptions:
            name = subscription.consumer_name
            if subscription.put_out():
                log.error("consumer was put out of its group; the service ends", extra={"consumer": name})
                self.ending.set()
            async with self.database.read() as connection:
                parked, overdue = await positions.alarm(connection, name, self.parked_alarm_seconds)
            metrics.PARKED.labels(name).set(parked)
            metrics.OVERDUE.labels(name).set(overdue)
            await subscription.lags.look(self.settings.kafka_client())
            metrics.LAG.labels(name).set(subscription.lags.lag.records)
            if overdue:
                log.error("facts wait for the one before them", extra={"consumer": name, "count": overdue})

    async def _figures(self) -> None:
        await self.ready()
        consumers = [subscription.consumer_name for subscription in self.subscriptions]
        await figures.look(self.database, self.name, consumers, self.own_figures)

    async def _age_dead_letters(self) -> None:
        """Seal dead letters of the first version, and delete content that is too old."""
        while True:
            async with self.database.begin() as connection:
                if not await dead_letter_desk.seal_clear(connection, self.seal):
                    break
        letters = retention.dead_letters(self.dead_letter_days or self.settings.dead_letter_days)
        await retention.delete_old(self.database, [letters], at=self.clock(), actor="retention")

    async def _what_operators_ask(self) -> None:
        """Do what `stepdown positions reset` and `stepdown dead-letters replay` have marked in the database."""
        asked = await asked_of(self.database, [each.consumer_name for each in self.subscriptions])
        for subscription in self.subscriptions:
            if subscription.consumer_name in asked:
                await subscription.begin_anew_if_asked()
                await replay_asked(subscription)


def _apart(ahead: timedelta) -> str | None:
    """A sentence for the operator where this machine's clock is too far from the database's; else None."""
    if abs(ahead) <= APART:
        return None
    how = "ahead of" if ahead > timedelta(0) else "behind"
    return f"this machine's clock is {round(abs(ahead).total_seconds() / 60)} minutes {how} the database's: mend either"


def bound(host: str, port: int) -> socket.socket:
    """A socket bound to this address now, so that a taken port is one sentence (SetUpError)."""
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except OSError as fault:
        made.close()
        raise SetUpError(
            f"port {port} on {host} can't be taken ({fault.strerror}): choose another or free it"
        ) from None
    return made


async def serve(
    service: ServiceProcess,
    *,
    stopping: asyncio.Event | None = None,
    parent_pipe: int | None = None,
    deadline: Deadline | None = None,
) -> None:
    """Run a service until SIGTERM, SIGINT, the parent's end, or `stopping`; then the deadline for its stop begins."""
    stop = stopping or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if parent_pipe is not None:
        loop.add_reader(parent_pipe, _parent_gone, parent_pipe, stop)
    sock = bound(service.settings.http_host, service.settings.http_port)
    limits = http_limits.HttpLimits(connections=seating_of(service.settings).http)
    web = http_limits.HttpDoor(service.web, limits)
    serving = asyncio.create_task(web.serve(sockets=[sock]))
    starting = asyncio.create_task(service.start())
    asked = asyncio.create_task(_either(stop, service.ending))
    await asyncio.wait({starting, asked, serving}, return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        starting.result()
        log.info("ready", extra={"http": "{}:{}".format(*sock.getsockname()[:2])})
        await asyncio.wait({asked, serving}, return_when=asyncio.FIRST_COMPLETED)
    if deadline is not None:
        deadline.begin()
    starting.cancel()
    await service.stop()
    web.should_exit = True
    await serving
    asked.cancel()


async def _either(*events: asyncio.Event) -> None:
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()


def trace(name: str, settings: Settings) -> None:
    """Send spans where an endpoint is set; OpenTelemetry's SDK is imported only then."""
    if settings.otlp_endpoint or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        from shared.span_export import to_collector  # noqa: PLC0415 - 0.2 s and 15 MB that most do not need

        spans.turn_on(to_collector(settings.otlp_endpoint, name, settings.traces_share))


def run(name: str, assemble: Callable[[Settings], ServiceProcess], settings: Settings) -> None:
    """What each app.py's `main` does: set up logs, assemble the service, serve until told to stop."""
    logs.set_up(name, settings.log_level)
    deadline = Deadline()
    for sentence in unknown_variables(os.environ):
        log.warning("an unknown variable", extra={"what": sentence})

    async def assembled() -> None:
        service = assemble(settings)
        trace(name, settings)
        logs.take_over()  # a library that was imported meanwhile
        await serve(service, parent_pipe=settings.parent_pipe, deadline=deadline)

    if sys.platform == "win32":
        asyncio.run(assembled())
    else:
        import uvloop  # noqa: PLC0415 - not on every platform

        uvloop.run(assembled())


def _parent_gone(pipe: int, stop: asyncio.Event) -> None:
    if not os.read(pipe, 1):
        asyncio.get_running_loop().remove_reader(pipe)
        stop.set()
