"""One row of intake's lists: a feed, a message, a match, a consent, what can be taken in; in words, with its forms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, tzinfo
from typing import NamedTuple

from services.intake.api.answers import ConsentShown, FeedCount, FeedShown
from services.intake.console.hanging import HangingVisit
from services.intake.console.silence import FeedAge
from services.intake.desk import taking_in, wording
from services.intake.desk.taking_in import Asker
from services.intake.people.matches import Match
from services.intake.receiving.deletions import DELETING, deletes_visit
from services.intake.receiving.number_decisions import NumberConflict
from services.intake.receiving.views import Listed, UnmappedCode
from services.intake.requests.needs.store import UnknownNeedRow
from services.intake.requests.needs.vocabulary import OPEN, choices
from services.intake.visits.cancels import ASKS
from shared.events.levels import SPOKEN
from shared.site.config import Site
from shared.web.forms import Form
from shared.web.listing import Row
from shared.web.tables import Badge, Cell
from shared.web.wording import RECORDS_ABOUT, day, since, spoken, tail
from shared.web.words import say, say_count

SHOWN_CODES = 5
"""Codes that are in no table of the site: as many as a feed's row names."""


class AsIs(NamedTuple):
    """When a row is shown, of which site, and whether its reader may act."""

    at: datetime
    site: Site
    able: bool = False
    opens: bool = True
    """Whether the reader may open a message's page."""

    def title(self, facility: str) -> str:
        """A facility as people call it."""
        known = self.site.facility(facility)
        return known.title if known else say("a facility that the site does not have")

    def zone(self, facility: str) -> tzinfo:
        """The zone of a facility; the first one's for one that the site does not have."""
        return (self.site.facility(facility) or self.site.facilities[0]).zone_info


def take_in_rows(asker: Asker) -> list[Row]:
    """What can be taken in of somebody new."""
    referral = say("Somebody asks for care: placement begins to look for a program.")
    assessment = say("What an instrument found, and which level it recommends.")
    consent = say("What may be disclosed about the patient, to whom and what for.")
    every: list[tuple[str, str, Form]] = [
        (say("A referral"), referral, taking_in.new_referral(asker)),
        (say("An assessment"), assessment, taking_in.new_assessment(asker)),
        (say("A consent"), consent, taking_in.new_consent(asker)),
    ]
    return [Row(what, Badge(""), "", name=name, forms=(form,)) for name, what, form in every]


def feed_row(feed: FeedShown, now: AsIs) -> Row:
    """A facility's feed: when the last message came, how many of which trigger by which door, and what is wrong."""
    last = feed["last_at"]
    badge = Badge(since(last, now.at), "" if last else "late") if last else Badge(say("nothing came yet"), "soon")
    doors: dict[str, list[FeedCount]] = {}
    for each in feed["counts"]:
        doors.setdefault(each["door"], []).append(each)
    counts = [f"{say(wording.DOORS.get(door, door))}: {_counted(every)}" for door, every in sorted(doors.items())]
    warnings = tuple((False, words) for words in _warnings(feed))
    cells = {
        "counts": Cell(say_count("{count} message", "{count} messages", feed["messages"]), counts),
        "warnings": Cell(points=warnings) if warnings else Cell(badge=Badge(say("nothing to look at"), "good")),
        "waiting": Cell(badge=badge),
    }
    return Row("", badge, feed["facility"], name=now.title(feed["facility"]), cells=cells)


def silent_row(age: FeedAge, now: AsIs) -> Row:
    """A facility that has fallen silent: for how long, after how many hours it counts so, and its last message."""
    cells = {
        "waiting": Cell(badge=Badge(since(age.last_at, now.at), "late")),
        "hours": Cell(say_count("{count} hour", "{count} hours", age.hours)),
        "last": Cell(_minute(age.last_at.astimezone(now.zone(age.facility)))),
    }
    return Row("", Badge(""), age.facility, name=now.title(age.facility), cells=cells)


