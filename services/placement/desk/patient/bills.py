"""Why a bill is different: every version of an episode's service periods with the facts that made it. Pure.

Versions are derived anew from the facts in the order in which they were recorded, by the function that also decides
what is sent (billing/difference.py); `sent` of the last step is what billing knows where facts came in that order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from services.placement.billing.difference import difference, sent_after
from services.placement.billing.model import PeriodChange, PeriodKey, SentPeriod
from services.placement.billing.periods import billed_from, periods
from services.placement.continuum.fold import advance, fold
from services.placement.continuum.model import Folded
from services.placement.engine.with_facts import ChangedPeriod
from services.placement.rules import Rules
from services.placement.worklists.wording import words_of
from shared.events.billing import Leave
from shared.events.continuum import Announcement
from shared.events.levels import SPOKEN
from shared.events.stays import Absent, Attended
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact
from shared.site.config import Site
from shared.values import value_object
from shared.web.wording import capital, day, spoken
from shared.web.words import say, say_count

FEW = 3
"""Causes of one version that are named; more are counted."""


@value_object
class BillChange:
    """One version of a service period, when it came to be, and the facts that were recorded then."""

    at: datetime
    change: PeriodChange
    facts: tuple[Fact, ...]


def history(facts: Iterable[Fact], rules: Rules) -> tuple[list[BillChange], Mapping[PeriodKey, SentPeriod]]:
    """Every version in the order in which they came to be, and the latest version of each period."""
    ordered = sorted(facts, key=lambda fact: (fact.value.recorded_at, fact.writer, fact.sequence))
    found: list[BillChange] = []
    sent: dict[PeriodKey, SentPeriod] = {}
    before, so_far = Folded(ordered[0].subject if ordered else ""), list[Fact]()
    for new in _steps(ordered):
        at = new[-1].value.recorded_at
        so_far += new
        after = advance(before, new, rules.zone_of) or fold(so_far, rules.zone_of)
        if billed_from(after) != billed_from(before):
            changes = difference(sent, periods(after, rules.zone_of, rules.billed, rules.payers))
            sent = sent_after(sent, changes)
            found += [BillChange(at, change, new) for change in changes]
        before = after
    return found, sent


_SESSIONS = (Attended, Absent)


def _steps(ordered: Sequence[Fact]) -> Iterator[tuple[Fact, ...]]:
    """The facts of each time at which any were recorded; those of times at which only sessions were, one after the
    other, together, since a bill changes by them in its days alone."""
    run: list[Fact] = []
    for _, group in groupby(ordered, key=lambda fact: fact.value.recorded_at):
        new = tuple(group)
        if all(isinstance(fact.value, _SESSIONS) for fact in new):
            run += new
            continue
        if run:
            yield tuple(run)
            run = []
        yield new
    if run:
        yield tuple(run)


def why(one: BillChange, known: Mapping[str, Fact], rules: Rules, *, cause: bool = True) -> str:
    """`closed: last day: still open → Mon 4 May; because discharged on Mon 4 May, said by the hospital`.

    `cause`: with the facts that made it. The version has no number here: of facts that came together only one version
    was sent.
    """
    value = one.change.value
    what = _WHAT.get(value.TYPE, value.TYPE)
    told = [say(what)]
    if value.reason in _REASONS:
        told.append(say(_REASONS[value.reason]))
    changed = "; ".join(_changed(value.changed, rules.site))
    because = _some(list(_causes(one.facts, known, rules))) if cause else ""
    first = ", ".join(told) + (f": {changed}" if changed else "")
    return first + (f"; {say('because {cause}', cause=because)}" if because else "")


_WHAT: Mapping[str, str] = {
    "service-period-opened": "opened",
    "service-period-amended": "changed",
    "service-period-closed": "closed",
    "service-period-voided": "void",
}
_REASONS: Mapping[str | None, str] = {
    "replaced": "another period takes its place",
    "taken-back": "what began it was taken back",
    "reopened": "the stay goes on after all",
    "returned": "it stands again",
}


def _some(causes: Sequence[str]) -> str:
    """The first causes, and how many more there are."""
    more = len(causes) - FEW
    last = [say_count("{count} more", "{count} more", more)] if more > 0 else []
    return "; ".join([*causes[:FEW], *last])


def _causes(facts: Sequence[Fact], known: Mapping[str, Fact], rules: Rules) -> Iterator[str]:
    """The facts that were recorded then, in words; what placement concluded from them is no cause."""
    for fact in facts:
        value = fact.value
        if isinstance(value, FactCancelled):
            target = known.get(value.cancels)
            if target is not None and not isinstance(target.value, Announcement):
                yield say("taken back: {what}", what=words_of(target, rules).short())
        elif fact.name in _BILLED:
            yield words_of(fact, rules).sentence()


_BILLED = frozenset(
    {
        "admitted", "started", "transferred", "leave-started", "leave-ended", "discharged", "completed", "discontinued",
        "attended", "absent", "diagnosis-recorded", "coverage-changed", "certified", "conflict-settled",
        "authorization-approved", "authorization-extended", "authorization-ended", "patient-died",
    }
)  # fmt: skip
"""Names of the facts that a bill may change by (`billed_from`)."""


def tried_words(one: ChangedPeriod, site: Site) -> str:
    """`Changed: inpatient, Acme Health, Tue 10 Mar to Thu 12 Mar; last day: still open → Thu 12 Mar`."""
    told = one.period.content
    payer = payer_title(told.payer, site)
    days = say("{first} to {last}", first=day(one.period.start), last=last_day(one.period.end))
    what = f"{capital(say(_TRIED[one.change]))}: {SPOKEN.get(told.level, str(told.level))}, {payer}, {days}"
    return "; ".join([what, *_changed(one.changed, site)])


_TRIED: Mapping[str, str] = {"opened": "opened", "changed": "changed", "voided": "void"}


def _changed(changed: Mapping[str, tuple[Any, Any]], site: Site) -> Iterator[str]:
    """Each field that changed in words: what it was and what it is."""
    for name, (was, now) in changed.items():
        if name not in _FIELDS:
            continue
        label, words = _FIELDS[name]
        yield f"{say(label)}: {words(was, site)} → {words(now, site)}"


def last_day(end: date | None) -> str:
    """The last day of a period whose `end_date` is the day after it."""
    return day(end - timedelta(days=1)) if end is not None else say("still open")


def payer_title(payer: str, site: Site) -> str:
    """The title of a payer; its id where the site has none of that name."""
    found = site.payer(payer)
    return found.title if found is not None else spoken(payer)


def _away(leave: Leave) -> str:
    if leave.to is None:
        return say("since {since}", since=day(leave.begins))
    return say("{since} to {until}", since=day(leave.begins), until=day(leave.to))


def _many(one: str, many: str) -> Any:
    return lambda value, _: say_count(one, many, len(value or ()))


_FIELDS: Mapping[str, tuple[str, Any]] = {
    "start_date": ("first day", lambda value, _: day(value)),
    "end_date": ("last day", lambda value, _: last_day(value)),
    "payer": ("payer", payer_title),
    "level": ("level", lambda value, _: SPOKEN.get(value, str(value))),
    "diagnoses": (
        "diagnoses",
        lambda value, _: ", ".join(one.code for one in value) if value else say("none"),
    ),
    "patient_status": ("patient status", lambda value, _: str(value)),
    "days": ("days attended", _many("{count} day", "{count} days")),
    "leave": ("leaves", lambda value, _: "; ".join(map(_away, value or ())) or say("none")),
    "authorizations": (
        "authorizations",
        lambda value, _: (
            ", ".join(
                f"{one.number or say('no number')} ({one.units_used}"
                + (f" {say('of')} {one.units_authorized})" if one.units_authorized is not None else ")")
                for one in value
            )
            or say("none")
        ),
    ),
    "certifications": ("certifications", _many("{count} certification", "{count} certifications")),
    "warnings": ("warnings", lambda value, _: ", ".join(map(spoken, value)) if value else say("none")),
}
"""Field of a period that may change → its label, and its value in words. Others follow from these."""
