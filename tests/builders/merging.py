"""Merges of patients, and copies of facts under the surviving episode."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.facts.envelope import Fact
from tests.builders.making import EPISODE, PATIENT, fact, with_value


def merged(
    into: str,
    when: str | datetime = "2026-03-20 10:00",
    *,
    episode: str = EPISODE,
    patient_id: str = PATIENT,
    survivor: str = "",
    name: str = "patients-merged",
    **more: Any,
) -> Fact:
    """A hospital says that the patient of `episode` is another one, whose episode is `into`."""
    own = {
        "surviving_patient_id": survivor or f"patient-of-{into}",
        "retired_patient_id": patient_id,
        "surviving_episode_id": into,
        "retired_episode_id": episode if into != episode else None,
        "by": "message",
        "labels": (),
    }
    return fact(name, when, episode=episode, patient_id=patient_id, **(own | more))


def unmerged(into: str, when: str | datetime = "2026-03-22 10:00", **more: Any) -> Fact:
    """The same facility says that they are two after all."""
    return merged(into, when, name="patients-unmerged", **more)


def copied(of: Fact, into: str, patient_id: str = "", **changes: Any) -> Fact:
    """The fact as its writer states it under the surviving episode."""
    told = {"episode_id": into, "patient_id": patient_id or f"patient-of-{into}", "replaces": None, **changes}
    value = {name: each for name, each in (of.as_json | told).items() if each is not None}
    return replace(with_value(of, value), id=f"{of.id}-in-{into}", subject=into, copy_of=of.id)
