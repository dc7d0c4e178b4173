"""What goes out: the difference between the periods that were sent and those that should be; it derives none.

Version 1 is always `opened` (contract 4). A period that has an end when it is first seen goes out twice: opened,
version 1, true and whole with its end, then closed, version 2, with the same content. So who keeps the last version of
each period and who waits for `closed` are both right, and no version ever says what was not so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from msgspec import structs

from services.placement.billing.model import Period, PeriodChange, PeriodKey, SentPeriod
from shared.events.billing import (
    PeriodAmended,
    PeriodClosed,
    PeriodContent,
    PeriodOpened,
    PeriodVoided,
    ServicePeriod,
)
from shared.events.published import alike
from shared.facts import restating
from shared.values import replace

Changed = dict[str, tuple[Any, Any]]
"""Field → what it was and what it is."""


def period_id(episode_id: str, key: PeriodKey, life: int) -> str:
    """The id of a period in its first, second, … life: the same facts give the same id on every machine."""
    text = "\x1f".join((episode_id, *key, str(life)))
    return "sp-" + hashlib.sha256(text.encode()).hexdigest()[:32]


def difference(sent: Mapping[PeriodKey, SentPeriod], wanted: Sequence[Period]) -> list[PeriodChange]:
    """The versions to publish, in this order: voids, changes, then what is new; nothing where nothing changed.

    `sent` has the last version of every key of the episode, voided ones too: a void is final, so a stretch that
    returns gets a new id, and `supersedes` names the voided one. So does a new stretch that takes days of one that is
    voided in the same step. Keep `sent_after(sent, changes)` for the next time.
    """
    standing = {key: was for key, was in sent.items() if not was.voided}
    due = restating.difference(
        standing, {one.key: one for one in wanted}, lambda was, one: alike(was.content, one.content)
    )
    fresh = [one for was, one in due.state if was is None]
    return [
        *(_voided(key, was, fresh) for key, was in sorted(due.cancel.items(), key=lambda one: _by_start(one[1]))),
        *(change for was, one in due.state if was is not None and (change := _changed(one, was)) is not None),
        *(change for one in fresh for change in _opened(one, sent.get(one.key), due.cancel)),
    ]


def sent_after(sent: Mapping[PeriodKey, SentPeriod], changes: Iterable[PeriodChange]) -> dict[PeriodKey, SentPeriod]:
    """What was sent, once these changes are."""
    return {**sent, **{change.key: change.sent for change in changes}}


def _voided(key: PeriodKey, was: SentPeriod, fresh: Sequence[Period]) -> PeriodChange:
    replaced = any(_takes_days(one, key, was) for one in fresh)
    now = replace(was, version=was.version + 1, voided=True)
    return _change(PeriodVoided, key, now, {}, reason="replaced" if replaced else "taken-back")


def _changed(one: Period, was: SentPeriod) -> PeriodChange | None:
    if was.content == one.content:
        return None
    before, after = was.content.end_date, one.content.end_date
    kind = PeriodClosed if before is None and after is not None else PeriodAmended
    reason = "reopened" if before is not None and after is None else None
    now = replace(was, version=was.version + 1, content=one.content)
    return _change(kind, one.key, now, _fields_changed(was.content, one.content), reason=reason)


def _opened(one: Period, was: SentPeriod | None, gone: Mapping[PeriodKey, SentPeriod]) -> Iterable[PeriodChange]:
    life = was.life + 1 if was else 1
    given = period_id(one.content.episode_id, one.key, life)
    replaced = next((old for key, old in gone.items() if _takes_days(one, key, old)), was)
    supersedes = replaced.period_id if replaced else None
    now = SentPeriod(given, life, version=1, voided=False, content=one.content, supersedes=supersedes)
    yield _change(PeriodOpened, one.key, now, {}, reason="returned" if was else None)
    if one.end is not None:
        yield _change(PeriodClosed, one.key, replace(now, version=2), {})


def _fields_changed(before: PeriodContent, after: PeriodContent) -> Changed:
    both = zip(after.__struct_fields__, structs.astuple(before), structs.astuple(after), strict=True)
    return {name: (was, now) for name, was, now in both if was != now}


def _takes_days(one: Period, key: PeriodKey, was: SentPeriod) -> bool:
    """True where the period has a day of the stay that the voided one had."""
    start, end = was.content.start_date, was.content.end_date
    same_stay = one.stay == (key.kind, key.stay)
    return same_stay and (end is None or one.start < end) and (one.end is None or start < one.end)


def _by_start(was: SentPeriod) -> tuple[date, str]:
    return (was.content.start_date, was.period_id)


def _change(
    kind: type[ServicePeriod], key: PeriodKey, now: SentPeriod, changed: Changed, *, reason: str | None = None
) -> PeriodChange:
    value = kind(
        period_id=now.period_id,
        version=now.version,
        changed=changed,
        supersedes=now.supersedes,
        reason=reason,
        **structs.asdict(now.content),
    )
    return PeriodChange(key, value, now)
