"""The record number is where the documents say that it is, and nowhere else on a topic."""

from __future__ import annotations

import typing
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from shared.events import BILLING, CARE_FACTS, Disclosed, EpisodeState
from shared.events.base import PatientNumber
from shared.events.published import PublishedStruct, model_of

ROOT = Path(__file__).resolve().parents[2]


def models_in(of: Any) -> set[type]:
    """The models and structs that a type is made of, itself among them."""
    if isinstance(of, type) and issubclass(of, PublishedStruct):
        return models_in(model_of(of)) | {of}
    if isinstance(of, type) and issubclass(of, BaseModel):
        return {of}.union(*(models_in(field.annotation) for field in of.model_fields.values()))
    return set().union(*map(models_in, typing.get_args(of)))


def test_the_documents_name_each_type_with_a_record_number() -> None:
    told = {name for name, model in CARE_FACTS.items() if PatientNumber in models_in(model)}
    assert told == {f"care.{name}.v1" for name in ("admitted", "visit-started", "patients-merged", "patients-unmerged")}
    assert all(PatientNumber in models_in(model) for model in BILLING.values())
    assert not {PatientNumber} & (models_in(EpisodeState) | models_in(Disclosed))
    page = (ROOT / "docs/consume-the-events.md").read_text("utf-8")
    assert [name for name in told if f"`{name}`" not in page] == []
    [line] = [line for line in (ROOT / "SECURITY.md").read_text("utf-8").splitlines() if "the MRN" in line]
    assert "on `admitted`, `visit-started`, merges of patients and service periods only" in line
