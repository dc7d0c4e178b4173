"""Doors by which resources of FHIR R4 are read and searched: routes made from one table of types (contract 6).

A read or a search answers by the caller's roles, facilities and SMART scopes; each resource of a patient that is shown
is audited. Pages follow each other by an opaque cursor, whatever was added meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http import HTTPStatus
from importlib import metadata
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qsl, urlencode

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.clock import Clock
from shared.fhir import searching
from shared.fhir.capability import TypeTold, statement
from shared.fhir.elements import Meta, Reference
from shared.fhir.outcomes import issue
from shared.fhir.resources import Resource, kind_of
from shared.fhir.searching import Including, NotAsked, SearchParameter, SearchQuestion
from shared.scope import Scope
from shared.storage import audit
from shared.storage.database import Connection, Database
from shared.web import paging, requests
from shared.web.app import Problem, caller
from shared.web.auth import Caller
from shared.web.fhir import answering, fhir, may
from shared.web.prefix import base as prefix_of

BATCHES = 20
"""How many batches of candidates are looked at for a page; a page of which more may come has a link to the next."""
INCLUDED = 500
"""Resources that are included with a page at most."""
SENT = 64 * 1024
"""Bytes of a search that is sent by POST at most."""
Place = tuple[str, str, str]
"""Where a resource stands in the order of its type."""
START: Place = ("", "", "")


class ShownResource(NamedTuple):
    """A resource, its place, and what the audit notes that it was shown of: an episode or a patient; "": of nobody."""

    place: Place
    resource: Resource
    subject: str = ""


Rows = Sequence[ShownResource]


class Batch(NamedTuple):
    """Resources in their order, and the place after which more come; None: there are no more."""

    found: Rows
    end: Place | None


class ReadingLook(NamedTuple):
    """Who looks, through which connection, and what was loaded for the same request."""

    connection: Connection
    who: Caller
    now: datetime
    kept: dict[Any, Any]

    @property
    def scope(self) -> Scope:
        """What may be seen."""
        return self.who.scope


class ResourceReader(Protocol):
    """Where resources of a type come from."""

    async def one(self, look: ReadingLook, kind: str, own_id: str) -> ShownResource | None:
        """The resource with this id; None where there is none in scope."""

    async def batch(self, look: ReadingLook, kind: str, asked: SearchQuestion, after: Place) -> Batch:
        """Some resources after a place, of the ids and patients that are asked for; more may be among them."""


@dataclass(frozen=True)
class ReadType:
    """A type that is read and searched. `include`: names of reference parameters that `_include` follows, with `:Type`
    where the others that it leads to are another service's; `revinclude`: `Type:parameter` of others that `_revinclude`
    brings."""

    kind: str
    roles: tuple[str, ...]
    reader: ResourceReader
    parameters: tuple[SearchParameter, ...] = ()
    include: tuple[str, ...] = ()
    revinclude: tuple[str, ...] = ()
    stamped: bool = True
    """Whether it is known when one was changed last, so that `_lastUpdated` can be asked."""

    @property
    def told(self) -> TypeTold:
        """What the CapabilityStatement says of it."""
        include = [f"{self.kind}:{name}" for name in self.include]
        return TypeTold(self.kind, self.parameters, include, self.revinclude, stamped=self.stamped)

    def includes(self, one: Including) -> bool:
        """Whether all that is asked to be included can be: of a parameter that leads to another service's types, too,
        the type is named (decision 0253)."""
        if f"{one.parameter}:{one.target}" in self.include:
            return True
        targets = next((each.target for each in self.parameters if each.name == one.parameter), ())
        return one.parameter in self.include and (not one.target or not targets or one.target in targets)


class Reads:
    """The doors of a table of types, with a database and a clock. `more`: what the CapabilityStatement says besides, of
    types that are only taken in."""

    def __init__(
        self, every: Iterable[ReadType], database: Database, clock: Clock, more: Sequence[TypeTold] = ()
    ) -> None:
        self.types = {one.kind: one for one in every}
        self.database, self.clock, self.more = database, clock, more
        self._since = clock().isoformat(timespec="seconds")

    def routes(self) -> list[Route]:
        """The routes; also `/fhir/metadata`, which anybody may read."""
        found = [Route("/fhir/metadata", answering(self.metadata), methods=["GET"])]
        for kind in self.types:
            for path, method, answer in (
                (f"/fhir/{kind}", "GET", self.search),
                (f"/fhir/{kind}/_search", "POST", self.search),
                (f"/fhir/{kind}/{{id}}", "GET", self.read),
            ):
                found.append(Route(path, answering(partial(answer, kind)), methods=[method]))
        return found

    async def metadata(self, request: Request) -> Response:
        """The CapabilityStatement."""
        told = {one.kind: one.told for one in self.types.values()}
        for one in self.more:
            there = told.get(one.kind)
            told[one.kind] = there._replace(interactions=(*there.interactions, *one.interactions)) if there else one
        every = [told[kind] for kind in sorted(told)]
        return fhir(orjson.dumps(statement(every, base(request), metadata.version("stepdown"), self._since)))

    async def read(self, kind: str, request: Request) -> Response:
        """One resource; 304 where the caller has it already."""
        who = caller(request, *self.types[kind].roles)
        may(who, kind, "r")
        question = _question(request.query_params.multi_items(), (), only=("_summary", "_elements", "_format"))
        async with self.database.begin() as connection:
            look = ReadingLook(connection, who, self.clock(), {})
            found = await self.one(look, kind, request.path_params["id"])
            if found is None:
                raise requests.missing()
            await self._noted(look, kind, "read", [found])
        told, tag = _told(found.resource)
        if tag in [one.strip() for one in request.headers.get("if-none-match", "").split(",")]:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"etag": tag})
        return fhir(orjson.dumps(searching.shown(found.resource, told, question)), headers={"etag": tag})

    async def one(self, look: ReadingLook, kind: str, own_id: str) -> ShownResource | None:
        """A resource by its id; None where there is none."""
        if "\0" in own_id or len(own_id) > 64:
            return None
        return await self.types[kind].reader.one(look, kind, own_id)

    async def search(self, kind: str, request: Request) -> Response:
        """A page of what is asked for, by GET, or by POST with the parameters in the body."""
        row = self.types[kind]
        who = caller(request, *row.roles)
        may(who, kind, "s")
        question = _question(await _asked(request), row.parameters, stamped=row.stamped)
        self._check(row, question, who)
        async with self.database.begin() as connection:
            look = ReadingLook(connection, who, self.clock(), {})
            page, more = await self._page(look, row, question)
            beside = await self._included(look, row, question, page)
            await self._noted(look, kind, "searched", [*page, *beside], private=question.private)
        return fhir(orjson.dumps(_bundle(request, kind, question, page, beside, more)))

    def _check(self, row: ReadType, question: SearchQuestion, who: Caller) -> None:
        """Raise a Problem where something is to be included that is not offered (400), or not in the token's scopes."""
        for one in question.include:
            if one.kind != row.kind or not row.includes(one):
                every = ", ".join(row.told.include) or "none"
                raise _bad("_include", f"to be included are {every}; what another service has is read by its reference")
        for one in question.revinclude:
            if f"{one.kind}:{one.parameter}" not in row.revinclude:
                raise _bad("_revinclude", f"to be included are {', '.join(row.revinclude) or 'none'}")
            may(who, one.kind, "s")
            requests.one_of_roles(who, self.types[one.kind].roles)

    async def _page(self, look: ReadingLook, row: ReadType, question: SearchQuestion) -> tuple[Rows, Place | None]:
        """(The resources of the page, the place of the next one or None)."""
        found: list[ShownResource] = []
        place = _place(question.cursor)
        for _ in range(BATCHES):
            batch = await row.reader.batch(look, row.kind, question, place)
            for one in batch.found:
                if not searching.fits(one.resource, question):
                    continue
                if len(found) == question.most:
                    return found, found[-1].place
                found.append(one)
            if batch.end is None:
                return found, None
            place = batch.end
        return found, place

    async def _included(
        self, look: ReadingLook, row: ReadType, question: SearchQuestion, page: Rows
    ) -> list[ShownResource]:
        """What is included with a page, each once."""
        known = {(kind_of(one.resource), one.resource.id) for one in page}
        found: list[ShownResource] = []
        for wanted in question.include:
            async for one in self._referred(look, row, wanted, page):
                _add(found, known, one)
        for wanted in question.revinclude:
            async for one in self._referring(look, wanted, page):
                _add(found, known, one)
        return found

    async def _referred(
        self, look: ReadingLook, row: ReadType, wanted: Including, page: Rows
    ) -> AsyncIterator[ShownResource]:
        values = next(each.values for each in row.parameters if each.name == wanted.parameter)
        for reference in dict.fromkeys(each for one in page for each in values(one.resource)):
            kind, _, own_id = reference.partition("/")
            there = self.types.get(kind)
            if there is None or wanted.target not in {"", kind} or not look.who.roles & {*there.roles, "admin"}:
                continue
            may(look.who, kind, "r")
            if (one := await self.one(look, kind, own_id)) is not None:
                yield one

    async def _referring(self, look: ReadingLook, wanted: Including, page: Rows) -> AsyncIterator[ShownResource]:
        row = self.types[wanted.kind]
        parameter = next(each for each in row.parameters if each.name == wanted.parameter)
        targets = {f"{kind_of(one.resource)}/{one.resource.id}" for one in page}
        patients = frozenset(each for one in page for each in patients_of(one.resource)) or None
        if not targets:
            return
        place: Place = START
        for _ in range(BATCHES):
            batch = await row.reader.batch(look, row.kind, SearchQuestion(patients=patients), place)
            for one in batch.found:
                if targets & set(parameter.values(one.resource)):
                    yield one
            if batch.end is None:
                return
            place = batch.end

    async def _noted(
        self, look: ReadingLook, kind: str, how: str, every: Iterable[ShownResource], *, private: bool = False
    ) -> None:
        """Audit who saw a resource of whom (45 CFR 164.312(b)), and who asked for a person whom nobody is."""
        subjects = dict.fromkeys(one.subject for one in every if one.subject) or (["nobody"] if private else [])
        action = f"fhir-{how}"
        entries = [audit.Entry(look.now, look.who.subject, action, each, kind) for each in subjects]
        await audit.note(look.connection, entries)


