"""When aftercare starts, what its plan begins with, how the plan stands, and its end. Pure.

The ends of stays that start it are read from care.episodes by the site's rules (docs/decisions/0117-aftercare.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, NamedTuple

from services.aftercare import referrals
from services.aftercare.contacts import recorded
from services.aftercare.ids import id_of
from services.aftercare.situation import Decided, Situation
from services.aftercare.standing import Standing, moved
from services.aftercare.stays import ZoneOf, ends_later, first_day, leaving_day, said_of_end
from shared.errors import Rejected
from shared.events.aftercare import AftercareClosed, AftercareReferred, AftercareStarted
from shared.events.base import CareFact
from shared.events.episodes import EndedBy, EpisodeState, StayNow
from shared.site_values import Aftercare, AftercareStart, PlanTemplate

ELSEWHERE = frozenset({"deceased", "transfer", "transferred-out"})
"""Ends after which there is nothing to do here: the patient died, or another provider has the patient."""


@dataclass(frozen=True, slots=True)
class Start:
    """An end of a stay that aftercare starts with; `left` is the leaving day, `at` the instant at which it is so.

    `waits`: only a timer can say that nothing followed, after `at` (contract 3.6 rule 8); not where something did later
    (`followed`).
    """

    plan_id: str
    trigger: str
    facility: str
    left: date
    at: datetime
    waits: bool
    template: PlanTemplate | None
    followed: bool = False


def starts(document: EpisodeState, rules: Aftercare, zone_of: ZoneOf) -> tuple[Start, ...]:
    """Every end with which aftercare starts, in the order of the stays: of a kind and level that the site names, with
    no further level open or begun within the days that the site waits."""
    found = []
    for end in _ends(document):
        rule = next((r for r in rules.starts if r.after == end.by.how and end.stay.level in r.levels), None)
        if rule is not None and not _goes_on(document, end, rule, zone_of):
            found.append(_start(end, rule, document, rules, zone_of(end.stay.facility)))
    return tuple(found)


class _End(NamedTuple):
    """The end of a stay, after which there may be something to do."""

    stay: StayNow
    by: EndedBy
    at: datetime


def _ends(document: EpisodeState) -> Iterator[_End]:
    for stay in document.stays:
        if stay.ended_by is not None and stay.to is not None and said_of_end(stay) not in ELSEWHERE:
            yield _End(stay, stay.ended_by, stay.to)


def _goes_on(document: EpisodeState, end: _End, rule: AftercareStart, zone_of: ZoneOf) -> bool:
    last = leaving_day(end.at, zone_of(end.stay.facility)) + timedelta(days=rule.wait_days)
    return any(first_day(other, zone_of) <= last for other in _later(document, end.stay))


def _later(document: EpisodeState, stay: StayNow) -> list[StayNow]:
    """The stays with a level that go on after this one."""
    return [s for s in document.stays if s is not stay and s.level is not None and ends_later(s, stay)]


def _start(end: _End, rule: AftercareStart, document: EpisodeState, rules: Aftercare, zone: tzinfo) -> Start:
    left, waits = leaving_day(end.at, zone), rule.wait_days > 0
    over = datetime.combine(left + timedelta(days=rule.wait_days + 1), time.min, zone)
    return Start(
        plan_id=id_of(document.episode_id, "plan", end.by.ce_id),
        trigger=end.by.ce_id,
        facility=end.stay.facility,
        left=left,
        at=over if waits else end.at.astimezone(zone),
        waits=waits,
        template=_template(document, end, rules),
        followed=bool(_later(document, end.stay)),
    )


def _template(document: EpisodeState, end: _End, rules: Aftercare) -> PlanTemplate | None:
    for each in rules.templates:
        level_fits = not each.levels or end.stay.level in each.levels
        if end.by.how in each.after and level_fits and (not each.labels or {*each.labels} & {*document.labels}):
            return each
    return None


def awaited(document: EpisodeState) -> bool:
    """Whether the next level is on its way: a program is looked for, or took the patient who has not come yet."""
    return document.search is not None or document.next_start is not None


def begun(
    found: Sequence[Start], document: EpisodeState, standing: Sequence[Standing], over_by: datetime | None
) -> tuple[Start, ...]:
    """Those that have started: at once, or when the timer found the wait over and nothing awaited or begun since; once
    started it stands as long as its end does."""
    told = {s.value["trigger"] for s in standing if s.name == AftercareStarted.TYPE}
    over = None if awaited(document) else over_by
    return tuple(s for s in found if not s.waits or s.trigger in told or (over and s.at <= over and not s.followed))


def ought(
    found: Sequence[Start], document: EpisodeState, standing: Sequence[Standing], recorded_at: datetime
) -> Iterator[CareFact]:
    """The facts of what has started: the start, and the template's referrals that nobody has moved yet."""
    people_s = moved(standing)
    for start in found:
        own = {
            "episode_id": document.episode_id,
            "patient_id": document.patient_id,
            "labels": document.labels,
            "facility": start.facility,
            "occurred_at": start.at,
            "recorded_at": recorded_at,
            "derived_from": (start.trigger,),
            "plan_id": start.plan_id,
            "template": start.template.name if start.template else None,
        }
        yield AftercareStarted.model_validate({**own, "trigger": start.trigger})
        yield from (r for r in _referrals(start, own) if r.referral_id not in people_s)


