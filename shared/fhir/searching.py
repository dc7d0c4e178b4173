"""Searching by FHIR R4's parameters: what an address asks, and whether a resource is what was asked for. Pure.

Strict: a parameter or a modifier that a type does not have is refused, so nobody takes an unfiltered answer for a
filtered one. Source: FHIR R4, Search (http://hl7.org/fhir/R4/search.html).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from shared.fhir.resources import Resource, kind_of
from shared.fhir.times import span

ParameterKind = Literal["token", "reference", "date", "string"]
MOST, USUAL = 200, 50
"""Resources of a page: at most, and where `_count` does not say."""
_MODIFIERS: Mapping[str, frozenset[str]] = {
    "token": frozenset({"", "not"}),
    "reference": frozenset({"", "Patient"}),
    "date": frozenset({""}),
    "string": frozenset({"", "exact", "contains"}),
}
_RESULT = ("_count", "_cursor", "_include", "_revinclude", "_summary", "_elements", "_format")
_SUMMARIES = frozenset({"true", "false", "data", "text"})
_FORMATS = frozenset({"json", "application/json", "application/fhir+json"})
_LONGEST = 500
"""Characters of a value at most."""


class NotAsked(Exception):
    """A search can't be done as it is asked; `name` is the parameter's where it is one of ours, else "?"."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name, self.text = name, text


class SearchParameter(NamedTuple):
    """A parameter of a type: its name and kind, and `values`, what it compares with: of a token (system, code), of a
    reference `Type/id`, of a date (first, last) as FHIR's dateTimes, of a string the text. `about`: for readers.
    `private`: its value says something of a patient, so it stands in no address that is made here. `target`: the types
    that a reference leads to."""

    name: str
    kind: ParameterKind
    values: Callable[[Any], Iterable[Any]]
    about: str = ""
    private: bool = False
    target: tuple[str, ...] = ()


def _version(one: Resource) -> Iterable[tuple[str | None, str | None]]:
    stamp = one.meta.last_updated if one.meta else None
    return [(stamp, stamp)] if stamp else []


ALWAYS = (
    SearchParameter("_id", "token", lambda one: [(None, one.id)], "the resource's id"),
    SearchParameter("_lastUpdated", "date", _version, "when it was changed last"),
)
"""Parameters of every type; the second one only where it is known when a resource was changed."""


def always(*, stamped: bool) -> Sequence[SearchParameter]:
    """The parameters of every type; `stamped`: it is known when a resource of this one was changed last."""
    return ALWAYS if stamped else ALWAYS[:1]


class Filter(NamedTuple):
    """A parameter with a modifier, and values of which one has to fit."""

    parameter: SearchParameter
    modifier: str
    values: tuple[str, ...]


class Including(NamedTuple):
    """References to follow: of resources of the type `kind`, by a parameter, to resources of a type (any: "")."""

    kind: str
    parameter: str
    target: str = ""


class SearchQuestion(NamedTuple):
    """What an address asks of a type. `ids` and `patients`: the only ids, and patients, that can fit; None: any."""

    filters: tuple[Filter, ...] = ()
    most: int = USUAL
    cursor: str | None = None
    include: tuple[Including, ...] = ()
    revinclude: tuple[Including, ...] = ()
    summary: str = "false"
    elements: tuple[str, ...] = ()
    ids: frozenset[str] | None = None
    patients: frozenset[str] | None = None
    asked: tuple[tuple[str, str], ...] = ()

    @property
    def private(self) -> bool:
        """Whether a value that was asked for may stand in no address."""
        return any(one.parameter.private for one in self.filters)


