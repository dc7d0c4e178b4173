"""Every POST of JSON at intake: the table of them, and what web/posts.py needs of intake to work them off.

A body may say who a patient is, so a request with an Idempotency-Key is remembered as keyed hashes (decision 0173).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any, TypeAlias

from pydantic import BaseModel
from starlette.responses import Response
from starlette.routing import BaseRoute

from services.intake.api import deletions, messages, trials, visit_numbers
from services.intake.api.answers import DeletionShown, NumberConflictShown, ReadAgainShown
from services.intake.api.needs import READERS as UNKNOWN_NEEDS
from services.intake.api.rate_limits import MACHINES, RateLimits
from services.intake.receiving.receive import Intake
from services.intake.requests import handlers
from services.intake.requests.commands import Assessment, KnownReferral, Referral, Stated
from services.intake.requests.consents import handlers as consents
from services.intake.requests.consents.commands import ConsentGiven, ConsentStated, ConsentTakenBack
from services.intake.requests.matches import handlers as matches
from services.intake.requests.matches.commands import MatchDecided, NotDecided, SamePerson
from services.intake.requests.needs import handlers as needs
from services.intake.requests.needs.commands import MapNeed, NeedDecided, SayNeed
from services.intake.requests.needs.vocabulary import unfit as unfit_need
from shared.site.config import Site
from shared.storage import retired
from shared.storage.database import Connection
from shared.web import idempotency, posts, requests
from shared.web.app import JSON, Problem
from shared.web.auth import Caller

ASKERS = ("hospital", "coordinator")
DECIDERS = ("identity",)
Decision: TypeAlias = Callable[[Intake, Connection, Caller, str, Any], Awaitable[BaseModel]]
"""(intake, connection, caller, id in the path, command) → the answer."""
Write: TypeAlias = posts.Write[Decision]
Posted: TypeAlias = posts.Posted[Decision]
_write = partial(Write, roles=ASKERS, tagged=False)
_decide = partial(Write, roles=DECIDERS, tagged=False, told=MatchDecided)

WRITES: tuple[Write, ...] = (
    _write(
        "/referrals", "referral", "referral-stated", Referral, handlers.state,
        "A referral: an episode without ADT", operation="stateReferral", told=Stated,
    ),
    _write(
        "/assessments", "assessment", "assessment-stated", Assessment, handlers.state,
        "An assessment", operation="stateAssessment", told=Stated,
    ),
    _write(
        "/consents", "consent", "consent-recorded", ConsentGiven, consents.record,
        "A consent to disclosures", operation="recordConsent", told=ConsentStated,
    ),
    _decide(
        "/api/matches/{id}/same", "match", "match-same", SamePerson, matches.same,
        "Two records are one person's: merged within a facility, linked over two", operation="decideSame",
    ),
    _decide(
        "/api/matches/{id}/different", "match", "match-different", NotDecided, matches.different,
        "Two records are two people's; what had made them one is taken back", operation="decideDifferent",
    ),
    _decide(
        "/api/matches/{id}/taken-back", "match", "match-taken-back", NotDecided, matches.taken_back,
        "What was decided of a match is taken back", operation="takeBackMatch",
    ),
    _write(
        "/consents/{id}/revoked", "consent", "consent-revoked", ConsentTakenBack, consents.revoke,
        "The consent is taken back; 200: nothing leaves on it from now on; 202: the gate has yet to hear of it",
        operation="revokeConsent", told=ConsentStated,
    ),
)  # fmt: skip
READ_AGAIN = Write(
    "/api/messages/{id}/read-again", "message", "message-read-again", trials.ApplyReading, trials.apply,
    "What was shown of a message read again is applied", messages.OPENERS, "readMessageAgain", ReadAgainShown,
    tagged=False,
)  # fmt: skip
_number = partial(
    Write, kind="visit-number", asks=visit_numbers.NumberDecided, roles=visit_numbers.DECIDERS,
    told=NumberConflictShown, tagged=False,
)  # fmt: skip
NUMBERS: tuple[Write, ...] = (
    _number(
        "/api/visit-numbers/{id}/own", action="visit-number-own", decide=visit_numbers.own,
        summary="The number is of two visits: the second patient's counts, too", operation="visitNumberOwn",
    ),
    _number(
        "/api/visit-numbers/{id}/holder", action="visit-number-holder", decide=visit_numbers.of_holder,
        summary="The number is of one visit, of the patient who had it first", operation="visitNumberHolder",
    ),
    _number(
        "/api/visit-numbers/{id}/taken-back", action="visit-number-taken-back", decide=visit_numbers.taken_back,
        summary="What was decided of the number is taken back", operation="visitNumberTakenBack",
    ),
)  # fmt: skip
_deletion = partial(
    Write, kind="message", roles=deletions.DECIDERS, told=DeletionShown, tagged=False,
)  # fmt: skip
DELETIONS: tuple[Write, ...] = (
    _deletion(
        "/api/messages/{id}/agreed", action="deletion-agreed", asks=deletions.DeletionAgreed, decide=deletions.agree,
        summary="A message deletes a visit that ended long ago, or a chosen one (A23), or a person's data (A29)",
        operation="agreeToDeletion",
    ),
    _deletion(
        "/api/messages/{id}/agreed-taken-back", action="deletion-taken-back", asks=deletions.DeletionDecided,
        decide=deletions.take_back, summary="What was agreed to is taken back: what was deleted stands again",
        operation="takeBackDeletion",
    ),
)  # fmt: skip
_need = partial(Write, kind="unknown-need", asks=SayNeed, roles=UNKNOWN_NEEDS, told=NeedDecided, tagged=False)
NEEDS: tuple[Write, ...] = (
    _need(
        "/api/unknown-needs/{id}/mapped", action="unknown-need-mapped", asks=MapNeed, decide=needs.mapped,
        summary="It is a need that the site has: the referral or assessment is stated anew with it",
        operation="mapUnknownNeed",
    ),
    _need(
        "/api/unknown-needs/{id}/set-aside", action="unknown-need-set-aside", decide=needs.set_aside,
        summary="It is no need of a program", operation="setUnknownNeedAside",
    ),
    _need(
        "/api/unknown-needs/{id}/taken-back", action="unknown-need-taken-back", decide=needs.taken_back,
        summary="What was said of it is taken back", operation="takeBackUnknownNeed",
    ),
)  # fmt: skip
EVERY: tuple[Write, ...] = (*WRITES, READ_AGAIN, *NUMBERS, *DELETIONS, *NEEDS)
"""Those of who takes in, that of the console, and those of who decides on visit numbers, deletions, unknown needs."""


def routes(intake: Intake, rates: RateLimits) -> Sequence[BaseRoute]:
    """The routes of all posts."""
    return posts.routes(door(intake, rates), EVERY)


def door(intake: Intake, rates: RateLimits) -> posts.PostDoor[Decision]:
    """What is intake's own in the way of every POST (web/posts.py)."""
    return posts.PostDoor(
        intake.database,
        intake.clock,
        partial(_fit, intake, rates),
        _subject,
        partial(_act, intake),
        media=("application/json",),
        remember=partial(_remember, intake),
        reused="other-request",
        respond=partial(_respond, intake),
    )