def patients_of(one: Resource) -> list[str]:
    """The ids of the patient whom a resource is about."""
    told = [each for name in _WHOSE if isinstance(each := getattr(one, name, None), Reference)]
    return [each.reference.partition("/")[2] for each in told if each.reference]


_WHOSE = ("subject", "patient", "for_patient", "beneficiary")
"""Elements that refer to the patient."""


def _add(found: list[ShownResource], known: set[tuple[str, str]], one: ShownResource) -> None:
    key = (kind_of(one.resource), one.resource.id)
    if key not in known and len(found) < INCLUDED:
        known.add(key)
        found.append(one)


def base(request: Request) -> str:
    """The FHIR base that was asked, which is the same for whichever service answers behind one host."""
    return f"{request.url.scheme}://{request.url.netloc}{prefix_of(request)}/fhir"


def _bad(name: str, text: str) -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, "invalid", text, fields=[{"field": name, "problem": "invalid"}])


def _question(
    given: Sequence[tuple[str, str]],
    parameters: Sequence[SearchParameter],
    only: Sequence[str] = (),
    *,
    stamped: bool = True,
) -> SearchQuestion:
    """What is asked. Raises a Problem (400)."""
    if only and any(name not in only for name, _ in given):
        raise _bad("?", f"a parameter is not known here; known are {', '.join(only)}")
    try:
        return searching.question_of(given, parameters, stamped=stamped)
    except NotAsked as no:
        raise _bad(no.name, no.text) from None


