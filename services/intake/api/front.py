"""The pages of intake in a browser: what is here and where people work, and what is wrong with an address."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from shared.web import dead_letters
from shared.web.pages import Pages
from shared.web.prefix import base

DONE = {
    "referral-stated": "the referral is taken in: placement looks for a program",
    "assessment-stated": "the assessment is taken in",
    "consent-recorded": "the consent is recorded",
    "consent-revoked": "the consent is taken back: nothing leaves on it any more once every door has heard of it",
}
"""Action of a write → the sentence that the next page shows."""
FRAME = Pages("Intake", {**dead_letters.DONE, **DONE}, "intake")
"""The frame of intake's pages, and of sign-in and sign-out, which are intake's for all services."""
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
_HERE = (
    'Messages of hospitals, referrals, assessments and consents come in here. <a href="{base}/find">Find a patient</a>'
)
_DOCUMENT = '<a href="{base}/api/openapi.json">{base}/api/openapi.json</a>'
_WHERE = f"What may be asked and sent: {_DOCUMENT}. People work at the desks."
_BACK = '<a href="{base}/">What is here</a>'


def here(request: Request) -> Response:
    """What is here, for who is not signed in."""
    return HTMLResponse(
        _PAGE.format(title="Intake", text=_HERE.format(base=base(request)), more=_WHERE.format(base=base(request)))
    )


def wrong(request: Request, status: HTTPStatus, text: str) -> Response:
    """A page for a browser that says what is wrong with an address."""
    return HTMLResponse(
        _PAGE.format(title=status.phrase, text=f"{text}.", more=_BACK.format(base=base(request))), status
    )