async def _fit(intake: Intake, rates: RateLimits, posted: Posted) -> None:
    """Check a request by the site config, the caller's facilities, its time and the rate limits. Raises a Problem."""
    asked = posted.command
    if isinstance(asked, ConsentGiven):
        _of_consents(asked, posted.who, intake.site)
    elif isinstance(asked, Referral | KnownReferral | Assessment):
        _within(asked.facility, posted.who, intake.site)
        _of_the_vocabulary(asked.needs, posted.who, intake.site)
    at = getattr(asked, "occurred_at", None)
    await _not_ahead(at, intake, named=isinstance(asked, ConsentGiven | ConsentTakenBack))
    if getattr(asked, "identity", None) is not None:
        rates.take(posted.who)


def _within(facility: str, who: Caller, site: Site) -> None:
    """Check that a facility is one of the site and the caller's. Raises a Problem."""
    place = site.facility(facility)
    if place is None:
        raise _unfit("no-such-facility", "the site has no facility of that name")
    requests.within(who, place.name)


def _of_the_vocabulary(codes: Sequence[str], who: Caller, site: Site) -> None:
    """Refuse needs that the site's vocabulary does not have (contract 3.7.3). Raises a Problem (422). What a hospital's
    system tells is taken; what of it is unknown is kept sealed, for a person to read."""
    if who.roles == MACHINES:
        return
    for place, code in enumerate(codes):
        if (why := unfit_need(site, code)) is not None:
            raise _unfit("no-such-need", why, f"needs.{place}")