def hanging_row(visit: HangingVisit, now: AsIs) -> Row:
    """A visit that hangs: since when nothing was heard, what it is open as, its last message, and after how many days
    that is too long."""
    begun = _with_year(visit.begun_at.astimezone(now.zone(visit.facility)).date())
    days = now.site.hanging_after.by_place[visit.open_as]
    cells = {
        "waiting": Cell(badge=Badge(since(visit.heard_at, now.at), "soon")),
        "open": Cell(_begun(say(SPOKEN.get(visit.open_as, visit.open_as))), [say("since {day}", day=begun)]),
        "last": Cell(
            _begun(wording.trigger(visit.trigger)),
            [
                _minute(visit.heard_at.astimezone(now.zone(visit.facility))),
                say("Message {id}", id=visit.message_id),
            ],
        ),
        "days": Cell(say_count("{count} day", "{count} days", days)),
        "facility": Cell(now.title(visit.facility)),
    }
    page = f"/messages/{visit.message_id}" if now.opens else ""
    return Row("", Badge(""), visit.facility, visit.patient_id, cells=cells, page=page)


def code_row(code: UnmappedCode, now: AsIs) -> Row:
    """A code that is in no table of the site, and how many have it."""
    waits = say_count("{count} message waits for it", "{count} messages wait for it", code.number)
    told = say_count("{count} visit has it", "{count} visits have it", code.number)
    last = _with_year(code.last_at.astimezone(now.zone(code.facility)).date()) if code.last_at else ""
    cells = {
        "kind": Cell(spoken(code.kind), [code.field]),
        "number": Cell(waits if code.kind == "unit" else told),
        "facility": Cell(now.title(code.facility)),
        "last": Cell(last),
    }
    page = "/messages?note=unmapped" if code.kind == "unit" else ""
    return Row("", Badge(""), code.facility, name=code.code, cells=cells, page=page)


def _counted(counts: Sequence[FeedCount]) -> str:
    """`discharge (A03) 12, admission (A01) 9`, the most frequent first; repeats and refusals are told apart."""
    told: dict[str, int] = {}
    for each in counts:
        what = wording.trigger(each["trigger"]) if each["trigger"] else say("no trigger")
        if each["answer"] != "AA":
            what = say("{what}, {answer}", what=what, answer=say(_ANSWERS.get(each["answer"], each["answer"])))
        told[what] = told.get(what, 0) + each["count"]
    return "; ".join(f"{what} {number}" for what, number in sorted(told.items(), key=lambda one: (-one[1], one[0])))


_ANSWERS = {"AE": "answered with an error", "AR": "refused", "repeat": "sent again"}
"""Answer to a message → words."""


def _warnings(feed: FeedShown) -> Iterator[str]:
    if feed["waiting"]:
        yield say_count("{count} message waits", "{count} messages wait", feed["waiting"])
    if feed["ae"]:
        yield say_count("{count} message went wrong", "{count} messages went wrong", feed["ae"])
    if feed["unmapped"]:
        yield say_count(
            "{count} message names a unit that is in no table",
            "{count} messages name units that are in no table",
            feed["unmapped"],
        )
    for code in feed["unmapped_codes"][:SHOWN_CODES]:
        yield say("{kind} {code} is in no table", kind=spoken(code["kind"]), code=code["code"])


def message_row(message: Listed, now: AsIs, asker: Asker | None = None) -> Row:
    """A message by its id, trigger, age and reason; never its content. `asker`: who may say that it deletes a visit;
    None: nobody who looks."""
    error, _, location = (message.reason or "").partition(" ") if message.note == "error" else ("", "", "")
    fault = wording.FAULTS.get(int(error), error) if error.isdigit() else error
    what = say(fault if message.note == "error" else wording.reason(message.reason))
    more = [say("at {location}", location=location)] if location else []
    if advice := wording.advice(message.trigger, message.note, message.reason):
        more.append(_begun(advice))
    number = say("Message {id}", id=message.message_id)
    cells = {
        "waiting": Cell(badge=Badge(since(message.arrived_at, now.at))),
        "what": Cell(_begun(what), [*more, number]),
        "door": Cell(say(wording.DOORS.get(message.door, message.door))),
        "facility": Cell(now.title(message.facility)),
    }
    name = _begun(wording.trigger(message.trigger)) if message.trigger else say("A message")
    page = f"/messages/{message.message_id}" if now.opens else ""
    forms = _deletion(message, asker) if asker else ()
    name = f"{name} {tail(message.message_id)}"
    return Row("", Badge(""), message.facility, name=name, cells=cells, page=page, forms=forms)


def _deletion(message: Listed, asker: Asker) -> tuple[Form, ...]:
    """What somebody may say of a message that asks for a person; which visit it deletes is chosen on its own page."""
    if message.trigger not in DELETING:
        return ()
    if message.note == "applied":
        return (taking_in.deletion_back(message.message_id, asker),)
    chooses = deletes_visit(message.trigger) and message.visit_id is None
    asks = message.reason == ASKS and not chooses
    return (taking_in.deletion_by(message.message_id, message.trigger, asker),) if asks else ()


