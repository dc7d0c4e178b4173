"""What a running system made of simulated patients, in the shape of expected.json: by its APIs alone."""

from __future__ import annotations

import json
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

Json = dict[str, Any]


def unlike(expected: Path, doors: Json, facts: list[Json]) -> list[str]:
    """Every MRN whose episodes differ from what the file says, with both; `facts` are those of billing's topic."""
    wanted: dict[str, list[Json]] = defaultdict(list)
    for one in json.loads(expected.read_text())["episodes"]:
        wanted[one.pop("mrn")].append(one)
    unbilled = {mrn for mrn, episodes in wanted.items() if not all(one["periods"] for one in episodes)}
    found = _found(doors, facts, unbilled)
    return [
        f"{mrn}\n  wanted {wanted.get(mrn)}\n  found  {found.get(mrn)}"
        for mrn in sorted({*wanted, *(one for one in found if one.startswith("S"))})
        if sorted(map(_key, wanted.get(mrn, []))) != sorted(map(_key, found.get(mrn, [])))
    ]


def _key(one: Json) -> str:
    return json.dumps(one, sort_keys=True)


def _found(doors: Json, facts: list[Json], unbilled: set[str]) -> dict[str, list[Json]]:
    """Episodes as placement lists them; whose they are, billing says, and intake of patients with one without a bill.

    An episode of which neither is so is of other tests.
    """
    owners = {value["episode_id"]: value["patient"]["mrn"] for value in facts if value.get("patient", {}).get("mrn")}
    for mrn in unbilled:
        owners |= dict.fromkeys(_episodes_of(doors, mrn), mrn)
    found: dict[str, list[Json]] = defaultdict(list)
    for one in _episodes(doors):
        periods = _get(doors, f"/api/episodes/{one['episode_id']}")["periods"]
        found[owners.get(one["episode_id"], "")].append(_ended(one, periods))
    return found


def _ended(one: Json, periods: list[Json]) -> Json:
    kept = [
        {name: each[name] for name in ("level", "start_date", "end_date") if each.get(name)}
        for each in periods
        if not each["voided"]
    ]
    level = {"level": one["level"]} if one.get("level") else {}
    kept.sort(key=lambda each: (each["start_date"], each["level"]))
    return {"state": one["state"], **level, "periods": kept}


def _episodes(doors: Json) -> Iterator[Json]:
    cursor = None
    while True:
        page = _get(doors, "/api/episodes", limit="200", **({"cursor": cursor} if cursor else {}))
        yield from page["episodes"]
        cursor = page["next"]
        if cursor is None:
            return


def _episodes_of(doors: Json, mrn: str) -> list[str]:
    patients = _get(doors, "/api/patients", "intake", q=mrn)["patients"]
    return [episode for one in patients for episode in one["episodes"]]


def _get(doors: Json, path: str, service: str = "placement", **query: str) -> Any:
    url = f"{doors[service]}{path}{'?' + urlencode(query) if query else ''}"
    request = urllib.request.Request(url, headers={"authorization": f"Bearer {doors['tokens']['coordinator']}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())
