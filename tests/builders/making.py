"""One fact with its envelope and every field defaulted, facts in their writers' order, what takes a fact back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from shared.events.base import type_name
from shared.facts.envelope import Fact
from shared.facts.values import read_fact

ZONE = ZoneInfo("America/New_York")
EPISODE = "episode-1"
PATIENT = "patient-1"
FACILITY = "GOODHEALTH"
ELSEWHERE = "RIVERBEND"
ENDS = frozenset({"visit-ended", "discharged", "completed", "discontinued"})
_numbers = count(1)


def at(text: str | datetime, *, end: bool = False) -> datetime:
    """A local time as an instant; a day alone is 00:00 of it, or 24:00 for an end."""
    if isinstance(text, datetime):
        return text
    found = datetime.fromisoformat(text).replace(tzinfo=ZONE)
    if len(text) == len("2026-03-02") and end:
        found = datetime.combine(found.date() + timedelta(days=1), found.timetz())
    return found


def fact(
    name: str,
    when: str | datetime = "2026-03-02 10:00",
    *,
    writer: str = "intake",
    ce_id: str | None = None,
    sequence: int | None = None,
    episode: str = EPISODE,
    patient_id: str = PATIENT,
    facility: str = FACILITY,
    labels: Iterable[str] = ("PSY",),
    stay: tuple[str, str] | None = None,
    replaces: Fact | str | None = None,
    corroborates: Fact | str | None = None,
    stated_at: str | datetime | None = None,
    **own: Any,
) -> Fact:
    """Any fact; `own` are the fields of its type, and None leaves one out."""
    number = next(_numbers)
    occurred = at(when, end=name in ENDS).isoformat()
    value: dict[str, Any] = {
        "episode_id": episode,
        "patient_id": patient_id,
        "facility": facility,
        "occurred_at": occurred,
        "recorded_at": occurred,
        "labels": list(labels),
        "stay": {"kind": stay[0], "id": stay[1]} if stay else None,
        "stated_at": at(stated_at).isoformat() if stated_at else occurred if writer == "intake" else None,
        "replaces": id_of(replaces),
        "corroborates": id_of(corroborates),
        **own,
    }
    body = orjson.dumps({field: content for field, content in value.items() if content is not None})
    return Fact(
        id=ce_id or f"{name}-{number}",
        type=type_name(name),
        writer=writer,
        subject=episode,
        sequence=number if sequence is None else sequence,
        time=occurred,
        value=read_fact(type_name(name), body),
        body=body,
    )


def with_value(of: Fact, value: dict[str, Any]) -> Fact:
    """The same fact, saying this."""
    body = orjson.dumps(value)
    return replace(of, value=read_fact(of.type, body), body=body)


def of_episode(episode: str, of: Fact) -> Fact:
    """The same fact of another episode."""
    return replace(with_value(of, of.as_json | {"episode_id": episode}), subject=episode)


def id_of(of: Fact | str | None) -> str | None:
    return of.id if isinstance(of, Fact) else of


def a_story(*facts: Fact) -> list[Fact]:
    """These facts as their writers would have stated them: sequences 1,2,3… for each writer."""
    given: dict[str, int] = {}
    told = []
    for one in facts:
        given[one.writer] = given.get(one.writer, 0) + 1
        told.append(replace(one, sequence=given[one.writer]))
    return told


def seen(facts: Iterable[Fact]) -> dict[str, int]:
    """The last sequence of each writer."""
    last: dict[str, int] = {}
    for one in facts:
        last[one.writer] = max(last.get(one.writer, 0), one.sequence)
    return last


def cancelled(target: Fact, *, when: str | datetime | None = None, writer: str | None = None, **more: Any) -> Fact:
    """The fact was never so; by its own writer unless another is named."""
    own = {"cancels": target.id, "cancelled_type": target.type, "reason": "cancelled-by-sender"}
    told = when or datetime.fromisoformat(target.as_json["occurred_at"])
    return fact("fact-cancelled", told, writer=writer or target.writer, **(own | more))


def restated(target: Fact, **changes: Any) -> Fact:
    """The same fact with other content, in the place of the first: `replaces` names it. `when` moves it."""
    number = next(_numbers)
    when = changes.pop("when", None)
    value = {**target.as_json, "replaces": target.id, **changes}
    if when is not None:
        value["occurred_at"] = at(when, end=target.name in ENDS).isoformat()
    return with_value(replace(target, id=f"{target.name}-{number}", sequence=number), value)
