"""A browser as far as our pages need one: cookies, forms filled in and sent, redirects followed; no script runs."""

from __future__ import annotations

import re
from functools import cached_property
from html.parser import HTMLParser
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx


class Form(NamedTuple):
    """A form of a page: where it goes, what is in its fields."""

    label: str
    address: str
    fields: dict[str, str]
    link: str = ""
    """Where it has questions: the address of the page on which it is open."""


class _Rows(HTMLParser):
    """Rows of a page's tables (`tr.row` with the `tr.form` below it) and entries of its lists (`ul.entries`), else the
    page itself, each with its text and its forms by their button's label."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[list[str], dict[str, Form]]] = [([], {})]
        self.cells: list[dict[str, list[str]]] = [{}]
        self.row = 0
        self.lists: list[bool] = []
        self.column = self.link = self.undo = ""
        self.opened: Form | None = None
        self.notice: list[str] = []
        self.form: Form | None = None
        self.inside: list[str] = []
        self.select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        classes = has.get("class", "").split()
        if tag in {"ul", "ol"}:
            self.lists.append("entries" in classes)
        entry = tag == "li" and bool(self.lists) and self.lists[-1]
        if entry or (tag == "tr" and "row" in classes):
            self.rows.append(([], {}))
            self.cells.append({})
        if tag in {"td", "th"}:
            self.column = classes[0] if classes else ""
        if entry or (tag == "tr" and set(classes) & {"row", "form"}):
            self.row = len(self.rows) - 1
        elif tag == "a" and {"button", "act"} <= set(classes):
            self.link = has.get("href", "")
            self.inside.append("link")
        elif tag == "a" and "undo" in classes:
            self.undo = has.get("href", "")
            self.inside.append("undo")
        elif tag == "p" and "notice" in classes:
            self.inside.append("notice")
        elif tag == "button":
            self.inside.append("button")
        else:
            self._field(tag, has)

    def _field(self, tag: str, has: dict[str, str]) -> None:
        """A form, or what is in its fields."""
        if tag == "form":
            self.form = Form("", has.get("action", ""), {})
            if has.get("id") == "open":
                self.opened = self.form
        elif tag == "input" and has.get("type") == "checkbox" and "checked" not in has:
            return  # it is not sent
        elif tag == "input" and self.form is not None and "name" in has:
            self.form.fields[has["name"]] = has.get("value", "")
        elif tag == "select":
            self.select = has["name"]
            if self.form is not None:
                self.form.fields[self.select] = ""
        elif tag == "option" and self.form is not None and "selected" in has:
            self.form.fields[self.select] = has.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"ul", "ol"} and self.lists:
            self.lists.pop()
        if tag == "tr" or (tag == "li" and self.lists and self.lists[-1]):
            self.row = 0
        elif tag == "form":
            self.form = None
        elif self.inside and tag == _TAGS.get(self.inside[-1]):
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if not text:
            return
        if self.inside[-1:] == ["notice"]:
            self.notice.append(text)
        elif self.inside[-1:] == ["button"] and self.form is not None:
            self.rows[self.row][1][text] = self.form._replace(label=text)
        elif self.inside[-1:] == ["link"]:
            self.rows[self.row][1].setdefault(text, Form(text, "", {}, self.link))
        self.rows[self.row][0].append(text)
        self.cells[self.row].setdefault(self.column, []).append(text)


_TAGS = {"link": "a", "undo": "a", "button": "button", "notice": "p"}
"""What is read between two tags → the tag."""


_TOKEN = re.compile(r'(?<=name="form_token" value=")[^"]*')


class Page:
    """An answer as its reader sees it; `unmasked`: its text without form tokens, which differ in every answer."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer, self.status, self.text = answer, answer.status_code, answer.text
        self.address = answer.url.raw_path.decode()
        self.unmasked = _TOKEN.sub("", self.text)

    @cached_property
    def _rows(self) -> _Rows:
        found = _Rows()
        found.feed(self.text)
        return found

    @property
    def notice(self) -> str:
        """The notices, in order."""
        return " ".join(self._rows.notice)

    @property
    def opened(self) -> Form | None:
        """The form that is open."""
        return self._rows.opened

    @property
    def undo(self) -> str:
        """The address of the link that takes back what was just done."""
        return self._rows.undo

    def cells(self, row: str) -> dict[str, str]:
        """Column → what the first row that has these words shows in it."""
        for words, cells in zip(self._rows.rows[1:], self._rows.cells[1:], strict=True):
            if row in " ".join(words[0]):
                return {name: " ".join(texts) for name, texts in cells.items()}
        raise AssertionError(f"no row says {row}")

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
        form = await self.opened(page, row, label)
        unknown = (
            set(fields) - {"mode", "outcome", "reason", "provider_kind", "by", "kind", "program"} - set(form.fields)
        )
        assert not unknown, f"the form has no {unknown}"
        return await self.send(page, form, **fields)

    async def opened(self, page: Page, row: str, label: str) -> Form:
        """The form of a row's button, with its questions: they are asked on a page of their own address."""
        form = page.forms(row)[label]
        if not form.link:
            return form
        opened = Page(await self.client.get(form.link.partition("#")[0]))
        assert opened.opened is not None, f"{label} is not possible any more"
        return opened.opened._replace(label=label)

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

    async def enter(self, token: str) -> None:
        """The same, without opening the page that it leads to."""
        page = await self.open("/sign-in")
        form = page.frame["Sign in"]
        answer = await self.client.post(form.address, data={**form.fields, "token": token})
        assert answer.status_code == 303, answer.status_code
