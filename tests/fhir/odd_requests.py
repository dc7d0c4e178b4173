"""Broken and half-right requests below /fhir, for property tests: any method at any address, with odd parameters,
headers and bodies. Whatever is a value has MARKER in it, so that it is seen where it is repeated."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import yaml
from hypothesis import strategies as st

from tests.intake.fhir_stories import by_fhir, happens
from tests.intake.web import fhir_of_another
from tools.stack.front.fhir import SERVICES_OF

MARKER = "MARKER"
STORY = happens([("transfer", "4E"), ("leave", ""), ("back", ""), ("discharge", "")])
TAKEN = (
    "Encounter",
    "Patient",
    "Coverage",
    "Condition",
    "ServiceRequest",
    "Observation",
    "QuestionnaireResponse",
    "Consent",
)
KINDS = sorted({*SERVICES_OF, *TAKEN, "Bundle", "Medication", "encounter"})
IDS = [
    "x1", "p-1-2", "a-1-2", "p-", "a-", "-", "1000000012", "a" * 64, "b" * 65, "c" * 3000, f"p-{MARKER}-1", MARKER,
    f"{MARKER}\0", "..", "é", "'", "%", "$everything", "_history", "_search", " ", "p-" + "0" * 32 + "-" + "0" * 16,
]  # fmt: skip
_WORDS = yaml.safe_load(Path(__file__).with_name("odd_names.yml").read_text(encoding="utf-8"))
NAMES: list[str] = _WORDS["parameters"]
ELEMENTS: list[str] = _WORDS["elements"]
MODIFIERS = ["", "", "", ":not", ":exact", ":contains", ":missing", ":Patient", f":{MARKER}", ":"]
VALUES = [
    "", "1", "0", "-1", "200", "201", "999999", "9" * 400, "1e3", "true", "json", "xml", "text", MARKER,
    f"{MARKER}|{MARKER}", f"|{MARKER}", f"{MARKER}|", "|", ",", ",,,", f"Patient/{MARKER}",
    f"http://x/Patient/{MARKER}", "2026", "ge2026-01-01", "xx2026", "ge", "0000-01-01", "9999-12-31T23:59:59Z",
    "2026-02-30", f"lt{MARKER}", "Encounter:episode-of-care", "Task:based-on", "Condition:encounter",
    f"{MARKER}:{MARKER}", "*", ":", "a:b:c:d", "AAAA", "fHx8", "fHw", "MXwyfDM", "p.AAAA", "a.", f"a.{MARKER}",
    "a" * 501, "\0", f"{MARKER}\0", "é", "\u2028", "%00", "'; --", "in-progress", "php",
]  # fmt: skip
TYPES = [
    *["application/fhir+json"] * 12, "application/fhir+json; charset=utf-8", "application/json",
    "application/fhir+xml", "text/plain", "", f"{MARKER}/{MARKER}", "application/x-www-form-urlencoded",
    "multipart/form-data", "application/fhir+json; charset=utf-16", "application/fhir+json;;;",
]  # fmt: skip
HEADERS = {
    "if-match": ['W/"1"', 'W/"0"', "*", MARKER, '"', 'W/"999999999999999999999"', ""],
    "if-none-match": ['W/"1"', "*", MARKER, ",,", ""],
    "if-none-exist": [
        f"identifier={MARKER}", f"identifier=s|{MARKER}", MARKER, "", "identifier=", f"?identifier={MARKER}&x=1",
        f"status={MARKER}", "identifier=" + "9" * 3000, "identifier=|",
    ],
    "accept": ["application/fhir+xml", "*/*", "application/fhir+json", MARKER, ""],
    "prefer": ["return=representation", "return=minimal", "respond-async", MARKER],
    "authorization": ["Bearer", f"Bearer {MARKER}", "Basic eDp5", "", f"Bearer {MARKER}.{MARKER}.{MARKER}"],
    "x-forwarded-prefix": ["/x", MARKER],
    "traceparent": [MARKER, "00-" + "0" * 32 + "-" + "0" * 16 + "-00"],
}  # fmt: skip
ODD = [
    None, "", MARKER, 0, -1, 1e300, 10**30, True, [], {}, [None], [MARKER], {MARKER: MARKER}, "2026-13-45",
    "9999-12-31", "0001-01-01T00:00:00Z", "#p", "#", "urn:uuid:1", "Patient/", "x" * 5000, f"{MARKER}\0", "é",
    "POST", "PUT",
]  # fmt: skip


class OddRequest(NamedTuple):
    """A request: what is sent to which address."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None


@st.composite
def requests(draw: st.DrawFn) -> OddRequest:
    """Any of them."""
    method = draw(st.sampled_from(["GET"] * 6 + ["POST"] * 6 + ["PUT"] * 3 + ["PATCH", "DELETE", "HEAD", "OPTIONS"]))
    headers = {
        name: draw(st.sampled_from(HEADERS[name]))
        for name in draw(st.sets(st.sampled_from(sorted(HEADERS)), max_size=2))
    }
    path, kind, own = draw(addresses())
    body = None
    if method in {"POST", "PUT", "PATCH"} or draw(st.integers(0, 9)) == 0:
        headers["content-type"] = draw(st.sampled_from(TYPES))
        body = draw(bodies(kind, own))
        if path.endswith("/_search") and draw(st.booleans()):
            headers["content-type"], body = "application/x-www-form-urlencoded", draw(forms())
    asked = draw(
        st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(MODIFIERS), st.sampled_from(VALUES)), max_size=4)
    )
    if draw(st.booleans()) and asked:
        path += "?" + "&".join(f"{name}{quote(modifier)}={quote(value)}" for name, modifier, value in asked)
    return OddRequest(method, path, headers, body)


