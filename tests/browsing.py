"""A browser as far as our pages need one: cookies, forms filled in and sent, redirects followed; no script runs."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx


class Form(NamedTuple):
    """A form of a page: where it goes, what is in its fields."""

    label: str
    address: str
    fields: dict[str, str]


class _Rows(HTMLParser):
    """Rows of a page (`li`, else the page itself), each with its text and its forms by their button's label."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[list[str], dict[str, Form]]] = [([], {})]
        self.row = self.depth = 0
        self.notice: list[str] = []
        self.form: Form | None = None
        self.inside: list[str] = []
        self.select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        if tag == "li":
            self.depth += 1
            if self.depth == 1:  # within a row there may be a list of its own
                self.rows.append(([], {}))
                self.row = len(self.rows) - 1
        elif tag == "form":
            self.form = Form("", has.get("action", ""), {})
        elif tag == "input" and self.form is not None and "name" in has:
            self.form.fields[has["name"]] = has.get("value", "")
        elif tag == "select":
            self.select = has["name"]
            if self.form is not None:
                self.form.fields[self.select] = ""
        elif tag == "option" and self.form is not None and "selected" in has:
            self.form.fields[self.select] = has.get("value", "")
        elif tag == "p" and "notice" in has.get("class", "").split():
            self.inside.append("notice")
        if tag == "button":
            self.inside.append("button")

    def handle_endtag(self, tag: str) -> None:
        if tag == "li":
            self.depth -= 1
            self.row = self.row if self.depth else 0
        elif tag in {"button", "p"} and self.inside:
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if not text:
            return
        if self.inside[-1:] == ["notice"]:
            self.notice.append(text)
        elif self.inside[-1:] == ["button"] and self.form is not None:
            self.rows[self.row][1][text] = self.form._replace(label=text)
        self.rows[self.row][0].append(text)


class Page:
    """An answer as its reader sees it."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer, self.status, self.text = answer, answer.status_code, answer.text
        self.address = answer.url.raw_path.decode()
        self._rows = _Rows()
        self._rows.feed(self.text)
        self.notice = " ".join(self._rows.notice)

    def forms(self, row: str, facility: str = "") -> dict[str, Form]:
        """The forms of the first row that has these words (several with ` + ` between), by their buttons' labels."""
        for words, forms in self._rows.rows[1:]:
            text = " ".join(words)
            if all(each in text for each in (*row.split(" + "), facility)):
                return forms
        raise AssertionError(f"no row says {row}")

    @property
    def frame(self) -> dict[str, Form]:
        """The forms outside of rows."""
        return self._rows.rows[0][1]


class Browser:
    """Opens pages and sends their forms; cookies are kept. `below`: the prefix by which it reaches the service, as
    behind the front door."""

    def __init__(self, client: httpx.AsyncClient, below: str = "") -> None:
        self.client, self.below = client, below

    async def open(self, path: str, **query: str) -> Page:
        """GET of a path below the prefix, redirects followed."""
        given = {name: value for name, value in query.items() if value}
        return Page(await self.client.get(self.below + path, params=given, follow_redirects=True))

    async def follow(self, address: str) -> Page:
        """GET of a link."""
        assert urlsplit(address).path == f"{self.below}/"
        return Page(await self.client.get(address, follow_redirects=True))

    async def press(self, page: Page, row: str, label: str, **fields: str) -> Page:
        """Fill in the form of a row's button and send it."""
        forms = page.forms(row)
        assert label in forms, f"{label} is none of {sorted(forms)}"
        form = forms[label]
        unknown = (
            set(fields) - {"mode", "outcome", "reason", "provider_kind", "by", "kind", "program"} - set(form.fields)
        )
        assert not unknown, f"the form has no {unknown}"
        return await self.send(page, form, **fields)

    async def send(self, page: Page, form: Form, **fields: str) -> Page:
        """Send a form as it is with other fields; the form token is the page's own."""
        token = {"form_token": own["form_token"]} if (own := self._token(page)) else {}
        answer = await self.client.post(form.address, data={**form.fields, **token, **fields}, follow_redirects=True)
        return Page(answer)

    def _token(self, page: Page) -> dict[str, Any]:
        return next((form.fields for form in page.frame.values() if "form_token" in form.fields), {})

    async def sign_in(self, token: str) -> Page:
        """Paste a token on the sign-in page."""
        page = await self.open("/sign-in")
        return await self.send(page, page.frame["Sign in"], token=token)
