"""What follows from stays: placements, authorizations, conflicts, aftercare, deaths."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from shared.facts.envelope import Fact
from tests.builders.making import at, fact, id_of


def placed(
    when: str | datetime = "2026-03-08 15:00",
    *,
    placement: str = "P1",
    level: str = "iop",
    program: str = "iop-evening",
    start: str = "2026-03-10",
    **more: Any,
) -> Fact:
    """A program took the patient; the first day is agreed."""
    own = {"placement_id": placement, "level": level, "program": program, "start_date": start, "writer": "placement"}
    own["recommended_level"] = level
    return fact("placed", when, **(own | more))


def placement_cancelled(when: str | datetime = "2026-03-08 16:00", *, placement: str = "P1", **more: Any) -> Fact:
    """The placement will not be."""
    own: dict[str, Any] = {"placement_id": placement, "reason": "patient-declined", "writer": "placement"}
    return fact("placement-cancelled", when, **(own | more))


def authorization(
    move: str = "approved",
    when: str | datetime = "2026-03-09 10:00",
    *,
    auth: str = "A1",
    units: int | None = 5,
    begins: str = "2026-03-10",
    to: str = "2026-03-31",
    **more: Any,
) -> Fact:
    """The payer's word: requested, pended, approved, denied, extended or ended."""
    own: dict[str, Any] = {"auth_id": auth, "number": f"no-{auth}", "payer": "ACME", "level": "iop", "unit": "day"}
    own |= {"units": units, "from": begins, "to": to, "writer": "placement"}
    return fact(f"authorization-{move}", when, **(own | more))


def certified(
    when: str | datetime = "2026-03-10 15:00", *, begins: str = "2026-03-10", to: str = "2026-03-27", **more: Any
) -> Fact:
    """A physician certified that the level is needed."""
    own = {"kind": "initial", "from": begins, "to": to, "npi": "1000000079", "writer": "placement"}
    return fact("certified", when, **(own | more))


def planned(when: str | datetime = "2026-03-10 15:00", *, level: str = "php", **more: Any) -> Fact:
    """A plan of care was recorded."""
    own: dict[str, Any] = {"level": level, "hours_week": 20, "days_week": 5, "goals": 3, "review_due": "2026-03-24"}
    return fact("plan-recorded", when, **({"writer": "placement"} | own | more))


def review_done(review: str, when: str | datetime = "2026-03-12 15:00", *, on: str = "2026-03-12", **more: Any) -> Fact:
    """A person did what was to be reviewed."""
    own: dict[str, Any] = {"review_id": review, "on": on, "by": "person", "writer": "placement"}
    return fact("review-done", when, **(own | more))


def episode_ended(when: str | datetime = "2026-05-01 12:00", *, reason: str = "patient-declined", **more: Any) -> Fact:
    """The desk ends the episode."""
    return fact("episode-ended", when, **({"writer": "placement", "reason": reason} | more))


def conflict_settled(
    when: str | datetime = "2026-03-20 12:00",
    *,
    conflict: str = "conflict-x",
    falls: Iterable[Fact | str] = (),
    **more: Any,
) -> Fact:
    """A person says which facts fall."""
    own = {"writer": "placement", "conflict_id": conflict, "falls": [id_of(one) for one in falls]}
    return fact("conflict-settled", when, **(own | more))


def aftercare_started(when: str | datetime = "2026-04-21 09:00", *, trigger: str = "x", **more: Any) -> Fact:
    """Aftercare begins."""
    return fact("aftercare-started", when, **({"writer": "aftercare", "trigger": trigger} | more))


def aftercare_closed(when: str | datetime = "2026-06-01 09:00", *, outcome: str = "done", **more: Any) -> Fact:
    """Aftercare is done."""
    return fact("aftercare-closed", when, **({"writer": "aftercare", "outcome": outcome} | more))


def follow_up(
    outcome: str = "due",
    when: str | datetime = "2026-03-09 15:00",
    *,
    id_of: str = "F7",
    due: str = "2026-03-16",
    **more: Any,
) -> Fact:
    """A follow-up window: due, kept, missed or excluded."""
    own = {"follow_up_id": id_of, "measure": "FUH-7", "discharge": "x", "due_from": "2026-03-10", "due_to": due}
    ends: dict[str, dict[str, Any]] = {
        "kept": {"kept_at": at(when).isoformat(), "mode": "in-person", "provider_kind": "mental-health"},
        "excluded": {"reason": "readmitted"},
    }
    return fact(f"follow-up-{outcome}", when, **({"writer": "aftercare"} | own | ends.get(outcome, {}) | more))


def patient_died(when: str | datetime = "2026-03-08 10:00", **more: Any) -> Fact:
    """A facility tells that the patient died."""
    return fact("patient-died", when, **({"by": "message", "labels": ()} | more))
