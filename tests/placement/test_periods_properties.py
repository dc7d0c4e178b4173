"""Whatever the stays are: periods tile their days, and step by step ends as at once. The oracle counts day by day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from services.placement.billing.difference import difference, sent_after
from services.placement.billing.model import PeriodKey, SentPeriod
from services.placement.continuum.model import CoverageFrom, Folded, Session, StayState
from shared.events import BILLING, billing_type
from shared.events.levels import RANK, ROUND_THE_CLOCK
from shared.events.published import as_json
from tests.placement.period_builders import (
    NEW_YORK,
    ZONES,
    attended,
    covered,
    derived,
    episode,
    level_at,
    stay,
    zone_of,
)

FIRST = date(2026, 3, 1)
LAST = 24
HOURS = (0, 0, 9, 14, 23)
LEVELS = st.sampled_from(["inpatient", "inpatient", "residential", "php", "iop", "outpatient", None])


def _text(day: int, hour: int) -> str:
    return f"{FIRST + timedelta(days=day):%m-%d} {hour:02}:00"


@st.composite
def stays(draw: st.DrawFn, name: str) -> StayState:
    """A stay of one to four moves in a few March days (the 8th has 23 hours), of one of two facilities."""
    zone = draw(st.sampled_from(list(ZONES.values())))
    moments = draw(
        st.lists(st.tuples(st.integers(0, 16), st.sampled_from(HOURS)), min_size=2, max_size=5, unique=True).map(sorted)
    )
    moves = [(_text(*when), draw(LEVELS)) for when in moments[:-1]]
    end = _text(*moments[-1]) if draw(st.booleans()) else None
    days = range(moments[0][0], moments[-1][0] + 1 if end else LAST)
    chosen = draw(st.sets(st.sampled_from(days), max_size=4))
    sessions = [_session(name, day) for day in sorted(chosen)]
    return stay(name, *moves, end=end, sessions=sessions, zone=zone)


def _session(name: str, day: int) -> Session:
    text = f"{FIRST + timedelta(days=day):%m-%d}"
    return attended(text, name=f"{name}-{text}")


def _coverage() -> st.SearchStrategy[list[CoverageFrom]]:
    day = st.integers(-3, 18).map(lambda one: f"{FIRST + timedelta(days=one):%m-%d}")
    payer = st.sampled_from(["ACME", "MEDICAID", "SELF"])
    told = st.builds(covered, day, payer)
    return st.lists(told, max_size=3).map(lambda found: sorted(found, key=lambda one: one.day))


@st.composite
def episodes(draw: st.DrawFn) -> Folded:
    """Up to three stays, with coverage; the names of facts are the same in every episode drawn."""
    names = draw(st.lists(st.sampled_from("abc"), unique=True, max_size=3))
    return episode(*(draw(stays(name)) for name in names), coverage=draw(_coverage()))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)


def _presence(one: StayState, before: datetime) -> tuple[datetime, datetime | None, str] | None:
    """The last stretch with a level that began before an instant: its beginning, its end, its level just before."""
    found = None
    for number, segment in enumerate(one.segments):
        if segment.level is None or segment.since.astimezone(NEW_YORK) >= before:
            continue
        started = segment.since if number == 0 or one.segments[number - 1].level is None or not found else found[0]
        later = [after.since for after in one.segments[number + 1 :] if after.level is None]
        end = later[0] if later else (one.ended.at if one.ended else None)
        found = (started, end, segment.level)
    return found


def _counts(one: StayState, everyone: tuple[StayState, ...], day: date) -> bool:
    """Contract 4, Days, told of one single day."""
    zone = zone_of(one.facility)
    dawn, dusk = _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
    presence = _presence(one, dusk)
    if presence is None:
        return False
    begun, end, level = presence
    began_today = begun >= dawn
    if end is not None and end <= dawn and not began_today:
        return False
    leaving = end is not None and end <= dusk
    if leaving and level in ROUND_THE_CLOCK and not began_today:
        return False
    attended_today = any(session.day == day for session in one.sessions)
    if leaving and end is not None:
        return attended_today or not _over(one, everyone, end.astimezone(UTC) - _BLINK, level)
    return attended_today or not _suspended_at_midnight(one, everyone, dusk, level)


_BLINK = timedelta(microseconds=1)


def _over(one: StayState, everyone: tuple[StayState, ...], instant: datetime, level: str) -> list[StayState]:
    """The other stays at a more intensive 24-hour level at an instant."""
    levels = [(other, level_at(other, instant)) for other in everyone if other is not one]
    return [other for other, found in levels if found in ROUND_THE_CLOCK and RANK[str(found)] < RANK[level]]


def _suspended_at_midnight(one: StayState, everyone: tuple[StayState, ...], midnight: datetime, level: str) -> bool:
    """What ends at midnight has ended by then, and what moves then moves the day after; unless another goes on over it:
    at one instant starts come before ends (contract 3.6 rule 7)."""
    before = _over(one, everyone, midnight.astimezone(UTC) - _BLINK, level)
    if any(level_at(other, midnight) is not None for other in before):
        return True
    own = level_at(one, midnight)
    return bool(before) and own is not None and bool(_over(one, everyone, midnight, own))


@given(episodes())
def test_periods_tile_the_open_unsuspended_days_of_each_stay(folded: Folded) -> None:
    found = derived(folded)
    for one in folded.stays:
        days = [FIRST + timedelta(days=number) for number in range(LAST)]
        times = [
            sum(period.stay == one.key and period.start <= day < (period.end or date.max) for period in found)
            for day in days
        ]
        assert times == [int(_counts(one, folded.stays, day)) for day in days]


@given(episodes())
def test_periods_are_whole_published_values_with_a_key_each(folded: Folded) -> None:
    found = derived(folded)
    assert len({one.key for one in found}) == len(found)
    assert all(one.end is None or one.start < one.end for one in found)
    for change in difference({}, found):
        kind = BILLING[billing_type(change.name)]
        assert type(change.value) is kind
        assert as_json(json.decode(json.encode(change.value), type=kind)) == as_json(change.value)


@given(episodes())
def test_periods_overlap_only_where_both_are_flagged(folded: Folded) -> None:
    found = derived(folded)
    for number, one in enumerate(found):
        for other in found[:number]:
            if one.start < (other.end or date.max) and other.start < (one.end or date.max):
                assert one.stay != other.stay
                assert "overlap" in one.content.warnings
                assert "overlap" in other.content.warnings


@given(st.lists(episodes(), min_size=1, max_size=5))
def test_step_by_step_ends_in_the_same_periods_as_at_once(steps: list[Folded]) -> None:
    sent: dict[PeriodKey, SentPeriod] = {}
    versions: dict[str, list[str]] = {}
    for folded in steps:
        changes = difference(sent, derived(folded))
        for change in changes:
            told = versions.setdefault(change.value.period_id, [])
            told.append(change.name.removeprefix("service-period-"))
            assert change.value.version == len(told)
        sent = sent_after(sent, changes)
    assert _standing(sent) == {one.key: one.content for one in derived(steps[-1])}
    for told in versions.values():
        assert told[0] == "opened"
        assert "opened" not in told[1:]
        assert "voided" not in told[:-1]
    assert difference(sent, derived(steps[-1])) == []


def _standing(sent: Mapping[PeriodKey, SentPeriod]) -> dict[PeriodKey, object]:
    return {key: was.content for key, was in sent.items() if not was.voided}