def _referrals(start: Start, own: dict[str, Any]) -> Iterator[AftercareReferred]:
    for number, each in enumerate(start.template.referrals if start.template else ()):
        yield AftercareReferred.model_validate(
            {
                **own,
                "referral_id": id_of(start.plan_id, each.kind, str(number)),
                "kind": each.kind,
                "provider": each.provider,
                "due_by": start.left + timedelta(days=each.due_days),
            }
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as it stands: active; in-care while another stay began after it; over when another plan began; closed."""

    value: dict[str, Any]
    state: str
    outcome: str | None
    contacts: tuple[dict[str, Any], ...]

    @property
    def plan_id(self) -> str:
        """The plan's id."""
        return str(self.value["plan_id"])


def plans(document: EpisodeState, standing: Sequence[Standing], rules: Aftercare) -> tuple[Plan, ...]:
    """The plans of the starts that stand, by their time."""
    told = sorted((s for s in standing if s.name == AftercareStarted.TYPE), key=_when)
    ended = {s.value.get("plan_id"): s.value["outcome"] for s in standing if s.name == AftercareClosed.TYPE}
    return tuple(
        Plan(
            s.value,
            _state(s, later=told[n:], document=document, closed=s.value["plan_id"] in ended),
            ended.get(s.value["plan_id"]),
            tuple(_contacts(s, standing, rules)),
        )
        for n, s in enumerate(told, 1)
    )


def _when(s: Standing) -> tuple[datetime, str]:
    return datetime.fromisoformat(s.value["occurred_at"]), s.value["trigger"]


def _state(s: Standing, *, later: Sequence[Standing], document: EpisodeState, closed: bool) -> str:
    if closed:
        return "closed"
    if later or document.state == "closed":
        return "over"
    trigger = next(
        (stay for stay in document.stays if stay.ended_by and stay.ended_by.ce_id == s.value["trigger"]), None
    )
    others = (o for o in document.stays if o is not trigger and o.level is not None)
    if trigger is not None and any(ends_later(other, trigger) for other in others):
        return "in-care"
    return "active"


def _contacts(s: Standing, standing: Sequence[Standing], rules: Aftercare) -> Iterator[dict[str, Any]]:
    """The template's contacts with their times, and whether one was kept by then; a config without it asks for none."""
    template = next((t for t in rules.templates if t.name == s.value.get("template")), None)
    at = datetime.fromisoformat(s.value["occurred_at"])
    kept = [contact for contact in recorded(standing) if contact.kept and contact.at >= at]
    for each in template.contacts if template else ():
        opens, closes = at + timedelta(hours=each.from_hours), at + timedelta(hours=each.to_hours)
        by = next((contact.ce_id for contact in kept if opens <= contact.at <= closes), None)
        yield {"name": each.name, "from": opens.isoformat(), "to": closes.isoformat(), "kept_by": by}


def active(now: Situation) -> Plan:
    """The plan that is going on. Raises Rejected where there is none."""
    told = plans(now.document, now.standing, now.site.aftercare)
    if not told:
        raise Rejected("not-started", "aftercare has not started in this episode", state=now.document.state)
    if told[-1].state != "active":
        raise Rejected("not-active", f"the last plan of the episode is {told[-1].state}", state=told[-1].state)
    return told[-1]


def close(now: Situation, plan_id: str, outcome: str) -> Decided:
    """End aftercare. Raises Rejected for a plan that is not going on, and for reached goals with open referrals."""
    plan = active(now)
    if plan.plan_id != plan_id:
        raise Rejected("not-active", "another plan of the episode is going on", state="over")
    left = [r for r in referrals.fold(now.standing).values() if r.state not in referrals.ENDS]
    if outcome == "goals-met" and left:
        text = f"{len(left)} referrals are open: bring them to an end first, or close with another outcome"
        raise Rejected("referrals-open", text, state="active", possible=("another outcome",))
    fact = AftercareClosed(**now.common(plan.value["facility"]), outcome=outcome, plan_id=plan_id)
    return Decided((fact,), subject=plan_id)