def _of_consents(asked: ConsentGiven, who: Caller, site: Site) -> None:
    """Check facility and discloser, which must be the caller's, and recipient or class. Raises a Problem.

    A consent is given to who discloses (42 CFR 2.31(a)(3)): nobody records one for another facility.
    """
    place = site.facility(asked.facility)
    if place is None:
        raise _unfit("no-such-facility", "the site has no facility of that name", "facility")
    requests.within(who, place.name)
    for facility in _disclosers(asked, site):
        requests.within(who, facility)
    if asked.recipient is not None and asked.recipient not in site.may_receive:
        raise _unfit("no-such-recipient", "the site has no recipient of that id", "recipient")
    if asked.recipient_class is not None and asked.recipient_class not in site.classes_that_receive:
        raise _unfit("no-such-recipient", "the site has no recipient of that class", "recipient_class")


def _disclosers(asked: ConsentGiven, site: Site) -> list[str]:
    """The facilities that a consent lets disclose, where it names any."""
    if asked.discloser is None:
        return []
    if asked.discloser == site.name:
        return [each.name for each in site.facilities]
    place = site.facility(asked.discloser)
    if place is None:
        raise _unfit("no-such-facility", "the discloser is a facility, or the site's own name", "discloser")
    return [place.name]


async def _not_ahead(at: datetime | None, intake: Intake, *, named: bool) -> None:
    """Refuse a time too far in the future (422); `named`: the answer names the field."""
    if await intake.is_ahead(at):
        text = "occurred_at lies too far in the future"
        raise _unfit("in-the-future", text, *(("occurred_at",) if named else ()))


def _unfit(code: str, text: str, *fields: str) -> Problem:
    """A Problem (422) that names these fields."""
    more = {"fields": [{"field": field, "problem": code} for field in fields]} if fields else {}
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, code, text, **more)


async def _subject(_: Connection, posted: Posted) -> str:
    """What a refusal is audited under: the consent, else the facility, since the patient is not known yet."""
    return posted.id or str(posted.command.facility)


async def _act(intake: Intake, connection: Connection, posted: Posted, _: str) -> posts.Answer:
    if (facility := getattr(posted.command, "facility", None)) is not None:
        await retired.must_be_here(connection, handlers.facility_name(intake, facility))
    told = await posted.write.decide(intake, connection, posted.who, posted.id, posted.command)
    return posts.Answer(told.model_dump(), None)


def _remember(intake: Intake, posted: Posted) -> idempotency.HashedRequest | None:
    """The request as keyed hashes, None without a key. The key counts for this caller and path; two requests are the
    same where their commands are."""
    if posted.key is None:
        return None
    path, content = posted.key.path, posted.command.model_dump_json()
    key = intake.seal.blind(f"idempotency\x1f{posted.key.caller}\x1f{path}\x1f{posted.key.key}")
    asked = intake.seal.blind(content if posted.write.makes else f"{path}\x1f{content}")
    return idempotency.HashedRequest("", key.hex(), asked)


async def _respond(intake: Intake, posted: Posted, answer: idempotency.Answered) -> Response:
    """The answer; of a revocation 200 once nothing leaves on the consent any more, else 202 and where to ask again."""
    if posted.write.kind != "consent" or posted.write.makes:
        return await posts.respond(posted, answer)
    told = ConsentStated.model_validate_json(answer.body)
    state = await consents.until_it_counts(intake, told.consent_id)
    status = HTTPStatus.ACCEPTED if state == "revoking" else HTTPStatus.OK
    return JSON({**told.model_dump(), "state": state}, status, {"location": f"/consents/{told.consent_id}"})