def question_of(
    given: Sequence[tuple[str, str]], parameters: Sequence[SearchParameter], *, stamped: bool = True
) -> SearchQuestion:
    """What the parameters of an address ask. Raises NotAsked."""
    known = {one.name: one for one in (*parameters, *always(stamped=stamped))}
    filters, result = list[Filter](), dict[str, list[str]]()
    for name, value in given:
        if "\0" in value or len(value) > _LONGEST:
            raise NotAsked("?", f"a value has {_LONGEST} characters at most")
        bare, _, modifier = name.partition(":")
        if bare in _RESULT and not modifier:
            result.setdefault(bare, []).append(value)
        elif bare in known:
            filters.append(_filter(known[bare], modifier, value))
        else:
            names = ", ".join(sorted({*known, *_RESULT}))
            raise NotAsked("?", f"a parameter is not known here; known are {names}")
    _choice("_format", _one(result, "_format") or "json", _FORMATS)
    return SearchQuestion(
        tuple(filters),
        most=_count(_one(result, "_count")),
        cursor=_one(result, "_cursor"),
        include=tuple(_including(one, "_include") for one in result.get("_include", ())),
        revinclude=tuple(_including(one, "_revinclude") for one in result.get("_revinclude", ())),
        summary=_choice("_summary", _one(result, "_summary") or "false", _SUMMARIES),
        elements=tuple(each for one in result.get("_elements", ()) for each in one.split(",") if each),
        ids=_only(filters, "_id"),
        patients=_patients(filters),
        asked=tuple((name, value) for name, value in given if name not in {"_cursor", "_format"}),
    )


def _one(result: Mapping[str, list[str]], name: str) -> str | None:
    told = result.get(name)
    if told and len(told) > 1:
        raise NotAsked(name, f"{name} is given once")
    return told[0] if told else None


def _choice(name: str, value: str, known: Iterable[str]) -> str:
    if value not in known:
        raise NotAsked(name, f"{name} is one of {', '.join(sorted(known))}")
    return value


def _count(text: str | None) -> int:
    if text is None:
        return USUAL
    if not (text.isascii() and text.isdigit() and len(text) < 7 and int(text) > 0):
        raise NotAsked("_count", f"_count is a number from 1; more than {MOST} are never sent")
    return min(int(text), MOST)


def _including(text: str, name: str) -> Including:
    parts = text.split(":")
    if len(parts) not in {2, 3} or not all(part.replace("-", "").isalpha() for part in parts):
        raise NotAsked(name, f"{name} is Type:parameter, or Type:parameter:Type")
    return Including(*parts)


def _filter(parameter: SearchParameter, modifier: str, value: str) -> Filter:
    if modifier not in _MODIFIERS[parameter.kind]:
        raise NotAsked(parameter.name, f"{parameter.name} does not have this modifier here")
    if parameter.kind == "date":
        for each in value.split(","):
            _range(parameter.name, each)
    values = tuple(each for each in value.split(",") if each)
    if not values:
        raise NotAsked(parameter.name, f"{parameter.name} has no value")
    return Filter(parameter, modifier, values)


def _only(filters: Iterable[Filter], name: str) -> frozenset[str] | None:
    found: frozenset[str] | None = None
    for one in filters:
        if one.parameter.name == name and one.modifier != "not":
            own = frozenset(each.rpartition("|")[2] for each in one.values)
            found = own if found is None else found & own
    return found


PATIENTS = frozenset({"patient", "subject", "beneficiary"})
"""Names of parameters whose reference is the patient."""


def _patients(filters: Iterable[Filter]) -> frozenset[str] | None:
    found: frozenset[str] | None = None
    for one in filters:
        if one.parameter.name in PATIENTS and one.parameter.kind == "reference":
            own = frozenset(each.rpartition("/")[2] for each in one.values)
            found = own if found is None else found & own
    return found


# ── does a resource fit? ──────────────────────────────────────────────────────────────────────────────────────────────


def fits(one: Resource, question: SearchQuestion) -> bool:
    """Whether a resource is what was asked for: of each filter one value fits."""
    return all(_fits(one, each) for each in question.filters)


def _fits(one: Resource, asked: Filter) -> bool:
    told = list(asked.parameter.values(one))
    match asked.parameter.kind:
        case "token":
            found = any(_token(each, value) for each in told for value in asked.values)
            return found != (asked.modifier == "not")
        case "reference":
            return any(_reference(each, value) for each in told for value in asked.values)
        case "string":
            return any(_string(each, value, asked.modifier) for each in told for value in asked.values)
    return any(_date(each, value, asked.parameter.name) for each in told for value in asked.values)