def _begun(words: str) -> str:
    """The words as a sentence begins."""
    return words[:1].upper() + words[1:]


def match_row(match: Match, now: AsIs, asker: Asker) -> Row:
    """Two records that may be one person's, each by its patient; what speaks for it before what speaks against."""
    one, other = match.patients
    points = [(True, say(wording.FOR_AND_AGAINST[each])) for each in match.speaks_for]
    points += [(False, say(wording.FOR_AND_AGAINST[each])) for each in match.against]
    cells = {
        "other": Cell(patient=other),
        "points": Cell(points=points),
        "waiting": Cell(badge=Badge(since(match.since, now.at))),
    }
    forms = taking_in.decisions_of(match, asker)
    return Row("", Badge(""), "", patient_id=one, page=f"/matches/{match.match_id}", forms=forms, cells=cells)


def number_row(conflict: NumberConflict, now: AsIs, asker: Asker) -> Row:
    """A visit number of two patients: the second one's row, whose number it was first, and what was decided."""
    words = say(wording.NUMBER_STATES[conflict.decision or "open"])
    cells = {
        "number": Cell(conflict.visit_number),
        "holder": Cell(patient=conflict.holder or ""),
        "state": Cell(badge=Badge(words, "good" if conflict.decision else "soon")),
        "waiting": Cell(badge=Badge(since(conflict.since, now.at))),
        "facility": Cell(now.title(conflict.facility)),
    }
    forms = taking_in.decisions_of_number(conflict, asker)
    return Row("", Badge(""), conflict.facility, patient_id=conflict.patient_id, forms=forms, cells=cells)


def need_row(need: UnknownNeedRow, told: str, now: AsIs, asker: Asker) -> Row:
    """A need that the site does not have: what was told of whom, and what was decided."""
    words = say(wording.NEED_STATES[need.state])
    known = [choices(now.site).get(need.need, need.need)] if need.need else []
    cells = {
        "told": Cell(told),
        "state": Cell(more=known, badge=Badge(words, "soon" if need.state == OPEN else "good")),
        "waiting": Cell(badge=Badge(since(need.told_at, now.at))),
        "facility": Cell(now.title(need.facility)),
    }
    forms = taking_in.decisions_of_need(need, asker)
    return Row("", Badge(""), need.facility, patient_id=need.patient_id, forms=forms, cells=cells)


def consent_row(consent: ConsentShown, now: AsIs, asker: Asker) -> Row:
    """A consent: to whom, about what and what for, its days, its state; it can be taken back while it stands."""
    state = consent["state"]
    about = ", ".join(say(RECORDS_ABOUT.get(each, each)) for each in consent["scope"])
    what = say("Records {about}", about=about)
    purpose = say("for {purpose}", purpose=say(wording.PURPOSES.get(consent["purpose"], consent["purpose"])))
    by = say("given at {facility}", facility=now.title(consent["facility"]))
    to, days, badge = (
        _recipient(consent, now.site),
        _days(consent),
        Badge(say(wording.STATES[state]), wording.TONES.get(state, "")),
    )
    forms = (taking_in.revocation_of(consent["consent_id"], asker),) if now.able and state == "standing" else ()
    cells = {
        "waiting": Cell(badge=badge),
        "to": Cell(to),
        "what": Cell(what, [purpose]),
        "days": Cell(days),
        "facility": Cell(now.title(consent["facility"])),
    }
    details = (purpose, days, by)
    return Row(
        f"{to}: {what}", badge, consent["facility"], consent["patient_id"], details=details, forms=forms, cells=cells
    )


def _recipient(consent: ConsentShown, site: Site) -> str:
    titles: Mapping[str, str] = site.may_receive
    if recipient := consent.get("recipient"):
        return titles.get(recipient, recipient)
    return say("everybody who is {kind}", kind=spoken(consent.get("recipient_class", "")))


def _days(consent: ConsentShown) -> str:
    begins: date = consent["from"]
    ends = consent.get("to")
    if ends is None:
        return say("from {day} until it is taken back", day=_with_year(begins))
    return say("{first} to {last}", first=_with_year(begins), last=_with_year(ends))


def _minute(at: datetime) -> str:
    return f"{_with_year(at.date())}, {at:%H:%M}"


def _with_year(value: date) -> str:
    return f"{day(value)} {value.year}"
