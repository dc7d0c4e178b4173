"""What an API asks of a request: body, command, parameters, key, version, scope. No answer repeats what was sent."""

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus
from typing import TypeVar, get_args

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from shared.scope import Scope
from shared.web import idempotency
from shared.web.app import Problem
from shared.web.auth import Caller

BODY_BYTES = 64 * 1024
Asked = TypeVar("Asked", bound=BaseModel)


def media_type(request: Request, known: Collection[str], *, absent: bool = False) -> None:
    """Refuse a content-type that is none of these (415); its parameters don't matter."""
    told = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if told not in known and not (absent and not told):
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media-type", f"the content-type is one of {', '.join(known)}")


async def body(request: Request, most: int = BODY_BYTES) -> bytes:
    """The whole body. Raises 413 beyond `most` bytes, 400 where it ends early."""
    found = bytearray()
    try:
        async for part in request.stream():
            found += part
            if len(found) > most:
                raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-long", f"a body may have {most} bytes at most")
    except ClientDisconnect:
        raise Problem(HTTPStatus.BAD_REQUEST, "cut-short", "the body ended before its end") from None
    return bytes(found)


def read(model: type[Asked], raw: bytes) -> Asked:
    """The body as a command. Raises 400 for what is no JSON, 422 that names the fields by our own names."""
    try:
        return model.model_validate_json(raw)
    except ValidationError as wrong:
        errors = wrong.errors(include_input=False, include_context=False, include_url=False)
    if any(error["type"] == "json_invalid" for error in errors):
        raise invalid("the body is not JSON")
    known = _names(model)
    fields = [{"field": _place(error["loc"], known), "problem": error["type"]} for error in errors]
    raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "unfit", "some fields are not as they must be", fields=fields)


def _place(place: tuple[int | str, ...], known: Collection[str]) -> str:
    """Where it is; a name that the sender chose shows as `?`."""
    return ".".join(str(part) if isinstance(part, int) or part in known else "?" for part in place)


def _names(model: type[BaseModel]) -> frozenset[str]:
    """The fields of a model and of its parts, as a sender names them."""
    found = {field.alias or name for name, field in model.model_fields.items()}
    for field in model.model_fields.values():
        for part in _parts(field.annotation):
            found |= _names(part)
    return frozenset(found)


def _parts(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [part for inner in get_args(annotation) for part in _parts(inner)]


def unfit(field: str, text: str, problem: str = "unfit") -> Problem:
    """422 that names one field."""
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "unfit", text, fields=[{"field": field, "problem": problem}])


def invalid(text: str) -> Problem:
    """400, with a sentence of ours."""
    return Problem(HTTPStatus.BAD_REQUEST, "invalid", text)


def missing(code: str = "not-found", text: str = "there is none of that id that you may see") -> Problem:
    """Not there, or not in the caller's scope: the same answer."""
    return Problem(HTTPStatus.NOT_FOUND, code, text)


def key(request: Request, asking: Caller, content: bytes) -> idempotency.Request | None:
    """The caller's Idempotency-Key with what it stands for; None: none was sent. Raises 400 for one that is none."""
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    if not (1 <= len(given) <= idempotency.LONGEST and given.isascii() and given.isprintable()):
        raise invalid(f"an Idempotency-Key has 1 to {idempotency.LONGEST} printable ASCII characters")
    return idempotency.Request(asking.subject, given, request.method, request.url.path, content, told_scope(asking))


def told_scope(asking: Caller) -> str:
    """The caller's facilities as one text."""
    return " ".join(sorted(asking.facilities))


def etag(version: int) -> str:
    """The ETag of everything in an episode: how far this service has come in it."""
    return f'"{version}"'


def if_match(request: Request) -> int | None:
    """The version that the asker saw; None: whatever it is. A tag that we never gave fits none (RFC 9110 13.1.1)."""
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
        raise unfit("?", text, "unknown")
    if bad := [name for name, value in given if "\0" in value or names.count(name) > 1]:
        raise unfit(bad[0], "a parameter is given once, and is text")
    return dict(given)


def one_of(given: dict[str, str], name: str, known: Collection[str]) -> str | None:
    """A parameter that has one of some values."""
    value = given.get(name)
    if value is not None and value not in known:
        raise unfit(name, f"{name} is one of {', '.join(known)}")
    return value


def scope(asking: Caller, facility: str | None = None) -> Scope:
    """What the caller may see, narrowed to one facility where that is asked for. Raises 403 for another's."""
    if facility is None:
        return asking.scope
    within(asking, facility)
    return Scope(frozenset({facility}))


def within(asking: Caller, facility: str) -> None:
    """Refuse a facility that is not the caller's (403)."""
    if not asking.may_see(facility):
        raise Problem(HTTPStatus.FORBIDDEN, "forbidden", "this facility is not in your scope")
