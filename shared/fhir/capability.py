"""A CapabilityStatement of FHIR R4: which types can be read and searched, by which parameters. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from shared.fhir.searching import SearchParameter, always

_TYPES: Mapping[str, str] = {"token": "token", "reference": "reference", "date": "date", "string": "string"}
_SECURITY = "http://terminology.hl7.org/CodeSystem/restful-security-service"


class TypeTold(NamedTuple):
    """What a statement says of a type: its parameters, includes and reverse includes, and what can be done."""

    kind: str
    parameters: Sequence[SearchParameter]
    include: Sequence[str]
    revinclude: Sequence[str]
    interactions: Sequence[str] = ("read", "search-type")
    stamped: bool = True


def statement(every: Iterable[TypeTold], base: str, version: str, at: str) -> dict[str, Any]:
    """The statement of a server at this base; `at`: since when it is so, a dateTime."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": at,
        "kind": "instance",
        "software": {"name": "Stepdown", "version": version},
        "implementation": {"description": "Transitions of care", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [
            {
                "mode": "server",
                "security": {
                    "cors": False,
                    "service": [{"coding": [{"system": _SECURITY, "code": "SMART-on-FHIR"}]}],
                    "description": "A bearer token of the site's issuer: its roles say what may be read, its "
                    "facilities of whom; SMART scopes in it narrow that (docs/connect-by-fhir.md).",
                },
                "resource": [_resource(one) for one in every],
            }
        ],
    }


def _resource(one: TypeTold) -> dict[str, Any]:
    searched = (*always(stamped=one.stamped), *one.parameters) if "search-type" in one.interactions else ()
    told: dict[str, Any] = {
        "type": one.kind,
        "interaction": [{"code": each} for each in one.interactions],
        "versioning": "no-version",
        "searchInclude": list(one.include),
        "searchRevInclude": list(one.revinclude),
        "searchParam": [_parameter(each) for each in searched],
    }
    return {name: value for name, value in told.items() if value}


def _parameter(one: SearchParameter) -> dict[str, str]:
    told = {"name": one.name, "type": _TYPES[one.kind]}
    return {**told, "documentation": one.about} if one.about else told


def merged(statements: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One statement of several servers behind one base: the first one's, with the types of all. What two have of a type
    is put together; a parameter that one of them lacks is left out, since a search asks both."""
    found: dict[str, dict[str, Any]] = {}
    for told in statements:
        for one in told["rest"][0]["resource"]:
            there = found.get(one["type"])
            found[one["type"]] = _both(there, one) if there else dict(one)
    first = dict(statements[0])
    return {**first, "rest": [{**first["rest"][0], "resource": [found[kind] for kind in sorted(found)]}]}


def _both(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    told = dict(one)
    codes = [each["code"] for each in one["interaction"]]
    told["interaction"] = [*one["interaction"], *(e for e in other["interaction"] if e["code"] not in codes)]
    searched = [each for each in (one, other) if any(e["code"] == "search-type" for e in each["interaction"])]
    if len(searched) == 1:
        told |= {name: searched[0][name] for name in _SEARCHED if name in searched[0]}
    elif searched:
        names = {each["name"] for each in other.get("searchParam", ())}
        told["searchParam"] = [each for each in one.get("searchParam", ()) if each["name"] in names]
        for name in ("searchInclude", "searchRevInclude"):
            told[name] = [each for each in one.get(name, ()) if each in other.get(name, ())]
    return {name: value for name, value in told.items() if value}


_SEARCHED = ("searchParam", "searchInclude", "searchRevInclude")
