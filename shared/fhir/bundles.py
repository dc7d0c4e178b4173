"""FHIR R4 Bundles: entries with their resources as bytes, and finding what a reference in one of them means."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec
from msgspec import Raw

from shared.fhir.elements import Element, Identifier, Meta, Reference, ResourceHead


class EntryRequest(Element):
    """What is asked for with an entry of a transaction or batch."""

    method: str | None = None
    url: str | None = None
    if_match: str | None = None
    if_none_exist: str | None = None


class EntryResponse(Element):
    """What came of an entry: the HTTP status, and where the resource is."""

    status: str
    location: str | None = None
    etag: str | None = None
    last_modified: str | None = None


class BundleEntry(Element):
    """A resource of a Bundle, as the bytes in which it came, and the address that references to it name."""

    full_url: str | None = None
    resource: Raw = Raw()
    request: EntryRequest | None = None
    response: EntryResponse | None = None


class Bundle(Element):
    """Resources together: a message, a transaction, a batch, a search's answer."""

    resource_type: str = ""
    id: str | None = None
    meta: Meta | None = None
    identifier: Identifier | None = None
    type: str | None = None
    timestamp: str | None = None
    entry: tuple[BundleEntry, ...] = ()


NOTHING = frozenset({b"", b"null"})
"""The bytes of an entry's resource where there is none."""


class Found(NamedTuple):
    """A resource: its type, its id, and its bytes."""

    kind: str
    id: str | None
    raw: bytes
    full_url: str | None = None


_head = msgspec.json.Decoder(ResourceHead).decode


class _Contained(Element):
    contained: tuple[Raw, ...] = ()


_contained = msgspec.json.Decoder(_Contained).decode


def found(raw: bytes, full_url: str | None = None) -> Found:
    """What a resource says of itself. Raises msgspec.ValidationError for what is no resource."""
    head = _head(raw)
    return Found(head.resource_type, head.id, raw, full_url)


class Resources:
    """The resources that came together, and what a reference in one of them means among them."""

    def __init__(self, every: Iterable[Found]) -> None:
        self.every = tuple(every)
        self._by_url = {one.full_url: one for one in self.every if one.full_url}
        self._by_id = {f"{one.kind}/{one.id}": one for one in self.every if one.id}

    def of(self, kind: str) -> Iterator[Found]:
        """Those of a type, in the order in which they came."""
        return (one for one in self.every if one.kind == kind)

    def resolve(self, reference: Reference | None, within: bytes | None = None) -> Found | None:
        """The resource that is meant: by its whole address, by type and id, or contained in the resource `within`,
        whose bytes these are. None where it did not come with the others."""
        text = reference.reference if reference else None
        if not text:
            return None
        if text.startswith("#"):
            return next((one for one in contained(within) if one.id == text[1:]), None) if within else None
        text = text.partition("/_history/")[0]
        return self._by_url.get(text) or self._by_id.get("/".join(text.split("/")[-2:]))


def contained(raw: bytes) -> list[Found]:
    """The resources that a resource contains; what is none is left out."""
    if b'"contained"' not in raw:
        return []
    every: list[Found] = []
    with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
        for one in _contained(raw).contained:
            with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
                every.append(found(bytes(one)))
    return every