@st.composite
def addresses(draw: st.DrawFn) -> tuple[str, str, str]:
    """(An address, the type in it, the id in it)."""
    prefix = draw(st.sampled_from([""] * 6 + ["/intake", "/placement", "/aftercare"]))
    kind, own = draw(st.sampled_from(draw(st.sampled_from([KINDS, TAKEN, TAKEN])))), draw(st.sampled_from(["x1", *IDS]))
    quoted = quote(own)
    rest = draw(st.sampled_from([
        "", "", "/", "/metadata", "/$process-message", "/.well-known/smart-configuration", f"//{kind}", f"/{quoted}",
        *[f"/{kind}"] * 4, *[f"/{kind}/{quoted}"] * 3, f"/{kind}/", f"/{kind}/_search", f"/{kind}/_search",
        f"/{kind}/{quoted}/_history", f"/{kind}/{quoted}/_history/1", f"/{kind}/$validate",
    ]))  # fmt: skip
    return f"{prefix}/fhir{rest}", kind, own


@st.composite
def bodies(draw: st.DrawFn, kind: str, own: str) -> bytes:
    """A body: a resource or Bundle with odd elements, one that lies deep or is long, no JSON at all."""
    what = draw(st.sampled_from(["resource"] * 4 + ["bundle"] * 4 + ["deep", "long", "bytes", "text", "form"]))
    match what:
        case "resource":
            told = fhir_of_another.told(kind, f"{MARKER}1", "GOODHEALTH") if kind in TAKEN else by_fhir(STORY[-1])
            return _json(_mutated(draw, {**told, "id": own[:64]}))
        case "bundle":
            return _json(_mutated(draw, _bundle(draw)))
        case "deep":
            depth = draw(st.sampled_from([60, 64, 65, 2000, 100_000]))
            opened, closed = draw(st.sampled_from([(b"[", b"]"), (b'{"contained":[', b"]}"), (b'{"a":', b"}")]))
            return b'{"resourceType":"Encounter","x":' + opened * depth + b"1" + closed * depth + b"}"
        case "long":
            number = draw(st.sampled_from([499, 500, 501, 5000]))
            entries = [{"resource": {"resourceType": "Basic"}}] * number
            return _json({"resourceType": "Bundle", "type": "batch", "entry": entries})
        case "bytes":
            return draw(st.binary(max_size=100))
        case "form":
            return draw(forms())
    return draw(st.sampled_from([
        b"", b"null", b"[]", b'"MARKER"', b"{}", b'{"resourceType":"Encounter"', b"NaN", b'{"resourceType":null}',
        b'{"resourceType":"Encounter","resourceType":"Patient"}', b"\xff\xfe{}",
        b'{"resourceType":"\\ud800"}', b"<Encounter/>",
    ]))  # fmt: skip


@st.composite
def forms(draw: st.DrawFn) -> bytes:
    """Parameters of a search as a form."""
    asked = draw(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=4))
    return "&".join(f"{name}={quote(value)}" for name, value in asked).encode()


def _bundle(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["transaction"] * 3 + ["batch"] * 3 + ["message", "collection", "searchset", MARKER]))
    entries: list[dict[str, Any]] = []
    for number in range(draw(st.integers(0, 4))):
        of = draw(st.sampled_from([*TAKEN, "Location", "MessageHeader", "Medication"]))
        told = fhir_of_another.told(of, f"{MARKER}2", "GOODHEALTH") if of in TAKEN else {"resourceType": of, "id": "x1"}
        method = draw(st.sampled_from(["POST"] * 4 + ["PUT"] * 4 + ["DELETE", "GET", MARKER]))
        url = draw(
            st.sampled_from(
                [of, f"{of}/x1", of, f"{of}/x1", f"{of}/{MARKER}", f"/{of}", f"{of}?identifier={MARKER}", ""]
            )
        )
        entries.append({"fullUrl": f"urn:uuid:{number}", "resource": told, "request": {"method": method, "url": url}})
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def _mutated(draw: st.DrawFn, told: dict[str, Any]) -> dict[str, Any]:
    told = copy.deepcopy(told)
    for _ in range(draw(st.integers(0, 3))):
        way = draw(st.sampled_from(_ways(told)))
        holder: Any = told
        for step in way[:-1]:
            holder = holder[step]
        odd = copy.deepcopy(draw(st.sampled_from(ODD)))
        if isinstance(holder, dict) and draw(st.booleans()):
            holder[draw(st.sampled_from(ELEMENTS))] = odd
        else:
            holder[way[-1]] = odd
    return told


def _ways(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every element."""
    found = [at] if at else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in items:
        found += _ways(each, (*at, name))
    return found


def _json(told: Any) -> bytes:
    return json.dumps(told).encode("utf-8", "surrogatepass")