def _token(told: tuple[str | None, str | None], value: str) -> bool:
    system, bar, code = value.rpartition("|")
    if not bar:
        return told[1] == code
    return (told[0] or "") == system and (not code or told[1] == code)


def _reference(told: str, value: str) -> bool:
    """`Type/id`, an id alone, or a whole address that ends so."""
    return told == "/".join(value.split("/")[-2:]) if "/" in value else told.rpartition("/")[2] == value


def _string(told: str, value: str, modifier: str) -> bool:
    if modifier == "exact":
        return told == value
    own, other = told.casefold(), value.casefold()
    return other in own if modifier == "contains" else own.startswith(other)


_FIRST, _LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
_PREFIXES = frozenset({"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"})


def _range(name: str, value: str) -> tuple[str, datetime, datetime]:
    """(prefix, first instant, the instant after the last one) of a date that is asked for. Raises NotAsked."""
    prefix, text = (value[:2], value[2:]) if value[:2].isalpha() else ("eq", value)
    try:
        if prefix not in _PREFIXES:
            raise ValueError
        return (prefix, *span(text, UTC))
    except (ValueError, OverflowError):
        raise NotAsked(name, f"{name} is a date or an instant, with one of {', '.join(sorted(_PREFIXES))}") from None


def _date(told: tuple[str | None, str | None], value: str, name: str) -> bool:
    prefix, first, after = _range(name, value)
    begins = span(told[0], UTC)[0] if told[0] else _FIRST
    ends = span(told[1], UTC)[1] if told[1] else _LAST
    within = first <= begins and ends <= after and (begins < after or first == after)
    return {
        "eq": within,
        "ne": not within,
        "gt": ends > after,
        "lt": begins < first,
        "ge": ends > after or within,
        "le": begins < first or within,
        "sa": begins > after or (begins == after and first < after),
        "eb": ends < first or (ends == first and first < after),
    }[prefix]


# ── what of it is shown ───────────────────────────────────────────────────────────────────────────────────────────────

MANDATORY: Mapping[str, frozenset[str]] = {
    "Appointment": frozenset({"status", "participant"}),
    "CarePlan": frozenset({"status", "intent", "subject"}),
    "Condition": frozenset({"subject", "code"}),
    "Coverage": frozenset({"status", "beneficiary", "payor"}),
    "Encounter": frozenset({"status", "class", "subject"}),
    "EpisodeOfCare": frozenset({"status", "patient"}),
    "ServiceRequest": frozenset({"status", "intent", "subject"}),
    "Task": frozenset({"status", "intent"}),
}
"""Type → the elements that a part of a resource has, too: those that a resource must have, and the patient."""
_IN_A_SUMMARY_NOT = frozenset({"statusHistory", "diagnosis", "participant", "hospitalization", "activity", "address"})
_OF_ALL = ("resourceType", "id", "meta")
SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
"""The tag of a resource of which only a part is shown."""


def shown(one: Resource, told: dict[str, Any], question: SearchQuestion) -> dict[str, Any]:
    """The JSON of a resource, or the part of it that was asked for by `_summary` and `_elements`."""
    if question.elements:
        wanted = {*question.elements, *MANDATORY.get(kind_of(one), ()), *_OF_ALL}
        return _tagged({name: value for name, value in told.items() if name in wanted})
    if question.summary == "true":
        must = MANDATORY.get(kind_of(one), frozenset())
        return _tagged({name: v for name, v in told.items() if name in must or name not in _IN_A_SUMMARY_NOT})
    if question.summary == "text":
        wanted = {*MANDATORY.get(kind_of(one), ()), *_OF_ALL}
        return _tagged({name: value for name, value in told.items() if name in wanted})
    return told


def _tagged(told: dict[str, Any]) -> dict[str, Any]:
    return {**told, "meta": {**told.get("meta", {}), "tag": [SUBSETTED]}}
