"""The pages of intake in a browser: what is here and where people work, and what is wrong with an address."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from shared.web.pages import Pages

FRAME = Pages("Intake")
"""The frame of sign-in and sign-out, which are intake's for all services."""
_PAGE = """\
<!doctype html>
<html lang="en">
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
<p>{more}</p>
</main>
</body>
</html>
"""
_HERE = "Messages of hospitals, referrals, assessments and consents come in here; it is for programs, not for people."
_WHERE = 'What may be asked and sent: <a href="/api/openapi.json">/api/openapi.json</a>. People work at the desks.'
_BACK = '<a href="/">What is here</a>'


def routes() -> list[Route]:
    """GET /."""
    return [Route("/", _front)]


async def _front(_: Request) -> Response:
    return HTMLResponse(_PAGE.format(title="Intake", text=_HERE, more=_WHERE))


def wrong(_: Request, status: HTTPStatus, text: str) -> Response:
    """A page for a browser that says what is wrong with an address."""
    return HTMLResponse(_PAGE.format(title=status.phrase, text=f"{text}.", more=_BACK), status)
