"""Search parameters made of the elements that they compare with: codes and numbers, references, dates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from shared.fhir.elements import CodeableConcept, Coding, Identifier, Period, Reference
from shared.fhir.searching import SearchParameter


def token(name: str, of: Callable[[Any], Any], about: str) -> SearchParameter:
    """A parameter of codes and numbers: `of` gives a code, a Coding, concepts or identifiers."""
    return SearchParameter(name, "token", lambda one: list(_codes(of(one))), about)


def number(name: str, about: str) -> SearchParameter:
    """A parameter of identifiers, which may be a patient's."""
    return SearchParameter(name, "token", lambda one: list(_codes(one.identifier)), about, private=True)


def refers(name: str, of: Callable[[Any], Any], about: str, *target: str) -> SearchParameter:
    """A parameter of references: `of` gives one or several."""
    return SearchParameter(name, "reference", lambda one: list(_references(of(one))), about, target=target)


def dated(name: str, of: Callable[[Any], Period | str | None], about: str) -> SearchParameter:
    """A parameter of a period or an instant."""
    return SearchParameter(name, "date", lambda one: list(_dates(of(one))), about)


def _codes(told: Any) -> Iterable[tuple[str | None, str | None]]:
    match told:
        case None:
            return []
        case str():
            return [(None, told)]
        case Coding():
            return [(told.system, told.code)]
        case CodeableConcept():
            return [each for one in told.coding for each in _codes(one)]
        case Identifier():
            return [(told.system, told.value)]
    return [each for one in told for each in _codes(one)]


def _references(told: Any) -> Iterable[str]:
    every = [told] if isinstance(told, Reference) or told is None else told
    return [one.reference for one in every if one is not None and one.reference]


def _dates(told: Period | str | None) -> Sequence[tuple[str | None, str | None]]:
    if told is None:
        return []
    return [(told, told)] if isinstance(told, str) else [(told.start, told.end)]
