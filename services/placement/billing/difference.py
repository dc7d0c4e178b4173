"""The versions of service periods to publish: the difference between those that were sent and those that should stand.

Version 1 is always `opened` (contract 4). A period that already has an end then goes out twice with the same content:
opened as version 1, closed as version 2. So both a consumer that keeps the latest version of each period and one that
waits for `closed` are right.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from shared.facts import restating
from shared.values import replace

BeforeTheMerge = Callable[[PeriodKey], str | None]
"""From a period to the id under which another patient's episode, now merged into this one, sent it; None: it did
not."""
Changed = dict[str, tuple[Any, Any]]
"""Field → (what it was, what it is)."""


def period_id(episode_id: str, key: PeriodKey, life: int) -> str:
    """The id of a period; `life` counts 1, 2, 3 … the times that it was opened after a void. Equal arguments always
    give the same id."""
    text = "\x1f".join((episode_id, *key, str(life)))
    return "sp-" + hashlib.sha256(text.encode()).hexdigest()[:32]


def difference(
    sent: Mapping[PeriodKey, SentPeriod], wanted: Sequence[Period], before_the_merge: BeforeTheMerge | None = None
) -> list[PeriodChange]:
    """The versions to publish: voids, then changes, then new periods; none where nothing changed.

    `sent`: the latest version of every key of the episode, voided ones too. `wanted`: the periods that should stand. A
    void is final: a stretch that returns gets a new id, and `supersedes` names the voided period. So it does for a new
    stretch with days of a period that is voided in the same step, and for one that a merge brought here from another
    episode: `before_the_merge` gives the id that it had there. Keep `sent_after(sent, changes)` for the next call.
    """
    standing = {key: was for key, was in sent.items() if not was.voided}
    due = restating.difference(standing, {one.key: one for one in wanted}, _has_same_content)
    fresh = [one for was, one in due.state if was is None]
    return [
        *(_voided(key, was, fresh) for key, was in sorted(due.cancel.items(), key=lambda one: _by_start(one[1]))),
        *(_changed(one, was) for was, one in due.state if was is not None),
        *(change for one in fresh for change in _opened(one, sent.get(one.key), due.cancel, before_the_merge)),
    ]


def as_sent(content: PeriodContent, was: SentPeriod) -> PeriodContent:
    """The content without the fields that the release which sent `was` did not have yet, so that an upgrade alone
    amends no bill; the next change brings them."""
    before = was.content
    if before.patient_id is None and content.patient_id is not None:
        content = structs.replace(content, patient_id=None)
    if not any(one.type for one in before.diagnoses) and any(one.type for one in content.diagnoses):
        untyped = tuple(structs.replace(one, type=None) for one in content.diagnoses)
        content = structs.replace(content, diagnoses=untyped)
    return content


def _has_same_content(was: SentPeriod, one: Period) -> bool:
    """The content as it was stored and as it is made anew are equal where they are the same: content.py gives each time
    a fixed offset."""
    return was.content == as_sent(one.content, was)


def sent_after(sent: Mapping[PeriodKey, SentPeriod], changes: Iterable[PeriodChange]) -> dict[PeriodKey, SentPeriod]:
    """`sent` as it is after these changes."""
    return {**sent, **{change.key: change.sent for change in changes}}


def _voided(key: PeriodKey, was: SentPeriod, fresh: Sequence[Period]) -> PeriodChange:
    replaced = any(_takes_days(one, key, was) for one in fresh)
    now = replace(was, version=was.version + 1, voided=True)
    return _change(PeriodVoided, key, now, {}, reason="replaced" if replaced else "taken-back")


def _changed(one: Period, was: SentPeriod) -> PeriodChange:
    before, after = was.content.end_date, one.content.end_date
    kind = PeriodClosed if before is None and after is not None else PeriodAmended
    reason = "reopened" if before is not None and after is None else None
    now = replace(was, version=was.version + 1, content=one.content)
    return _change(kind, one.key, now, fields_changed(was.content, one.content), reason=reason)


def _opened(
    one: Period,
    was: SentPeriod | None,
    gone: Mapping[PeriodKey, SentPeriod],
    before_the_merge: BeforeTheMerge | None,
) -> Iterable[PeriodChange]:
    life = was.life + 1 if was else 1
    given = period_id(one.content.episode_id, one.key, life)
    replaced = next((old for key, old in gone.items() if _takes_days(one, key, old)), was)
    supersedes = replaced.period_id if replaced else None
    if supersedes is None and before_the_merge is not None:
        supersedes = before_the_merge(one.key)
    now = SentPeriod(given, life, version=1, voided=False, content=one.content, supersedes=supersedes)
    yield _change(PeriodOpened, one.key, now, {}, reason="returned" if was else None)
    if one.end is not None:
        yield _change(PeriodClosed, one.key, replace(now, version=2), {})


def fields_changed(before: PeriodContent, after: PeriodContent) -> Changed:
    """The fields of which the two have different values."""
    both = zip(after.__struct_fields__, structs.astuple(before), structs.astuple(after), strict=True)
    return {name: (was, now) for name, was, now in both if was != now}


def _takes_days(one: Period, key: PeriodKey, was: SentPeriod) -> bool:
    """True when the period is of the same stay as the one sent under `key`, and shares a day with it."""
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
