"""What a service has of one patient, as a part of the patient's page or as a page of its own (part.html): its address,
how its forms lead back, and how it is drawn.

Asked for by a script (htmx names itself in `HX-Request`) it is a fragment, else a page.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from shared.web import requests
from shared.web.app import Problem
from shared.web.auth import Caller
from shared.web.form_posts import Shown
from shared.web.forms import Refused
from shared.web.pages import Notice, Pages
from shared.web.prefix import base
from shared.web.sessions import page_caller

_IN_A_PAGE = "hx-request"
"""The header by which htmx asks for a fragment."""
PATIENT = "patient"
"""The parameter by which a form says on whose page it was."""
Part: TypeAlias = Callable[[Request, Caller, str, Notice | None, Refused | None], Awaitable[Response]]
"""Makes the part of one patient: from the request, the caller, the patient's id, a notice, and a refused form."""


def shown(part: Part, readers: Sequence[str]) -> Callable[[Request], Awaitable[Response]]:
    """GET of the part by these roles; to another role the fragment is empty, and its place on the page is not shown.
    Raises NotSignedIn, and 403 and 422 Problems, beside what `part` raises."""

    async def page(request: Request) -> Response:
        try:
            who = page_caller(request, *readers)
        except Problem as no:
            if no.status is not HTTPStatus.FORBIDDEN or _IN_A_PAGE not in request.headers:
                raise
            return Response(media_type="text/html")
        requests.parameters(request, ())
        return await part(request, who, request.path_params["patient_id"], None, None)

    return page


def or_else(part: Part, other: Shown) -> Shown:
    """The page that a refused form was on: the part where the form says so, else `other`."""

    async def either(
        request: Request, who: Caller, asked: Mapping[str, str], notice: Notice | None, refused: Refused | None
    ) -> Response:
        if PATIENT not in asked:
            return await other(request, who, asked, notice, refused)
        return await part(request, who, asked[PATIENT], notice, refused)

    return either


def rendered(
    frame: Pages,
    request: Request,
    who: Caller,
    patient_id: str,
    told: Mapping[str, Any],
    *,
    notice: Notice | None,
    refused: Refused | None,
) -> Response:
    """The part as an answer. `told`: its `heading`, its `sections`, and the sentence for when it is `empty`."""
    given: dict[str, Any] = {
        "who": who,
        "patient_id": patient_id,
        "whole": _IN_A_PAGE not in request.headers,
        "back": urlencode({PATIENT: patient_id}),
        "here": address(request, patient_id) if refused else "",
        **told,
    }
    said = {"notice": notice} if notice else {}
    return frame.render(request, "part.html", notice.status if notice else 200, **given, **said)


def address(request: Request, patient_id: str) -> str:
    """The address of a patient's part."""
    return f"{base(request)}/patients/{quote(patient_id, safe='')}/part"


def place(request: Request, back: Mapping[str, str]) -> str:
    """Where a form leads back to: the patient's page behind the front door, else the part itself; the lists where the
    form was on these."""
    if PATIENT not in back:
        return f"{base(request)}/" + (f"?{urlencode(back)}" if back else "")
    if base(request):
        return f"/placement/patients/{quote(back[PATIENT], safe='')}"
    return address(request, back[PATIENT])
