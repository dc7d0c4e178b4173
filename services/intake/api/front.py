"""The frame of intake's pages, and what is here for who is not signed in."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from shared.web import dead_letters
from shared.web.pages import Pages

DONE = {
    "referral-stated": "the referral is taken in: placement looks for a program",
    "assessment-stated": "the assessment is taken in",
    "consent-recorded": "the consent is recorded",
    "consent-revoked": "the consent is taken back: nothing leaves on it any more once every door has heard of it",
    "deletion-agreed": "it is deleted, as the message says",
    "deletion-taken-back": "what the message had deleted stands again",
    "message-read-again": "the message is read again, and what changes by it is stated",
}
"""Action of a write → the sentence that the next page shows."""
FRAME = Pages("Intake", {**dead_letters.DONE, **DONE}, "intake")
"""The frame of intake's pages, and of sign-in and sign-out, which are intake's for all services."""


def here(request: Request) -> Response:
    """What is here, for who is not signed in."""
    return FRAME.render(request, "here.html")
