"""The documents in docs/ are those of the models, every example is valid, a change that breaks a reader is found."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import BaseModel

from shared.events import BILLING, CARE_FACTS, EPISODE_TYPE, OUT_TYPE, TOPICS, EpisodeState
from shared.events.published import PublishedStruct, as_json, read_as_struct
from tools.documents import breaks, documents, stale
from tools.documents.compatibility import incompatibilities, sets_incompatibilities
from tools.documents.examples import example_headers, examples
from tools.documents.schemas import TYPES, schemas

DOCS = Path(__file__).resolve().parents[2] / "docs"
Schema = dict[str, Any]


@pytest.fixture(scope="module", name="found")
def all_schemas() -> dict[str, Schema]:
    """The schema of each type, made once."""
    return schemas()


def test_the_committed_documents_are_those_of_the_models() -> None:
    assert stale(DOCS) == [], "run `stepdown export`"


def test_the_models_keep_what_the_committed_schemas_promise() -> None:
    assert breaks(DOCS) == []


def test_a_document_that_is_missing_changed_or_left_over_is_stale(tmp_path: Path) -> None:
    for path, text in documents().items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    assert stale(tmp_path) == []
    (tmp_path / "events.md").unlink()
    (tmp_path / "asyncapi.yaml").write_text("asyncapi: 2.6.0\n")
    (tmp_path / "schemas" / "care.gone.v1.json").write_text("{}")
    assert stale(tmp_path) == ["asyncapi.yaml", "events.md", "schemas/care.gone.v1.json"]
    assert breaks(tmp_path) == ["care.gone.v1: the type was taken away"]


def test_every_type_has_a_schema_that_is_one(found: dict[str, Schema]) -> None:
    assert found.keys() == {*CARE_FACTS, EPISODE_TYPE, *BILLING, OUT_TYPE}
    for ce_type, schema in found.items():
        Draft202012Validator.check_schema(schema)
        assert schema["$id"] == f"urn:stepdown:schema:{ce_type}"
        assert schema["additionalProperties"] is True
        assert all(part.get("description") for part in schema["properties"].values()), ce_type


def test_the_documents_name_no_place_on_a_machine() -> None:
    places = {str(DOCS.parent), str(Path.home()), tempfile.gettempdir(), "file://", "localhost"} - {"/"}
    for path, text in documents().items():
        assert not [place for place in places if place in text], path


@pytest.mark.parametrize("ce_type", sorted(TYPES))
def test_the_example_of_a_type_is_valid_and_the_model_says_the_same(ce_type: str, found: dict[str, Schema]) -> None:
    example = examples()[ce_type]
    checker = Draft202012Validator(found[ce_type], format_checker=FormatChecker())
    assert [error.message for error in checker.iter_errors(example)] == []
    model = TYPES[ce_type].model_validate(example)
    again = json.loads(json.dumps(model.model_dump(mode="json", by_alias=True, exclude_none=True)))
    assert [error.message for error in checker.iter_errors(again)] == []
    assert again.keys() == example.keys()
    assert unknown_fields(model) == []


@pytest.mark.parametrize("ce_type", sorted({EPISODE_TYPE, *BILLING}))
def test_what_is_made_as_a_struct_is_written_as_its_example(ce_type: str) -> None:
    kind: type[PublishedStruct] = BILLING.get(ce_type, EpisodeState)
    told = read_as_struct(kind, examples()[ce_type])
    assert read_as_struct(kind, as_json(told)) == told
    assert as_json(told).keys() == examples()[ce_type].keys()


def unknown_fields(model: BaseModel) -> list[str]:
    """Fields of a value, and of its parts, that its model does not have."""
    parts = [value for value in model.__dict__.values() if isinstance(value, BaseModel)]
    parts += [one for value in model.__dict__.values() if isinstance(value, tuple) for one in value]
    inner = [name for part in parts if isinstance(part, BaseModel) for name in unknown_fields(part)]
    return [*(model.model_extra or {}), *inner]


@pytest.mark.parametrize("ce_type", sorted(TYPES))
def test_a_value_without_a_field_that_is_always_there_is_not_valid(ce_type: str, found: dict[str, Schema]) -> None:
    checker = Draft202012Validator(found[ce_type])
    for name in found[ce_type]["required"]:
        value = {key: part for key, part in examples()[ce_type].items() if key != name}
        assert not checker.is_valid(value), name


@pytest.mark.parametrize("ce_type", sorted(TYPES))
def test_a_value_with_a_field_that_nobody_knows_is_valid(ce_type: str, found: dict[str, Schema]) -> None:
    assert Draft202012Validator(found[ce_type]).is_valid(examples()[ce_type] | {"added_later": {"x": 1}})


CONTRACT = ["episode_id", "patient_id", "facility", "occurred_at", "recorded_at", "labels"]


@pytest.mark.parametrize("ce_type", sorted(CARE_FACTS))
def test_every_fact_has_what_the_contract_says_every_fact_has(ce_type: str, found: dict[str, Schema]) -> None:
    assert set(CONTRACT) <= set(found[ce_type]["required"])
    assert {"stay", "replaces", "corroborates", "derived_from", "stated_at"} <= found[ce_type]["properties"].keys()


OWN_FIELDS = {
    "referred": "source requested_level? needs?",
    "assessed": "instrument version phase score? severity? dimensions? flags? recommended_level?",
    "visit-started": "stay class",
    "visit-ended": "stay disposition?",
    "arrival-expected": "stay at unit? level? program?",
    "arrival-cancelled": "stay at unit? level? program?",
    "patient-died": "died_at? by",
    "patients-linked": "patient_ids",
    "patients-unlinked": "patient_ids",
    "admitted": "stay level visit_number unit program? setting? admission age_years?",
    "started": "stay placement_id? level program unit? admission age_years?",
    "transferred": "stay from to",
    "leave-started": "stay kind expected_return?",
    "leave-ended": "stay kind expected_return?",
    "discharged": "stay level disposition",
    "completed": "stay level reason",
    "discontinued": "stay level reason",
    "attended": "stay session_id group? date services",
    "absent": "stay session_id date reason",
    "diagnosis-recorded": "stay system code rank status",
    "coverage-changed": "effective_from coverage",
    **dict.fromkeys(
        ("patients-merged", "patients-unmerged"),
        "surviving_patient_id retired_patient_id surviving_episode_id retired_episode_id? patient? by?",
    ),
    "stepped-down": "from_level to_level from_stay to_stay days_between planned reason?",
    "stepped-up": "from_level to_level from_stay to_stay days_between planned reason?",
    "readmitted": "days discharge other_facility?",
    "conflict-raised": "conflict_id facts kind",
    "closed": "reason",
    "reopened": "reason",
    "search-opened": "from_level recommended_level needs",
    "search-closed": "reason",
    "patient-agreed": "level program? reason?",
    "patient-declined": "level program? reason?",
    "assigned": "user_id role",
    **dict.fromkeys(
        (
            "offer-sent",
            "offer-countered",
            "offer-accepted",
            "offer-declined",
            "offer-expired",
            "offer-withdrawn",
            "offer-reopened",
        ),
        "offer_id program start_date? reason?",
    ),
    "seat-held": "program group? until? reason?",
    "seat-released": "program group? until? reason?",
    "waitlisted": "program position",
    "waitlist-left": "program reason",
    "placed": "placement_id program level track? group? start_date recommended_level variance_reason?",
    "placement-cancelled": "placement_id reason",
    "start-missed": "placement_id start_date?",
    "handover-received": "placement_id arrived plan_read",
    "episode-ended": "reason",
    "conflict-settled": "conflict_id falls",
    "plan-recorded": "level hours_week days_week goals review_due",
    "medication-recorded": "system code status prescriber_npi? last_given? next_due? days_in_hand?",
    "certified": "kind from to npi signed_at?",
    "benefits-told": "kind payer? level? program? says source on reference?",
    "review-due": "review_id kind of due overdue?",
    "review-done": "review_id on by reason?",
    "discharge-planned": "stay expected_at? disposition?",
    "discharge-plan-cancelled": "stay",
    "ready-for-step": "stay at waiting_for?",
    **dict.fromkeys(
        (
            "authorization-requested",
            "authorization-pended",
            "authorization-approved",
            "authorization-denied",
            "authorization-extended",
            "authorization-ended",
        ),
        "auth_id number? payer level unit units? from to",
    ),
    "follow-up-due": "follow_up_id measure discharge due_from due_to",
    "follow-up-kept": "follow_up_id measure discharge due_from due_to kept_at mode provider_kind by_fact?",
    "follow-up-missed": "follow_up_id measure discharge due_from due_to",
    "follow-up-excluded": "follow_up_id measure discharge due_from due_to reason",
    "aftercare-started": "trigger",
    "aftercare-referred": "referral_id kind provider? replaces?",
    "referral-received": "referral_id by reason?",
    "referral-accepted": "referral_id by reason?",
    "referral-declined": "referral_id by reason?",
    "referral-scheduled": "referral_id by reason?",
    "referral-no-show": "referral_id by reason?",
    "referral-rescheduled": "referral_id by reason?",
    "referral-cancellation-requested": "referral_id by reason?",
    "referral-cancelled": "referral_id by reason?",
    "referral-completed": "referral_id by reason?",
    "appointment-scheduled": "at mode",
    "contact-attempted": "at mode outcome",
    "relapse-risk-raised": "signals reason?",
    "relapse-risk-cleared": "signals reason?",
    "calls-decided": "decision about",
    "aftercare-closed": "outcome",
    "consent-recorded": "consent_id discloser recipient? class? purpose scope from to?",
    "consent-revoked": "consent_id discloser recipient? class? purpose scope from to?",
    "consent-expired": "consent_id discloser recipient? class? purpose scope from to?",
    "merge-ended": "retired_episode_id since until",
    "leftover-settled": "facts goes_to?",
    "fact-cancelled": "cancels cancelled_type reason",
}
"""The fields of contract 3.1 to 3.5, written down a second time, by hand."""


@pytest.mark.parametrize("name", sorted(fact.TYPE for fact in CARE_FACTS.values()))
def test_a_fact_has_the_fields_of_the_contract(name: str, found: dict[str, Schema]) -> None:
    schema = found[f"care.{name}.v1"]
    for field in OWN_FIELDS[name].split():
        assert field.rstrip("?") in schema["properties"], field
        assert (field.rstrip("?") in schema["required"]) is not field.endswith("?"), field


def test_the_header_example_names_a_writer_and_a_sequence() -> None:
    for ce_type, fact in CARE_FACTS.items():
        shown = example_headers(ce_type, fact.WRITERS[0])
        assert shown["ce_subject"] == examples()[ce_type]["episode_id"]
        assert shown["ce_source"].removeprefix("/stepdown/") in fact.WRITERS
    assert {topic.name for topic in TOPICS} >= {"care.events", "care.episodes", "billing.periods"}


OLD: Schema = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "maxLength": 200},
        "level": {"$ref": "#/$defs/Level", "description": "level"},
        "at": {"type": "string", "format": "date-time"},
        "note": {"type": "string"},
        "count": {"type": "integer", "minimum": 0},
        "stays": {"type": "array", "items": {"$ref": "#/$defs/Stay"}},
        "either": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        "changed": {"type": "object", "additionalProperties": {"type": "array", "prefixItems": [{}, {}]}},
        "tree": {"$ref": "#/$defs/Tree"},
    },
    "required": ["id", "level"],
    "additionalProperties": True,
    "$defs": {
        "Level": {"type": "string", "enum": ["php", "iop"]},
        "Stay": {"type": "object", "properties": {"kind": {"type": "string"}}, "required": ["kind"]},
        "Tree": {"type": "object", "properties": {"below": {"$ref": "#/$defs/Tree"}}},
    },
}


def changed(change: Callable[[Schema], object]) -> Schema:
    """A copy of OLD with one thing done to it."""
    new = copy.deepcopy(OLD)
    change(new)
    return new


def _put(*path: str, value: Any) -> Callable[[Schema], object]:
    def change(new: Schema) -> None:
        for step in path[:-1]:
            new = new[step]
        new[path[-1]] = value

    return change


P = "properties"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda new: new[P].pop("note"), ["note: taken away"]),
        (lambda new: new[P].pop("id"), ["id: taken away"]),
        (lambda new: new["required"].append("note"), ["note: made required"]),
        (lambda new: new["required"].remove("id"), ["id: no longer always there"]),
        (_put("$defs", "Level", "enum", value=["php"]), ["level: value `iop` taken away"]),
        (_put("$defs", "Level", "enum", value=["php", "iop", "x"]), ["level: value `x` added to a closed list"]),
        (lambda new: new["$defs"]["Level"].pop("enum"), ["level: opened to any value"]),
        (_put(P, "note", "enum", value=["a"]), ["note: closed to a list of values"]),
        (_put(P, "note", "type", value="integer"), ["note: type was string, is integer"]),
        (_put(P, "count", "type", value="number"), ["count: type was integer, is number"]),
        (_put(P, "id", "maxLength", value=100), ["id: maxLength was 200, is 100"]),
        (_put(P, "note", "maxLength", value=100), ["note: maxLength was open, is 100"]),
        (_put(P, "count", "minimum", value=1), ["count: minimum was 0, is 1"]),
        (_put(P, "at", "format", value="date"), ["at: format was date-time, is date"]),
        (_put(P, "note", "const", value="x"), ["note: const was open, is x"]),
        (_put("additionalProperties", value=False), ["value.*: True became False"]),
        (_put("$defs", "Stay", "required", value=[]), ["stays[].kind: no longer always there"]),
        (_put("$defs", "Stay", P, value={}), ["stays[].kind: taken away"]),
        (_put(P, "stays", "items", value={"type": "string"}),
         ["stays[].kind: taken away", "stays[]: type was object, is string"]),
        (_put(P, "either", "anyOf", value=[{"type": "string"}]), ["either: anyOf has 1 parts instead of 2"]),
        (_put(P, "either", "anyOf", value=[{"type": "string"}, {"type": "null"}]),
         ["either(anyOf 2): type was integer, is null"]),
        (_put(P, "changed", "additionalProperties", "prefixItems", value=[{}]),
         ["changed.*: prefixItems has 1 parts instead of 2"]),
        (_put(P, "changed", "additionalProperties", value={"type": "string"}),
         ["changed.*: prefixItems has 0 parts instead of 2", "changed.*: type was array, is string"]),
        (_put("$defs", "Tree", P, value={}), ["tree.below: taken away"]),
    ],
)  # fmt: skip
def test_a_change_that_breaks_a_reader_is_named(change: Callable[[Schema], object], says: list[str]) -> None:
    assert sorted(incompatibilities(OLD, changed(change))) == says


@pytest.mark.parametrize(
    "change",
    [
        lambda new: None,
        _put(P, "added", value={"type": "string"}),
        _put(P, "note", "description", value="other words"),
        _put("title", value="other"),
        _put("$defs", "Stay", P, "added", value={"type": "integer"}),
        _put(P, "level", value={"type": "string", "enum": ["iop", "php"]}),
        _put("additionalProperties", value=True),
        lambda new: new.pop("additionalProperties"),
    ],
)
def test_a_new_optional_field_and_other_words_break_nobody(change: Callable[[Schema], object]) -> None:
    assert incompatibilities(OLD, changed(change)) == []


def test_a_type_may_come_and_none_may_go() -> None:
    assert sets_incompatibilities({"care.a.v1": OLD}, {"care.a.v1": OLD, "care.b.v1": OLD}) == []
    assert sets_incompatibilities({"care.a.v1": OLD}, {"care.a.v2": OLD}) == ["care.a.v1: the type was taken away"]


@pytest.mark.parametrize("ce_type", sorted(TYPES))
def test_a_field_taken_away_or_made_required_is_found_in_every_type(ce_type: str, found: dict[str, Schema]) -> None:
    for name in found[ce_type]["properties"]:
        without, needed = copy.deepcopy(found[ce_type]), copy.deepcopy(found[ce_type])
        del without["properties"][name]
        assert f"{name}: taken away" in incompatibilities(found[ce_type], without)
        needed["required"] = sorted({*needed["required"], name})
        expected = [] if name in found[ce_type]["required"] else [f"{name}: made required"]
        assert incompatibilities(found[ce_type], needed) == expected
