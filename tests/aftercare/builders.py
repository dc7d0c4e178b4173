"""Episodes as placement tells them, short enough to read in a table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import orjson

from shared.events import EPISODE_TYPE
from shared.events.base import CareFact
from shared.events.episodes import EpisodeState, read_episode
from shared.events.published import as_json
from shared.facts.envelope import Fact
from shared.facts.stating import Provenance
from shared.facts.values import UnknownFact
from shared.messaging.positions import Incoming, Slot

HERE = "GOODHEALTH"
ZONE = ZoneInfo("America/New_York")
LEFT = datetime(2026, 4, 1, 14, 0, tzinfo=ZONE)
"""The day on which the stay under test ends, 14:00 in New York; far from any change of the clocks."""
SLOT = Slot("care.episodes", 0)
_offsets = count()


def day(number: int, hour: int = 10) -> datetime:
    """So many days after the discharge of the stay under test."""
    return (LEFT + timedelta(days=number)).replace(hour=hour)


def stay(
    level: str | None,
    begun: datetime,
    to: datetime | None = None,
    *,
    id: str = "",  # noqa: A002 - the published name
    how: str = "discharged",
    kind: str = "home",
    reason: str | None = None,
    facility: str = HERE,
) -> dict[str, Any]:
    """One stay of a document; facts are named for the stay: `<id>.begun`, `<id>.ended`."""
    name = id or f"{level}-{begun:%m%d%H}"
    found: dict[str, Any] = {
        "id": name,
        "kind": "visit" if how in {"discharged", "visit-ended"} and level != "php" else "placement",
        "facility": facility,
        "from": begun.isoformat(),
        "suspended": False,
        "begun_by": f"{name}.begun",
    }
    if level:
        found["level"] = level
    if to is not None:
        ended_by: dict[str, Any] = {"ce_id": f"{name}.ended", "how": how}
        ended_by |= {"disposition": {"kind": kind}} if how == "discharged" else {"reason": reason}
        found |= {"to": to.isoformat(), "ended_by": ended_by}
    return found


def inpatient(to: datetime | None = LEFT, **more: Any) -> dict[str, Any]:
    """The stay under test: ten days inpatient."""
    return stay("inpatient", LEFT - timedelta(days=10), to, **{"id": "V1", **more})


def document(*stays: dict[str, Any], version: int = 1, episode_id: str = "E1", **more: Any) -> dict[str, Any]:
    """A value of care.episodes."""
    return {
        "episode_id": episode_id,
        "patient_id": "P1",
        "state": "between" if stays else "void",
        "labels": ["PSY"],
        "stays": list(stays),
        "version": version,
        **more,
    }


def episode(*stays: dict[str, Any], **more: Any) -> EpisodeState:
    """The same, checked."""
    return read_episode(document(*stays, **more))


def told(value: dict[str, Any], **more: Any) -> Fact[Any]:
    """The record of a document."""
    given = {
        "id": f"doc-{value['episode_id']}-{value['version']}",
        "type": EPISODE_TYPE,
        "writer": "placement",
        "subject": value["episode_id"],
        "sequence": value["version"],
        "time": LEFT.isoformat(),
    }
    read = read_episode(value) if more.get("type", EPISODE_TYPE) == EPISODE_TYPE else UnknownFact()
    return Fact(**{**given, "value": read, "body": orjson.dumps(value), **more})


def incoming(*values: dict[str, Any]) -> list[Incoming[Any]]:
    """Documents as a batch."""
    return [Incoming(SLOT, next(_offsets), value["episode_id"].encode(), told(value)) for value in values]


def stating(new_id: Callable[[], str], now: datetime = LEFT) -> Provenance:
    """Aftercare states, now, with these ce_ids."""
    return Provenance("aftercare", now, new_id)


def content(value: CareFact) -> dict[str, Any]:
    """What a fact says as JSON, without when it was recorded and what it replaces."""
    return {name: each for name, each in as_json(value).items() if name not in {"recorded_at", "replaces"}}


def shown(value: msgspec.Struct) -> dict[str, Any]:
    """What a list shows, as JSON."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(value))
    return found
