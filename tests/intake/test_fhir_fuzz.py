"""Whatever a body of FHIR is, it gets an answer that says what is wrong with it, and repeats nothing of it."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.hl7.mapping import SiteRules
from services.intake.receiving.read import Received
from services.intake.receiving.read_fhir import read_fhir, status_of
from shared.site import config
from shared.storage.sealing import Seal
from tests.intake.fhir_stories import by_fhir, happens

NOW = datetime(2026, 3, 20, tzinfo=UTC)
RULES, SEAL = SiteRules(config.load(config.SAMPLE)), Seal({"k1": bytes(32)})
STORY = happens([("transfer", "4E"), ("leave", ""), ("back", ""), ("discharge", "")])
ODD = st.sampled_from(
    [None, "", "MARKER", 0, -1, 1e300, True, [], {}, [None], ["MARKER"], {"MARKER": "MARKER"}, "2026-13-45",
     "9999-12-31", "0001-01-01T00:00:00Z", "#p", "#", "urn:uuid:1", "Patient/", "x" * 5000]
)  # fmt: skip
NAMES = st.sampled_from(
    ["status", "class", "period", "start", "end", "location", "subject", "identifier", "value", "system", "type",
     "coding", "contained", "resourceType", "id", "meta", "lastUpdated", "statusHistory", "classHistory",
     "hospitalization", "diagnosis", "account", "participant", "serviceProvider", "reference", "display"]
)  # fmt: skip


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every element."""
    found = [at] if at else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in items:
        found += places(each, (*at, name))
    return found


def mutated(told: dict[str, Any], data: st.DataObject) -> dict[str, Any]:
    told = copy.deepcopy(told)
    for _ in range(data.draw(st.integers(1, 4))):
        way = data.draw(st.sampled_from(places(told)))
        holder: Any = told
        for step in way[:-1]:
            holder = holder[step]
        if isinstance(holder, dict) and data.draw(st.booleans()):
            holder[data.draw(NAMES)] = copy.deepcopy(data.draw(ODD))
        else:
            holder[way[-1]] = copy.deepcopy(data.draw(ODD))
    return told


def check(raw: bytes) -> None:
    for message in read_fhir(Received(raw, "fhir", NOW, fhir=True, own_id="x", facility="GOODHEALTH"), RULES, SEAL):
        assert status_of(message.outcome) in {200, 400, 413, 422}, message.outcome
        assert b"MARKER" not in message.replies[0]
        assert b'"OperationOutcome"' in message.replies[0]


@settings(max_examples=80)
@given(st.data())
def test_an_odd_encounter_gets_an_answer(data: st.DataObject) -> None:
    told = mutated(by_fhir(STORY[-1]), data)
    check(orjson.dumps(told))


@settings(max_examples=50)
@given(st.data())
def test_an_odd_bundle_gets_an_answer(data: st.DataObject) -> None:
    entries = [{"fullUrl": "urn:uuid:1", "resource": by_fhir(STORY[0])}, {"resource": by_fhir(STORY[-1])}]
    told = mutated({"resourceType": "Bundle", "type": "message", "entry": entries}, data)
    check(orjson.dumps(told))


@given(st.binary(max_size=200))
def test_bytes_get_an_answer(raw: bytes) -> None:
    check(raw)
    check(b'{"resourceType":"Encounter"' + raw)
