"""`up`: starts the broker and database that are not given, makes topics and schemas, starts the services and writes the
ready file; at the end it stops all of them in order."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from tools.stack import SERVICES, brokers, ready, tokens
from tools.stack.children import Command
from tools.stack.folder import Folder, claim, has_room, new_message_key, ports
from tools.stack.front import FRONT_DOOR
from tools.stack.postgres import FOLDER as DATABASE_FOLDER
from tools.stack.postgres import Postgres
from tools.stack.supervise import Child, Supervision

# They take longer to import than a server to start, so it is done meanwhile, in a thread.
MEANWHILE = (
    "tools.stack.topics",
    "tools.stack.sites",
    "tools.stack.databases",
    "shared.storage.migrations",
    "shared.web.auth",
)
"""What is imported while broker and database start."""
TO_LOOK = ("tools.heal.looking", "tools.stack.access")
"""The same where a broker and a database were there before, which may have lost something."""
HOST = "127.0.0.1"
Say = Callable[[str], None]
"""Takes a sentence for the person at the terminal."""


@dataclass(frozen=True)
class Options:
    """What `stepdown up` was asked for (contract 1). `kafka` and `database_url` None: one is started here; for `kafka`
    `apache` that is Apache Kafka itself, with the local Java.

    Port 0: the port that it had on this data directory, at first any free one. The services listen on `http_port`, +1
    and +2, the front door, which people use, on `desk_port`. `program`: the start of a service's command line, before
    `run <service>`; `services`: those that are started.
    """

    data: Path
    ready_file: Path | None = None
    kafka: str | None = None
    database_url: str | None = None
    mllp_port: int = 0
    http_port: int = 0
    desk_port: int = 0
    program: tuple[str, ...] = (sys.executable, "-m", "tools.cli.main")
    services: tuple[str, ...] = SERVICES


@dataclass(frozen=True)
class StartReporter:
    """Functions that `up` reports to: `step` before each part of the start, `ready` with the content and path of the
    ready file, `event` with a sentence about what happens later."""

    step: Say
    ready: Callable[[ready.Ready, Path], None]
    event: Say


async def up(options: Options, told: StartReporter) -> None:
    """Run a system until SIGTERM or SIGINT. Raises SetUpError where a part cannot be started; nothing runs on then."""
    folder = claim(options.data)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stopping.set)
    system = System(folder, options, told)
    try:
        await _until(stopping, asyncio.create_task(system.start()))
        await stopping.wait()
        told.step("stopping")
    finally:
        await system.stop()
        folder.release()


@asynccontextmanager
async def running(options: Options, told: StartReporter) -> AsyncIterator[None]:
    """Run a system for as long as the body of `async with` runs; signals are the caller's. Raises SetUpError as
    `up`."""
    folder = claim(options.data)
    system = System(folder, options, told)
    try:
        await system.start()
        yield
    finally:
        await system.stop()
        folder.release()


async def _until(stopping: asyncio.Event, starting: asyncio.Task[None]) -> None:
    """Wait until the start is done, or cancel it when `stopping` is set."""
    asked = asyncio.create_task(stopping.wait())
    await asyncio.wait({starting, asked}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if not starting.done():
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        return
    await starting


class System:
    """One running system on one data directory."""

    def __init__(self, folder: Folder, options: Options, told: StartReporter) -> None:
        self.folder = folder
        self.options = options
        self.told = told
        self.supervision = Supervision(told.event)
        self.ready_files = {folder.path / ready.NAME, (options.ready_file or folder.path / ready.NAME).absolute()}
        self.pipe: tuple[int, int] | None = None
        self.doors: dict[str, int] = {}
        self.environment: dict[str, str] = {}
        self.kafka = self.admin_url = ""
        self.jars: Path | None = None  # of Apache Kafka, where that is started here
        self.config: dict[str, str] = {}
        self.prepared = folder.path / "prepared"  # the file that services wait for before they begin
        # then neither a broker nor a database was there before that could have lost something
        self.is_new = not brokers.began(folder.path) and not (folder.path / DATABASE_FOLDER).exists()

    async def start(self) -> None:
        """Start everything, as much as possible at once: the services import their modules while their databases are
        made, and begin when the file `prepared` is there."""
        for stale in (*self.ready_files, self.prepared):
            stale.unlink(missing_ok=True)
        has_room(self.folder.path)
        brokers.same_as_before(self.folder.path, self.options.kafka)
        if self.options.kafka == brokers.APACHE:
            self.jars = await brokers.jars(self.told.step, self.told.event)
        self.doors = self._doors()
        parts = self._parts()
        self.environment = self._environment()
        services = asyncio.create_task(_all(self._services(self.options.services), self._open_front_door()))
        try:
            self.told.step("starting broker and database")
            await self._prepare(parts)
            system = self._described()
            self.told.step(f"starting {', '.join(self.options.services)}")
            self.prepared.touch(mode=0o600)
            await services
        finally:
            services.cancel()
        for path in self.ready_files:
            ready.write(system, path)
        self.told.ready(system, min(self.ready_files, key=lambda path: path != (self.options.ready_file or path)))

    async def begin(self, *services: str) -> None:
        """Start these services, all at once, and wait until they are ready."""
        self.told.step(f"starting {', '.join(services)}")
        await self._services(services)

    async def more(self, service: str, number: int) -> tuple[str, ...]:
        """Start `number` more processes of a service, which share its partitions; returns their names in
        `supervision`."""
        extra = [self._service(service, nth) for nth in range(2, number + 2)]
        await _all(*map(self.supervision.start, extra))
        return tuple(each.command.name for each in extra)

    async def _services(self, names: Sequence[str]) -> None:
        await _all(*(self.supervision.start(self._service(name)) for name in names))

    async def _prepare(self, parts: Sequence[Child]) -> None:
        """Start broker and database, then make topics, databases and schemas."""
        modules = MEANWHILE if self.is_new else (*MEANWHILE, *TO_LOOK)
        importing = asyncio.create_task(asyncio.to_thread(lambda: [import_module(name) for name in modules]))
        await _all(*map(self.supervision.start, parts))
        self.told.step("topics and schemas")
        await importing
        from shared.settings import load  # noqa: PLC0415
        from tools.stack import databases, schemas, sites, topics  # noqa: PLC0415

        settings = load(kafka=self.kafka, data=self.folder.path)
        site, self.config = sites.described(settings)
        await _all(topics.apply(settings, topics.of(site)), databases.make(self.admin_url, self.folder))
        await schemas.migrate(databases.owner_urls(self.folder.path))
        if self.owns_both and not self.is_new:
            await self._heal()

    @property
    def owns_both(self) -> bool:
        """Whether broker and database are this system's own: then it brings them in line by itself (contract 5.8)."""
        return self.options.kafka in {None, "", brokers.APACHE} and not self.options.database_url

    async def _broker_is_back(self) -> None:
        """It was killed, perhaps, and has lost its last seconds: the services hold themselves until that is mended."""
        if self.owns_both:
            await self._heal()

    async def _heal(self) -> None:
        """Bring databases and topics in line before a door opens; says in one line what had to be done."""
        from shared.settings import load  # noqa: PLC0415
        from shared.site import config  # noqa: PLC0415
        from tools.heal.looking import lost_something  # noqa: PLC0415
        from tools.stack import access  # noqa: PLC0415

        settings = load(kafka=self.kafka, data=self.folder.path)
        urls, site = access.databases(self.folder.path), config.load(settings.config)
        if await lost_something(urls, settings, site):
            from tools.heal.whole import heal  # noqa: PLC0415  # it imports all three services

            self.told.step("bringing databases and topics in line")
            seals = {name: access.seal_of(name, self.folder.path) for name in SERVICES}
            self.told.event((await heal(urls, settings, site, seals, actor="up")).sentence())

    async def stop(self) -> None:
        """Delete the ready file, stop the front door with the services, then the broker and the database."""
        for path in self.ready_files:
            path.unlink(missing_ok=True)
        await self.supervision.stop((FRONT_DOOR, *SERVICES))
        await self.supervision.stop_all()
        for end in self.pipe or ():
            os.close(end)

    def _doors(self) -> dict[str, int]:
        first = self.options.http_port
        wanted = {name: first and first + place for place, name in enumerate(SERVICES)}
        asked = {
            "MLLP": self.options.mllp_port,
            FRONT_DOOR: self.options.desk_port,
            **wanted,
            "broker": 0,
            "database": 0,
        }
        if self.jars:
            asked["controller"] = 0
        return self.folder.ports(asked, self.told.event)

    def _parts(self) -> list[Child]:
        """The broker and the database, where they are not given and have to be started here."""
        parts: list[Child] = []
        self.kafka, self.admin_url = self.options.kafka or "", self.options.database_url or ""
        if self.jars:
            self.kafka, child = brokers.apache(self.folder, self.jars, self.doors["broker"], self.doors["controller"])
            parts.append(replace(child, again=self._broker_is_back))
        elif not self.kafka:
            self.kafka, child = brokers.embedded(self.folder, self.doors["broker"])
            parts.append(replace(child, again=self._broker_is_back))
        if not self.admin_url:
            server = Postgres(self.folder, self.doors["database"])
            self.admin_url = server.admin_url
            parts.append(Child(server.command(), server.is_ready, server.prepare))
        return parts

    def _addresses(self) -> dict[str, str]:
        return {name: f"http://{HOST}:{self.doors[name]}" for name in SERVICES}

    def _environment(self) -> dict[str, str]:
        """The environment variables of all services."""
        key = self.folder.kept_secret("message.keys", new_message_key())
        environment = _inherited() | {
            "STEPDOWN_SESSIONS_URL": self._addresses()["intake"],
            "STEPDOWN_KAFKA": self.kafka,
            "STEPDOWN_DATA": str(self.folder.path),
            "STEPDOWN_HTTP_HOST": HOST,
            "STEPDOWN_MLLP_HOST": HOST,
            "STEPDOWN_MLLP_PORT": str(self.doors["MLLP"]),
            "STEPDOWN_START_AFTER": str(self.prepared),
        }
        if "STEPDOWN_MESSAGE_KEYS" not in environment and "STEPDOWN_MESSAGE_KEYS_FILE" not in environment:
            environment["STEPDOWN_MESSAGE_KEYS_FILE"] = str(key)
        if tokens.only_this_machine(self.kafka, self.admin_url):
            environment |= tokens.known_by(self.folder, self._desk())
        return environment

    def _desk(self) -> str:
        return f"http://{HOST}:{self.doors[FRONT_DOOR]}"

    def _described(self) -> ready.Ready:
        """The ready file's content."""
        addresses, desk = self._addresses(), self._desk()
        issued = tokens.issue(self.folder) if tokens.only_this_machine(self.kafka, self.admin_url) else {}
        links = {name: f"{desk}/{name}/sign-in#{issued['coordinator']}" for name in ready.DESKS} if issued else {}
        mllp = f"{HOST}:{self.doors['MLLP']}"
        return ready.Ready(
            kafka=self.kafka, mllp=mllp, **addresses, desk=desk, config=self.config, tokens=issued, sign_in=links
        )

    async def _open_front_door(self) -> None:
        """It needs no other part, and none of the secrets: it is started beside them all."""
        self.pipe = self.pipe or os.pipe()
        port = self.doors[FRONT_DOOR]
        services = [f"{name}={address}" for name, address in self._addresses().items()]
        if tokens.only_this_machine(self.kafka, self.admin_url):
            services.append(f"issuer={tokens.client_secret(self.folder)}")
        command = Command(
            name=FRONT_DOOR,
            arguments=[sys.executable, "-m", "tools.stack.front", str(port), *services],
            log=self.folder.log(FRONT_DOOR),
            environment=_without_settings(_inherited()) | {"STEPDOWN_PARENT_PIPE": str(self.pipe[0])},
            folder=self.folder.path,
            pass_fds=(self.pipe[0],),
        )
        await self.supervision.start(Child(command, lambda: says_ready(port)))

    def _service(self, service: str, nth: int = 1) -> Child:
        self.pipe = self.pipe or os.pipe()
        name = service if nth == 1 else f"{service}-{nth}"
        port = self.doors[service] if nth == 1 else ports({name: 0})[name]
        own = {
            "STEPDOWN_DATABASE_URL_FILE": str(self.folder.path / "secrets" / f"{service}.url"),
            "STEPDOWN_HTTP_PORT": str(port),
            "STEPDOWN_INSTANCE": "up" if nth == 1 else f"up-{nth}",
            "STEPDOWN_PARENT_PIPE": str(self.pipe[0]),
        }
        command = Command(
            name=name,
            arguments=[*self.options.program, "run", service],
            log=self.folder.log(name),
            environment=self.environment | own,
            pass_fds=(self.pipe[0],),
        )
        return Child(
            command,
            lambda: self.prepared.exists() and says_ready(port),
            patience=90.0,
            grace=20.0,
            waits_for=lambda: waits_for(port),
        )


