"""The head of a patient's page, its bills and its consents, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from services.placement.billing.model import SentPeriod
from services.placement.continuum.model import Folded
from services.placement.continuum.order import day_of
from services.placement.desk.patient.bills import last_day, payer_title, why
from services.placement.desk.patient.gather import EpisodeFile
from services.placement.desk.showing import voided
from services.placement.desk.worklists import recipient_title
from services.placement.engine.visible import Part
from services.placement.rules import Rules
from services.placement.worklists.wording import fact_words
from shared.events.aftercare import ConsentRecorded, ConsentRevoked
from shared.events.levels import Level
from shared.events.planning import Assigned
from shared.site.config import Site
from shared.values import value_object
from shared.web.telling import STATES
from shared.web.wording import RECORDS_ABOUT, dated, day, moment, spoken
from shared.web.words import say


@value_object
class PatientHeader:
    """Who and where: record number, state, level and since when, payers, who is in charge, what a person should look
    at. Texts are empty where nothing is known."""

    mrn: str
    state: str
    level: Level | None
    since: date | None
    day: int
    payers: str
    in_charge: tuple[tuple[str, str], ...]
    conflicts: int
    idle: int


def header(found: EpisodeFile, rules: Rules) -> PatientHeader:
    """The head of the page at the time in question."""
    folded, today = found.part.folded, day_of(found.at, found.zone)
    since = day_of(folded.since, found.zone) if folded.since else None
    return PatientHeader(
        mrn=next((stay.patient.mrn for stay in reversed(folded.stays) if stay.patient), ""),
        state=say(STATES[folded.state]),
        level=folded.level,
        since=since,
        day=(today - since).days + 1 if since else 0,
        payers=_payers(folded, today, rules),
        in_charge=tuple(_in_charge(found.part)),
        conflicts=len(folded.conflicts),
        idle=len(folded.ineffective),
    )


def _payers(folded: Folded, today: date, rules: Rules) -> str:
    """The payers in force on a day, in the order in which they pay."""
    told = [one.coverage for one in folded.coverage if one.day <= today]
    titles = [payer_title(one.payer, rules.site) for one in told[-1]] if told else []
    return say(", then ").join(titles)


def _in_charge(part: Part) -> Iterator[tuple[str, str]]:
    """(role in words, user) of everybody who is in charge, by the latest assignment to each role."""
    gone = voided(part.facts, part.folded)
    latest = {
        fact.value.role: fact.value.user_id
        for fact in sorted(part.facts, key=lambda fact: fact.sequence)
        if isinstance(fact.value, Assigned) and fact.id not in gone
    }
    yield from ((spoken(role), user) for role, user in latest.items())


class Bill(NamedTuple):
    """One service period: its version as billing has it (None: it is derived for this reader), level, days, payer,
    warnings in words, whether it is void, and why each version came."""

    period_id: str
    version: int | None
    level: Level
    days: str
    payer: str
    warnings: str
    void: bool
    supersedes: bool
    why: Sequence[str]


_DAILY = frozenset({"days", "authorizations"})
"""Fields of a period that change with every day attended: the story tells that, a bill's own list does not."""


def bills_of(found: EpisodeFile, rules: Rules) -> list[Bill]:
    """The service periods that the reader sees, by their first day, each with why its versions came."""
    known = {fact.id: fact for fact in found.part.facts}
    told: dict[str, list[str]] = {}
    for one in found.changes:
        if one.change.value.changed.keys() - _DAILY or not one.change.value.changed:
            said = f"{day(day_of(one.at, found.zone))}: {why(one, known, rules)}"
            told.setdefault(one.change.value.period_id, []).append(said)
    today = day_of(found.at, found.zone)
    ordered = sorted(found.periods, key=lambda sent: (sent.content.start_date, sent.period_id))
    return [
        _bill(each, told.get(each.period_id, ()), rules, today, number=each.version if found.as_billed else None)
        for each in ordered
        if found.as_billed or not each.voided
    ]


def _bill(sent: SentPeriod, told: Sequence[str], rules: Rules, today: date, *, number: int | None) -> Bill:
    content = sent.content
    text = "{since} to {until}" if content.end_date else "since {since}"
    days = say(text, since=dated(content.start_date, today), until=last_day(content.end_date))
    warned = ", ".join(spoken(one) for one in content.warnings)
    return Bill(
        sent.period_id, number, content.level, days, payer_title(content.payer, rules.site), warned, sent.voided,
        bool(sent.supersedes), tuple(reversed(told)),
    )  # fmt: skip


class ConsentLine(NamedTuple):
    """One consent in words: what it covers and for whom, its days, and what ended it."""

    what: str
    days: str
    over: str


def consents_of(part: Part, site: Site) -> list[ConsentLine]:
    """The consents in sight that were not taken back, the latest first."""
    gone = voided(part.facts, part.folded)
    ended = {
        fact.value.consent_id: say("revoked") if isinstance(fact.value, ConsentRevoked) else say("over")
        for fact in part.facts
        if fact.name in {"consent-revoked", "consent-expired"} and fact.id not in gone
        if hasattr(fact.value, "consent_id")
    }
    found = [fact for fact in part.facts if isinstance(fact.value, ConsentRecorded) and fact.id not in gone]
    return [
        _consent(fact.value, ended.get(fact.value.consent_id, ""), site)
        for fact in sorted(found, key=lambda fact: fact.value.occurred_at, reverse=True)
        if isinstance(fact.value, ConsentRecorded)
    ]


def _consent(value: ConsentRecorded, over: str, site: Site) -> ConsentLine:
    known = site.facility(value.discloser)
    to = recipient_title(value.recipient, site) if value.recipient else spoken(value.recipient_class or "anybody")
    what = say(
        "{from_} to {to}, for {purpose}: records {about}",
        from_=known.title if known else value.discloser,
        to=to,
        purpose=spoken(value.purpose),
        about=", ".join(say(RECORDS_ABOUT.get(each, each)) for each in value.scope),
    )
    since = say("since {since}, until it is revoked", since=day(value.begins))
    days = say("{since} to {until}", since=day(value.begins), until=day(value.ends)) if value.ends else since
    return ConsentLine(what, days, over)


class LeavingLine(NamedTuple):
    """Something that left the house, or waits for a basis to leave (`badge`: what it waits for)."""

    what: str
    recipient: str
    details: str
    badge: str = ""


def leaving_of(found: EpisodeFile, site: Site) -> list[LeavingLine]:
    """What waits for a basis, then what left, the latest first."""

    def line(one: Mapping[str, Any], details: Sequence[str], badge: str = "") -> LeavingLine:
        title = recipient_title(one["recipient"], site)
        return LeavingLine(say(fact_words(one["fact_type"])), title, ", ".join(filter(None, details)), badge)

    waits = [
        line(one, [say("since {since}", since=moment(one["since"], found.zone))], spoken(one["reason"]))
        for one in found.withheld
    ]
    left = [
        line(one, [moment(one["disclosed_at"], found.zone), spoken(one["basis"]), spoken(one["purpose"] or "")])
        for one in reversed(found.disclosed)
    ]
    return [*waits, *left]
