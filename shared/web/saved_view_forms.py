"""POST /views and /views/{id}/deleted: a person keeps a list as it is filtered, under a name, and deletes it again."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from shared.ids import random_id
from shared.storage import audit, saved_views
from shared.storage.saved_views import SavedView
from shared.web import requests
from shared.web.csv_lists import OF_PAGES
from shared.web.desk import Desk
from shared.web.form_posts import back_of
from shared.web.prefix import base
from shared.web.sessions import form, page_caller
from shared.web.tables import PARAMETERS

LONGEST = 40
"""Characters of a view's name."""
_KEPT = PARAMETERS - (OF_PAGES - {"density"})
"""What of a page's address a view keeps: a place in a list and an open form are none of it."""


class SavedViewForms:
    """The forms of a desk's saved views."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> Sequence[BaseRoute]:
        """Both addresses."""
        page = self._desk.frame.page
        return [
            Route("/views", page(self._save), methods=["POST"]),
            Route("/views/{id}/deleted", page(self._delete), methods=["POST"]),
        ]

    async def _save(self, request: Request) -> Response:
        """Raises a 422 Problem for a name that does not fit or an address without a list, Rejected for too many
        views."""
        who = page_caller(request, *self._desk.source.readers)
        fields = await form(request)
        back = back_of(fields.get("form_back", ""), self._desk.source.filters)
        name = " ".join(fields.get("name", "").split(" ")).strip()
        if not (0 < len(name) <= LONGEST and name.isprintable()):
            raise requests.unfit("name", f"a view's name has 1 to {LONGEST} characters that print")
        kept = {each: value for each, value in back.items() if each in _KEPT and value}
        chosen = self._desk.question(who, kept).chosen
        if chosen is None:
            raise requests.unfit("list", "a view is of one list")
        at, view = (
            self._desk.clock(),
            SavedView(random_id(), chosen.name, name, urlencode(kept | {"list": chosen.name})),
        )
        async with self._desk.database.begin() as connection:
            await saved_views.save(connection, who.subject, view, at)
            await audit.note(connection, [audit.Entry(at, who.subject, "view-saved", chosen.name)])
        return self._desk.frame.lead(f"{base(request)}/?{view.query}", "view-saved")

    async def _delete(self, request: Request) -> Response:
        """Raises a 404 Problem for a view that is not the reader's."""
        who = page_caller(request, *self._desk.source.readers)
        fields, view_id = await form(request), request.path_params["id"]
        async with self._desk.database.begin() as connection:
            if "\0" in view_id or not await saved_views.delete(connection, who.subject, view_id):
                raise requests.missing()
            await audit.note(connection, [audit.Entry(self._desk.clock(), who.subject, "view-deleted", view_id)])
        back = back_of(fields.get("form_back", ""), self._desk.source.filters)
        return self._desk.frame.lead(base(request) + self._desk.address(back), "view-deleted")