async def _all(*starting: object) -> None:
    """Await all at once; raises the first failure after all have ended."""
    done = await asyncio.gather(*starting, return_exceptions=True)  # type: ignore[call-overload]
    for failed in (one for one in done if isinstance(one, BaseException)):
        raise failed


def _inherited() -> dict[str, str]:
    """Our own environment without STEPDOWN_DATABASE*, which is the administrator's, and with this program's folder on
    PYTHONPATH."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("STEPDOWN_DATABASE")}
    home = str(Path(__file__).resolve().parents[2])
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (home, kept.get("PYTHONPATH", ""))))
    return kept


def _without_settings(environment: dict[str, str]) -> dict[str, str]:
    """An environment for a program that has no setting of ours, and so no secret."""
    return {name: text for name, text in environment.items() if not name.startswith("STEPDOWN_")}


def says_ready(port: int) -> bool:
    """True where a service's /health/ready answers 200 within 2 s."""
    return _ready(port)[0] == http.client.OK


def waits_for(port: int) -> str:
    """Why a service is not ready, by its /health/ready; "" where it does not answer."""
    try:
        told = json.loads(_ready(port)[1] or b"{}").get("waiting_for", {})
    except ValueError:
        return ""
    return "; ".join(f"{part}: {why}" for part, why in told.items())


def _ready(port: int) -> tuple[int, bytes]:
    """Status and body of /health/ready; 0 where there is no answer within 2 s."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/health/ready")
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()