async def _asked(request: Request) -> list[tuple[str, str]]:
    given = request.query_params.multi_items()
    if request.method == "GET":
        return given
    requests.media_type(request, ("application/x-www-form-urlencoded",))
    try:
        text = (await requests.body(request, SENT)).decode()
        return [*given, *parse_qsl(text, keep_blank_values=True, max_num_fields=200)]
    except ValueError:
        raise _bad("?", "the body is no form") from None


def _place(cursor: str | None) -> Place:
    """The place that a cursor names. Raises a Problem (400)."""
    if cursor is None:
        return START
    try:
        last = paging.behind({"cursor": cursor}, 3)
    except Problem:
        last = None
    if last is None:
        raise _bad("_cursor", "the cursor is not one that a page before gave")
    return last[0], last[1], last[2]


def _told(one: Resource) -> tuple[dict[str, Any], str]:
    """The JSON of a resource with its version, and its ETag: both of its content, so they tell of nothing else."""
    told: dict[str, Any] = msgspec.to_builtins(one)
    version = hashlib.blake2b(orjson.dumps(told), digest_size=10).hexdigest()
    meta = one.meta or Meta()
    told["meta"] = {**msgspec.to_builtins(meta), "versionId": version}
    return told, f'W/"{version}"'


def _bundle(  # noqa: PLR0917 - what an answer needs
    request: Request,
    kind: str,
    question: SearchQuestion,
    page: Rows,
    beside: Rows,
    more: Place | None,
) -> dict[str, Any]:
    """A searchset. Where a value that was asked for may stand in no address, no link has it, and there is no next."""
    here = f"{base(request)}/{kind}"
    asked = [one for one in question.asked if not question.private]
    links = [{"relation": "self", "url": _address(here, asked)}]
    if more is not None and not question.private:
        links.append({"relation": "next", "url": _address(here, [*asked, ("_cursor", paging.cursor(*more))])})
    entries = [_entry(request, one, question, "match") for one in page]
    entries += [_entry(request, one, question, "include") for one in beside]
    if question.private and more is not None:
        entries.append(_cut())
    told: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "link": links}
    if more is None and question.cursor is None:
        told["total"] = len(page)
    return {**told, "entry": entries} if entries else told


def _cut() -> dict[str, Any]:
    text = "there are more: ask more narrowly, or for more at once by _count"
    told = {"resourceType": "OperationOutcome", "issue": [issue("incomplete", text, severity="warning")]}
    return {"resource": told, "search": {"mode": "outcome"}}


def _entry(request: Request, one: ShownResource, question: SearchQuestion, mode: str) -> dict[str, Any]:
    told, _ = _told(one.resource)
    told = searching.shown(one.resource, told, question) if mode == "match" else told
    url = f"{base(request)}/{kind_of(one.resource)}/{one.resource.id}"
    return {"fullUrl": url, "resource": told, "search": {"mode": mode}}


def _address(here: str, asked: Sequence[tuple[str, str]]) -> str:
    return f"{here}?{urlencode(asked)}" if asked else here
