"""What aftercare's API asks of a request: body, parameters, keys, versions. No answer repeats what was sent."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection
from http import HTTPStatus
from typing import TypeVar

from pydantic import ValidationError
from starlette.requests import ClientDisconnect, Request

from services.aftercare.commands import Command
from shared import idempotency
from shared.auth import Caller
from shared.web import Problem

MOST, USUAL = 200, 50
BODY_BYTES = 64 * 1024
Asked = TypeVar("Asked", bound=Command)


async def body(request: Request) -> bytes:
    """The whole body. Raises 413 for one that is too long, 400 where it ends early."""
    found = bytearray()
    try:
        async for part in request.stream():
            found += part
            if len(found) > BODY_BYTES:
                text = f"a body may have {BODY_BYTES} bytes at most"
                raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-long", text)
    except ClientDisconnect:
        raise Problem(HTTPStatus.BAD_REQUEST, "cut-short", "the body ended before its end") from None
    return bytes(found)


def read(model: type[Asked], raw: bytes) -> Asked:
    """The body as a command. Raises 400 for what is no JSON, 422 that names the fields by our own names."""
    try:
        return model.model_validate_json(raw or b"{}")
    except ValidationError as wrong:
        errors = wrong.errors(include_input=False, include_context=False, include_url=False)
    if any(error["type"] == "json_invalid" for error in errors):
        raise Problem(HTTPStatus.BAD_REQUEST, "invalid", "the body is not JSON")
    fields = [{"field": _place(model, error["loc"]), "problem": error["type"]} for error in errors]
    raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "unfit", "some fields are not as they must be", fields=fields)


def _place(model: type[Command], place: tuple[int | str, ...]) -> str:
    """Where it is; a name that the sender chose shows as `?`."""
    return ".".join(str(part) if part in model.model_fields else "?" for part in place[:1])


def unfit(field: str, text: str) -> Problem:
    """422 that names one field."""
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "unfit", text, fields=[{"field": field, "problem": "unfit"}])


def key(request: Request, asking: Caller, content: bytes) -> idempotency.Request | None:
    """The caller's Idempotency-Key with what it stands for; None where none was sent."""
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    if not (1 <= len(given) <= idempotency.LONGEST and given.isascii() and given.isprintable()):
        text = f"an Idempotency-Key has 1 to {idempotency.LONGEST} printable ASCII characters"
        raise Problem(HTTPStatus.BAD_REQUEST, "invalid", text)
    return idempotency.Request(asking.subject, given, request.method, request.url.path, content)


def etag(sequence: int) -> str:
    """The ETag of everything in an episode: aftercare's own last sequence in it."""
    return f'"{sequence}"'


def if_match(request: Request) -> int | None:
    """The sequence that the asker saw; None: whatever it is. A tag that we never gave fits none (RFC 9110 13.1.1)."""
    given = request.headers.get("if-match", "*").strip()
    if given == "*":
        return None
    number = given.strip('"')
    fits = given == f'"{number}"' and number.isascii() and number.isdigit() and len(number) < 16
    return int(number) if fits else -1


def parameters(request: Request, known: Collection[str]) -> dict[str, str]:
    """The query's parameters. Raises 422 for one that is not known, told twice, or no text."""
    given = request.query_params.multi_items()
    names = [name for name, _ in given]
    if unknown := set(names) - set(known):
        text = f"{len(unknown)} parameters are not known here; known are {', '.join(sorted(known))}"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "unfit", text, fields=[{"field": "?", "problem": "unknown"}])
    if bad := [name for name, value in given if "\0" in value or names.count(name) > 1]:
        raise unfit(bad[0], "a parameter is given once, and is text")
    return dict(given)


def one_of(given: dict[str, str], name: str, known: Collection[str]) -> str | None:
    """A parameter that has one of some values."""
    value = given.get(name)
    if value is not None and value not in known:
        raise unfit(name, f"{name} is one of {', '.join(known)}")
    return value


def limit(given: dict[str, str]) -> int:
    """How long a page may be."""
    text = given.get("limit", str(USUAL))
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= MOST):
        raise unfit("limit", f"limit is a number from 1 to {MOST}")
    return int(text)


def cursor(*last: str) -> str:
    """Where the next page begins."""
    return base64.urlsafe_b64encode("|".join(last).encode()).decode()


def behind(given: dict[str, str]) -> tuple[str, str] | None:
    """The way back of `cursor`; None for the first page."""
    text = given.get("cursor")
    if text is None:
        return None
    try:
        first, mark, second = base64.urlsafe_b64decode(text.encode("ascii")).decode().partition("|")
    except (ValueError, binascii.Error):
        first = second = mark = ""
    if not mark or "\0" in second:
        raise no_cursor()
    return first, second


def no_cursor() -> Problem:
    """A cursor of somebody's own."""
    return unfit("cursor", "the cursor is not one that a page before gave")


def scope(asking: Caller) -> frozenset[str] | None:
    """The facilities that the caller may see; None: all."""
    return None if "*" in asking.facilities else asking.facilities


def missing() -> Problem:
    """Not there, or not in the caller's scope: the same answer."""
    return Problem(HTTPStatus.NOT_FOUND, "not-found", "there is none of that id that you may see")
