"""The front door's own answers: a page with one sentence for people, problem+json (RFC 9457) for programs."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from typing import Any, NamedTuple

import orjson

from tools.stack.front.headers import Header


class Refusal(NamedTuple):
    """Why no service answers: a code that stays, a title and a sentence."""

    code: str
    title: str
    text: str


REFUSALS = {
    HTTPStatus.NOT_FOUND: Refusal("not-found", "Not found", "There is no such page."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Refusal("too-long", "Too long", "What was sent is too long."),
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: Refusal("too-long", "Too long", "What was sent is too long."),
    HTTPStatus.BAD_GATEWAY: Refusal(
        "broken-off", "No answer", "This part of Stepdown broke off its answer: try again in a moment."
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: Refusal(
        "try-again", "Away", "This part of Stepdown is away at the moment: try again in a minute."
    ),
    HTTPStatus.GATEWAY_TIMEOUT: Refusal(
        "too-slow", "No answer", "This part of Stepdown takes too long to answer: try again in a moment."
    ),
}
_PAGE = """\
<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · Stepdown</title>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{text}</p>
<p><a href="/">{back}</a></p>
</main>
</body>
</html>
"""
_SAFE: tuple[Header, ...] = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)


def refusal(scope: Mapping[str, Any], status: HTTPStatus) -> tuple[list[Header], bytes]:
    """Headers and body of an answer that no service gave; a page where the browser asks for one to show."""
    wanted: dict[bytes, bytes] = dict(scope["headers"])
    if b"text/html" in wanted.get(b"accept", b"") and "/api/" not in scope["path"]:
        language = wanted.get(b"accept-language", b"").decode("latin-1")
        kind, body = b"text/html; charset=utf-8", _page(language, REFUSALS[status])
    else:
        kind, body = b"application/problem+json", _problem(status, REFUSALS[status])
    again = [(b"retry-after", b"2")] if status is HTTPStatus.SERVICE_UNAVAILABLE else []
    return [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *again, *_SAFE], body


def _page(accepted: str, why: Refusal) -> bytes:
    from shared.web.words import say, speak  # noqa: PLC0415 - the catalogs' library is slow to import

    language = speak(accepted)
    said = {"title": say(why.title), "text": say(why.text), "back": say("Back to the first page")}
    return _PAGE.format(language=language, **{name: escape(text) for name, text in said.items()}).encode()


def _problem(status: HTTPStatus, why: Refusal) -> bytes:
    kind = f"urn:stepdown:problem:{why.code}"
    return orjson.dumps({"type": kind, "title": status.phrase, "status": int(status), "detail": why.text})
