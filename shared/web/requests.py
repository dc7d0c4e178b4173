"""Reading the parts of an API request: body, parameters, idempotency key, version, scope. What does not fit raises a
Problem that repeats nothing of what was sent."""

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
"""The longest body, where an endpoint says nothing else."""
Asked = TypeVar("Asked", bound=BaseModel)


def media_type(request: Request, known: Collection[str], *, absent: bool = False) -> None:
    """Raise a 415 Problem for a content-type that is none of these (its parameters are not compared), and for a missing
    one unless `absent`."""
    told = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if told not in known and not (absent and not told):
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media-type", f"the content-type is one of {', '.join(known)}")


async def body(request: Request, most: int = BODY_BYTES) -> bytes:
    """The whole body. Raises a 413 Problem beyond `most` bytes, a 400 Problem where the connection ends before it."""
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
    """The body as a value of the model. Raises a 400 Problem for what is not JSON, and a 422 Problem that names the
    fields that do not fit."""
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
    """The place of an error as dotted names; a name that is not the model's own, and so the sender's, shows as `?`."""
    return ".".join(str(part) if isinstance(part, int) or part in known else "?" for part in place)


def _names(model: type[BaseModel]) -> frozenset[str]:
    """The names in JSON of the fields of a model, and of the models within it."""
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
    """A 422 Problem about one field; `problem` is a code for what is wrong with it."""
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "unfit", text, fields=[{"field": field, "problem": problem}])


def invalid(text: str) -> Problem:
    """A 400 Problem with this sentence."""
    return Problem(HTTPStatus.BAD_REQUEST, "invalid", text)


def missing(code: str = "not-found", text: str = "there is none of that id that you may see") -> Problem:
    """The 404 Problem for what is not there, and for what is outside the caller's scope: nobody can tell them apart."""
    return Problem(HTTPStatus.NOT_FOUND, code, text)


def key(request: Request, asking: Caller, content: bytes) -> idempotency.Request | None:
    """The request's Idempotency-Key with the request that it stands for; None where none was sent. Raises a 400 Problem
    for an empty or overlong key, or one with other than printable ASCII characters."""
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    if not (1 <= len(given) <= idempotency.LONGEST and given.isascii() and given.isprintable()):
        raise invalid(f"an Idempotency-Key has 1 to {idempotency.LONGEST} printable ASCII characters")
    return idempotency.Request(asking.subject, given, request.method, request.url.path, content, scope_text(asking))


def scope_text(asking: Caller) -> str:
    """The caller's facilities as one text, sorted, with blanks between."""
    return " ".join(sorted(asking.facilities))


def etag(version: int) -> str:
    """The ETag of everything that belongs to an episode: the episode's version in this service."""
    return f'"{version}"'


def if_match(request: Request) -> int | None:
    """The version in If-Match; None for `*` or no header: any version will do. A tag that no answer of ours had is -1,
    which matches no version (RFC 9110 13.1.1)."""
    given = request.headers.get("if-match", "*").strip()
    if given == "*":
        return None
    number = given.strip('"')
    fits = given == f'"{number}"' and number.isascii() and number.isdigit() and len(number) < 16
    return int(number) if fits else -1


def parameters(request: Request, known: Collection[str]) -> dict[str, str]:
    """The query's parameters. Raises a 422 Problem for one that is not in `known`, is there twice, or contains NUL."""
    given = request.query_params.multi_items()
    names = [name for name, _ in given]
    if unknown := set(names) - set(known):
        text = f"{len(unknown)} parameters are not known here; known are {', '.join(sorted(known))}"
        raise unfit("?", text, "unknown")
    if bad := [name for name, value in given if "\0" in value or names.count(name) > 1]:
        raise unfit(bad[0], "a parameter is given once, and is text")
    return dict(given)


def one_of(given: dict[str, str], name: str, known: Collection[str]) -> str | None:
    """A parameter that has to be one of the values in `known`; None where it is absent. Raises a 422 Problem."""
    value = given.get(name)
    if value is not None and value not in known:
        raise unfit(name, f"{name} is one of {', '.join(known)}")
    return value


def scope(asking: Caller, facility: str | None = None) -> Scope:
    """What the caller may see, or of that one facility only. Raises a 403 Problem for a facility that is not the
    caller's."""
    if facility is None:
        return asking.scope
    within(asking, facility)
    return Scope(frozenset({facility}))


def one_of_roles(asking: Caller, roles: Collection[str]) -> None:
    """Raise a 403 Problem for a caller who has none of these roles and is not admin."""
    if not asking.roles & {*roles, "admin"}:
        raise Problem(HTTPStatus.FORBIDDEN, "forbidden", f"this needs one of the roles {', '.join(roles)}")


def within(asking: Caller, facility: str) -> None:
    """Raise a 403 Problem for a facility that the caller may not see."""
    if not asking.may_see(facility):
        raise Problem(HTTPStatus.FORBIDDEN, "forbidden", "this facility is not in your scope")
