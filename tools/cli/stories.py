"""An episode in words, as a line of a list or as a story, from the JSON of placement's API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any

import click

from shared.events.levels import SPOKEN
from shared.web.telling import SHOWN, STATES


def line_of(one: dict[str, Any], zone: tzinfo) -> tuple[str, str, str, str, str]:
    """(Episode id, state and level in words, since when, facility, what a person should look at) for a list."""
    looks = [f"{one[name]} {name}" for name in ("ineffective", "conflicts") if one.get(name)]
    return one["episode_id"], state_of(one), minute(one.get("since"), zone), one.get("facility", ""), ", ".join(looks)


def state_of(one: dict[str, Any]) -> str:
    """An episode's state and level in words: `in care: partial hospitalization`."""
    state = STATES.get(one["state"], one["state"])
    level = one.get("level")
    return f"{state}: {SPOKEN.get(level, level)}" if level else state


def minute(text: str | None, zone: tzinfo = UTC) -> str:
    """An RFC 3339 text as local time of a zone, to the minute, with `Z` for UTC; empty for None."""
    if not text:
        return ""
    mark = "Z" if zone is UTC else ""
    return f"{datetime.fromisoformat(text).astimezone(zone):%Y-%m-%d %H:%M}{mark}"


def story(found: dict[str, Any], zone: tzinfo) -> Iterator[str]:
    """The lines of an episode: heading, stays, facts in clinical order, service periods; times in `zone`."""
    episode = found["episode"]
    yield click.style(f"Episode {episode['episode_id']}", bold=True) + f"  {state_of(episode)}"
    since = f"since {minute(episode['since'], zone)}  " if episode.get("since") else ""
    yield f"{since}patient {episode['patient_id']}  version {episode['version']}"
    yield from _part("Stays", [_stay(one, zone) for one in episode.get("stays", ())])
    yield from _part(
        "Facts, in clinical order",
        [line for one in sorted(found["facts"], key=_clinically) for line in _fact(one, zone)],
    )
    yield from _part("Service periods", [_period(one) for one in found["periods"]])


def _clinically(one: dict[str, Any]) -> tuple[datetime, int, int]:
    """The sort key of a fact: clinical time, then writer, so that what follows from a fact comes after it, then
    sequence."""
    writers = ("intake", "placement", "aftercare")
    place = writers.index(one["writer"]) if one["writer"] in writers else len(writers)
    return datetime.fromisoformat(one["value"]["occurred_at"]), place, one["sequence"]


def _part(heading: str, lines: list[str]) -> Iterator[str]:
    yield ""
    yield click.style(heading, bold=True)
    yield from (f"  {line}" for line in lines or ["none"])


def _stay(one: dict[str, Any], zone: tzinfo) -> str:
    level = one.get("level")
    what = SPOKEN.get(level, level) if level else one.get("class") or "visit"
    ended = one.get("ended_by") or {}
    until = f"to {minute(one['to'], zone)} ({ended.get('how', 'ended')})" if one.get("to") else "still open"
    asleep = ", suspended" if one.get("suspended") else ""
    return f"{one['kind']} {one['id']}: {what} at {one['facility']}, from {minute(one['from'], zone)} {until}{asleep}"


def _fact(one: dict[str, Any], zone: tzinfo) -> Iterator[str]:
    value = one["value"]
    name = one["type"].removeprefix("care.").rpartition(".v")[0]
    said = " ".join(f"{key}={value[key]}" for key in SHOWN if isinstance(value.get(key), str | int))
    where = _level(value)
    line = f"{minute(value.get('occurred_at'), zone):<17}  {name:<20} {where}{said}".rstrip()
    origin = f"  [{one['writer']} #{one['sequence']}]"
    if one["stands"]:
        yield f"  {line}{origin}"
    elif voided := one.get("voided"):
        yield f"✗ {click.style(line, strikethrough=True, dim=True)}{origin} {voided['how']} by {voided['by'][:8]}"
    else:
        yield f"! {click.style(line, dim=True)}{origin} without effect: {one['ineffective']['means']}"


def _level(value: dict[str, Any]) -> str:
    """The level of a fact, or of the unit that a transfer leads to, in words; empty where it has none."""
    to = value.get("to")
    level = value.get("level") or (to.get("level") if isinstance(to, dict) else None)
    return f"{SPOKEN.get(level, level)} " if level else ""


def _period(one: dict[str, Any]) -> str:
    days = f"{one['start_date']} to {one.get('end_date') or '…'}"
    void = " VOID" if one["voided"] else ""
    after = f", supersedes {one['supersedes'][:8]}" if one.get("supersedes") else ""
    warned = f"  ! {', '.join(one['warnings'])}" if one.get("warnings") else ""
    level = SPOKEN.get(one["level"], one["level"])
    return f"{one['period_id'][:24]} v{one['version']}{void}: {level}, {days}, payer {one['payer']}{after}{warned}"
