"""A message, and what changes by one, in words: for the console's pages. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import NamedTuple

from services.intake.console.asking import MessageTold, MessageWhole
from services.intake.console.changes import ChangedFact, Changes
from services.intake.console.effects import waits_for
from services.intake.console.reading_again import ReadAgain
from services.intake.console.trying import MessageTried, Tried
from services.intake.console.views import FactOfMessage
from services.intake.desk import wording as desk
from services.intake.desk.console import wording
from services.intake.desk.views import VisitOf
from shared.site.config import Site
from shared.web.tables import Badge
from shared.web.wording import capital, moment, spoken
from shared.web.words import say


class Drawn(NamedTuple):
    """How a page is drawn: the site, and the zone that times are told in (None: the facility's)."""

    site: Site
    zone: tzinfo | None

    def at(self, instant: datetime, facility: str) -> str:
        """An instant in words."""
        known = self.site.facility(facility) or self.site.facilities[0]
        return moment(instant, self.zone or known.zone_info)

    def title(self, facility: str) -> str:
        """A facility as people call it."""
        known = self.site.facility(facility)
        return known.title if known else say("a facility that the site does not have")


class FactLine(NamedTuple):
    """A fact in words; `link`: the message that replaced it or took it back, if any."""

    text: str
    state: str = ""
    link: str = ""


class MessageView(NamedTuple):
    """A message as a page shows it: by ids, codes and reasons, never content."""

    message_id: str
    what: str
    came: str
    facility: str
    door: str
    control_id: str
    answer: str
    badge: Badge
    why: str
    facts: Sequence[FactLine]
    warnings: Sequence[str]
    patient_id: str = ""
    visit: str = ""
    taken_back_by: str = ""
    has_text: bool = False


class OutcomeView(NamedTuple):
    """What would come of a message that is tried or read again."""

    what: str
    answer: str
    badge: Badge
    why: str
    notes: Sequence[str]
    warnings: Sequence[str]


class ChangesView(NamedTuple):
    """What would change: facts, and other messages that would mean something else (their ids, and words)."""

    facts: Sequence[str]
    others: Sequence[tuple[str, str]]


def message(told: MessageTold, drawn: Drawn) -> MessageView:
    """A message of a list."""
    line = told.line
    badge, why = _became(line.trigger, line.note, line.reason)
    return MessageView(
        line.message_id,
        _what(line.trigger),
        drawn.at(line.arrived_at, line.facility),
        drawn.title(line.facility),
        say(desk.DOORS.get(line.door, line.door)),
        line.control_id,
        line.answer,
        badge,
        why,
        [_fact(each, drawn, line.facility) for each in told.facts],
        line.warnings,
        line.patient_id or "",
    )


def whole(found: MessageWhole, drawn: Drawn) -> MessageView:
    """One message with all that came of it."""
    facility = found.told.line.facility
    return message(found.told, drawn)._replace(
        visit=_span(found.begun_at, found.ended_at, drawn, facility),
        taken_back_by=found.taken_back_by or "",
        has_text=found.has_text,
    )


def visit(of: VisitOf, drawn: Drawn) -> str:
    """A visit by its days."""
    words = _span(of.begun_at, of.ended_at, drawn, of.facility) or say("a visit that has not begun")
    return capital(words)


def tried(found: Tried, drawn: Drawn) -> Sequence[OutcomeView]:
    """What would come of messages that were tried."""
    return [_tried(each, drawn) for each in found.messages]


def read_again(found: ReadAgain) -> OutcomeView:
    """What a message is read as now."""
    badge, why = _became(found.trigger, found.note, found.fault or found.reason)
    notes = [say("answered {before}, now {now}", before=found.before, now=found.answer)]
    if found.fields:
        notes.append(say("read otherwise: {fields}", fields=", ".join(map(spoken, found.fields))))
    return OutcomeView(_what(found.trigger), found.answer, badge, why, notes, found.warnings)


def changes(found: Changes, drawn: Drawn) -> ChangesView:
    """What would change by it."""
    others = [(each.message_id, _anew(each.trigger, each.before, each.note)) for each in found.notes]
    return ChangesView([_changed(each, drawn) for each in found.facts], others)


def _tried(each: MessageTried, drawn: Drawn) -> OutcomeView:
    line = each.line
    reason = f"{line.error.code} {line.error.segment}-{line.error.field}" if line.error else each.reason
    badge, why = _became(line.trigger or "", each.note, reason)
    notes = [
        say("of a patient who is known") if each.known_patient else say("of somebody new"),
        say("of a visit that is known") if each.known_visit else say("of a new visit, or of none"),
        _span(each.begun_at, each.ended_at, drawn, ""),
    ]
    return OutcomeView(_what(line.trigger or ""), line.ack, badge, why, [each for each in notes if each], each.warnings)


def _became(trigger: str, note: str, reason: str | None) -> tuple[Badge, str]:
    """What became of a message, and why, in words."""
    badge = Badge(say(wording.NOTE_WORDS.get(note, note)), wording.NOTES.get(note, ("", ""))[1])
    if note in {"error", "refused"}:
        code, _, location = (reason or "").partition(" ")
        fault = say(desk.FAULTS.get(int(code), code)) if code.isdigit() else code
        return badge, say("{fault}, at {location}", fault=fault, location=location) if location else fault
    if (waits := waits_for(trigger, note, reason)) is not None:
        advice = desk.advice(trigger, note, reason)
        return badge, "; ".join(filter(None, (say(wording.WAITS[waits]), advice)))
    return badge, say(wording.REASONS.get(reason, spoken(reason))) if reason else ""


def _what(trigger: str) -> str:
    return capital(say(desk.trigger(trigger))) if trigger else say("A message")


def _span(begun: datetime | None, ended: datetime | None, drawn: Drawn, facility: str) -> str:
    if begun is None:
        return ""
    if ended is None:
        return say("its visit began {begun}", begun=drawn.at(begun, facility))
    return say("its visit: {begun} to {ended}", begun=drawn.at(begun, facility), ended=drawn.at(ended, facility))


def _fact(fact: FactOfMessage, drawn: Drawn, facility: str) -> FactLine:
    text = f"{capital(spoken(fact.type))}, {drawn.at(fact.occurred_at, facility)}"
    if fact.standing or fact.type == "fact-cancelled":
        return FactLine(text)
    return FactLine(text, say(wording.STATES["replaced" if fact.replaced else "taken-back"]), fact.gone_by or "")


def _changed(fact: ChangedFact, drawn: Drawn) -> str:
    words = f"{spoken(fact.type)}, {drawn.at(fact.occurred_at, '')}"
    return capital(say(wording.CHANGES[fact.change], fact=words))


def _anew(trigger: str, before: str | None, note: str) -> str:
    was = say(wording.NOTE_WORDS.get(before or "", "new"))
    now = say(wording.NOTE_WORDS.get(note, note))
    return say("{what}: {was}, then {now}", what=_what(trigger), was=was, now=now)
