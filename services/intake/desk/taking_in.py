"""The forms of intake's pages, for every write of its API: of somebody new, or of a patient who is known. Pure.

Who the patient is goes in a form's body, never in an address.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from typing import NamedTuple, TypeAlias

from services.intake.api import writes
from services.intake.api.writes import Write
from services.intake.desk import wording
from services.intake.people.matches import Match
from services.intake.receiving.deletions import deletes_visit
from services.intake.receiving.number_decisions import NumberConflict
from services.intake.requests import handlers
from services.intake.requests.commands import Assessment, KnownReferral, Referral, Stated
from services.intake.requests.consents.commands import ConsentGiven, ConsentTakenBack
from services.intake.requests.matches.commands import SamePerson
from services.intake.requests.needs.store import UnknownNeedRow
from services.intake.requests.needs.vocabulary import OPEN, choices
from shared.events.levels import WORDS
from shared.site.config import Site
from shared.site.needs import codes_of
from shared.web.auth import Caller
from shared.web.desk import facilities_of
from shared.web.form_posts import address
from shared.web.forms import Form, Question, checks, local, questions
from shared.web.wording import RECORDS_ABOUT, spoken, tail
from shared.web.words import say
from shared.web.zones import name_of

_BELOW = "/acts"
"""Where the addresses of forms begin: without it they would be those of the API, which takes JSON."""
_OF_THE_API: Sequence[Write] = [replace(write, path=f"{_BELOW}{write.path}") for write in writes.WRITES]
REFER, ASSESS, CONSENT, SAME, DIFFERENT, TAKEN_BACK, REVOKE = _OF_THE_API
Asked: TypeAlias = Referral | KnownReferral | Assessment | ConsentGiven
REFER_KNOWN = Write(
    f"{_BELOW}/known-referrals", "referral", REFER.action, KnownReferral, handlers.state, REFER.summary, REFER.roles,
    REFER.operation, Stated, tagged=False,
)  # fmt: skip
OWN, HOLDER, NUMBER_BACK = [replace(write, path=f"{_BELOW}{write.path}") for write in writes.NUMBERS]
MAP_NEED, SET_NEED_ASIDE, NEED_BACK = [replace(write, path=f"{_BELOW}{write.path}") for write in writes.NEEDS]
AGREE, NOT_AGREED = [replace(write, path=f"{_BELOW}{write.path}") for write in writes.DELETIONS]
WRITES: tuple[Write, ...] = (
    *_OF_THE_API,
    REFER_KNOWN,
    OWN,
    HOLDER,
    NUMBER_BACK,
    AGREE,
    NOT_AGREED,
    MAP_NEED,
    SET_NEED_ASIDE,
    NEED_BACK,
)
"""What a form does: the writes of the API at addresses of their own, and a referral by our id of the patient."""
_NEW: Sequence[Question] = (
    Question("identity.name.family", "text", "Family name", required=True),
    Question("identity.name.given", "text", "Given name", required=False),
    Question("identity.birth_date", "date", "Birth date", required=False),
    Question("identity.identifiers.0.id", "text", "Record number", required=True),
    Question("identity.identifiers.0.type", "hidden", "", required=True, value="MR"),
    Question("identity.contacts.0.value", "text", "Telephone", required=False),
    Question("identity.contacts.0.system", "hidden", "", required=True, value="phone"),
    Question(
        "identity.safe_to_contact", "select", "Safe to contact", required=False,
        options={"true": "safe to contact", "false": "not safe to contact"},
    ),
)  # fmt: skip
"""Who somebody new is."""


class Asker(NamedTuple):
    """Who fills in a form, when, in which zone times are typed (None: the facility's), and the site."""

    who: Caller
    at: datetime
    zone: tzinfo | None
    site: Site

    @property
    def facilities(self) -> dict[str, str]:
        """Name → title of the facilities that may be chosen."""
        return facilities_of(self.site, self.who)

    @property
    def typing(self) -> tzinfo:
        """The zone in which times are typed."""
        return self.zone or self.site.zone(next(iter(self.facilities), self.site.facilities[0].name))


def new_referral(asker: Asker) -> Form:
    """A referral of somebody new."""
    return _form("Refer", REFER, [*_place(asker, Referral), *_NEW, *_rest(asker, Referral)], asker)


def new_assessment(asker: Asker) -> Form:
    """An assessment of somebody new."""
    return _form("Add an assessment", ASSESS, [*_place(asker, Assessment), *_NEW, *_rest(asker, Assessment)], asker)


def new_consent(asker: Asker) -> Form:
    """A consent of somebody new."""
    return _form("Record a consent", CONSENT, [*_place(asker, ConsentGiven), *_NEW, *_allowed(asker)], asker)


def referral_of(patient_id: str, asker: Asker) -> Form:
    """A referral of a patient who is known."""
    of = _given("patient_id", patient_id)
    return _form("Refer", REFER_KNOWN, [of, *_place(asker, KnownReferral), *_rest(asker, KnownReferral)], asker)


def assessment_of(episode_id: str, asker: Asker) -> Form:
    """An assessment within an episode."""
    of = _given("episode_id", episode_id)
    return _form("Add an assessment", ASSESS, [of, *_place(asker, Assessment), *_rest(asker, Assessment)], asker)


def consent_of(patient_id: str, asker: Asker) -> Form:
    """A consent of a patient who is known."""
    of = _given("patient_id", patient_id)
    return _form("Record a consent", CONSENT, [of, *_place(asker, ConsentGiven), *_allowed(asker)], asker)


def decisions_of(match: Match, asker: Asker) -> tuple[Form, ...]:
    """What can be decided of a match: one person (which record stays is asked), two people, or taken back."""
    one, other = match.patients
    options = {"surviving_patient_id": {each: say("Patient {tail}", tail=tail(each)) for each in (one, other)}}
    asked = questions(SamePerson, labels=wording.FIELDS, leave_out=("occurred_at",), options=options)
    same = _form("", SAME, asked, asker, match.match_id)._replace(
        label="One person",
        confirm="Two records of one facility become one; of two facilities they are linked, and nothing moves.",
    )
    different = _form("", DIFFERENT, (), asker, match.match_id)._replace(label="Two people")
    back = _form("", TAKEN_BACK, (), asker, match.match_id)._replace(label="Take back")
    return {"open": (same, different), "same": (back, different), "different": (back, same)}[match.state]


def decisions_of_number(conflict: NumberConflict, asker: Asker) -> tuple[Form, ...]:
    """What can be said of a visit number that two patients have: the visit is the second one's own, or the holder's;
    or what was said is taken back."""
    own = _form("", OWN, (), asker, conflict.conflict_id)._replace(
        label="A visit of its own", confirm="The second patient's visit counts beside the first one's."
    )
    of_holder = _form("", HOLDER, (), asker, conflict.conflict_id)._replace(
        label="The first patient's visit", confirm="All messages with this number are of the first patient's visit."
    )
    back = _form("", NUMBER_BACK, (), asker, conflict.conflict_id)._replace(label="Take back")
    return (own, of_holder) if conflict.decision is None else (back,)


def decisions_of_need(need: UnknownNeedRow, asker: Asker) -> tuple[Form, ...]:
    """What can be said of a need that the site does not have: which of the site's it is, that it is none, or what was
    said is taken back."""
    chosen = Question("need", "select", "Which need", required=True, options=choices(asker.site))
    mapped = _form("It is this need", MAP_NEED, [chosen], asker, need.need_id)
    aside = _form("", SET_NEED_ASIDE, (), asker, need.need_id)._replace(
        label="Set aside", confirm="It is no need of a program: nobody looks for it."
    )
    back = _form("", NEED_BACK, (), asker, need.need_id)._replace(label="Take back")
    return (mapped, aside) if need.state == OPEN else (back,)


def deletion_by(message_id: str, trigger: str, asker: Asker, visits: Mapping[str, str] | None = None) -> Form:
    """A message deletes a visit, or what its facility told of a person. `visits`: id → words of those that can be
    chosen, where it names none."""
    form = _form("", AGREE, _chosen(visits), asker, message_id)
    if deletes_visit(trigger):
        return form._replace(
            label="Delete the visit", confirm="All that was said of the visit is taken back, and its bill is void."
        )
    return form._replace(
        label="Delete names and contacts",
        confirm="What this facility told of who the person is goes; what was told of care, and by others, stays.",
    )


def _chosen(visits: Mapping[str, str] | None) -> Sequence[Question]:
    if visits is None:
        return ()
    return [Question("visit_id", "select", "Which visit", required=True, options=visits)]


def deletion_back(message_id: str, asker: Asker) -> Form:
    """What somebody agreed that a message deletes stands again."""
    return _form("", NOT_AGREED, (), asker, message_id)._replace(label="Take the deletion back")


def revocation_of(consent_id: str, asker: Asker) -> Form:
    """A consent is taken back."""
    asked = questions(ConsentTakenBack, proposed=_now(asker), labels=wording.FIELDS)
    form = _form("Take back", REVOKE, asked, asker, consent_id)
    return form._replace(confirm="Nothing leaves on it any more; what was disclosed before stays so.")


def _form(label: str, write: Write, asked: Sequence[Question], asker: Asker, about: str = "") -> Form:
    return Form(
        label,
        address(write.path).replace("{id}", about),
        tuple(asked),
        seen=0,
        key=secrets.token_urlsafe(12),
        zone=name_of(asker.typing),
        clock=f"{asker.at.astimezone(asker.typing):%Z}",
    )


def _given(name: str, value: str) -> Question:
    return Question(name, "hidden", "", required=True, value=value)


def _now(asker: Asker) -> Mapping[str, str]:
    return {"occurred_at": local(asker.at, asker.typing)}


def _place(asker: Asker, model: type[Asked]) -> Sequence[Question]:
    """The facility, which is settled for who has only one."""
    mine = asker.facilities
    if len(mine) == 1:
        return [_given("facility", next(iter(mine)))]
    rest = [info.alias or name for name, info in model.model_fields.items() if name != "facility"]
    return questions(model, labels=wording.FIELDS, leave_out=rest, options={"facility": mine})


def _rest(asker: Asker, model: type[Asked]) -> Sequence[Question]:
    """What a referral or an assessment asks besides who and where; what it is about is chosen from the labels."""
    left = ("facility", "patient_id", "episode_id", "identity", "labels", "dimensions", "needs")
    options = {"requested_level": WORDS, "recommended_level": WORDS}
    asked = questions(model, proposed=_now(asker), labels=wording.FIELDS, leave_out=left, options=options)
    return [*asked, *checks("labels", RECORDS_ABOUT), *checks("needs", codes_of(asker.site.needs))]


def _allowed(asker: Asker) -> Sequence[Question]:
    """What a consent allows: to whom, what for, about what, and on which days."""
    site = asker.site
    options = {
        "recipient": site.may_receive,
        "recipient_class": {each: spoken(each) for each in sorted(site.classes_that_receive)},
        "purpose": {**{each.purpose: spoken(each.purpose) for each in site.recipients}, **wording.PURPOSES},
    }
    left = ("facility", "patient_id", "episode_id", "identity", "discloser", "scope")
    asked = questions(ConsentGiven, proposed=_now(asker), labels=wording.FIELDS, leave_out=left, options=options)
    return [*asked, *checks("scope", RECORDS_ABOUT)]
