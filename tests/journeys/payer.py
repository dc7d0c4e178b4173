"""What billing asks a payer in a story, and what the payer answers, through placement's API."""

from __future__ import annotations

from pydantic import Field

from tests.journeys.playing import Json, Play
from tests.journeys.told import Told


class Authorization(Told):
    """What a payer allows, asked for and approved."""

    payer: str
    level: str
    unit: str = "day"
    units: int | None = None
    since: int = Field(alias="from")
    to: int
    number: str
    next_review: int | None = None


class Payers(Told):
    """Who pays from a day on, the first of them first."""

    since: int
    payers: tuple[str, ...] = Field(alias="are")


class Answer(Told):
    """What became of an authorization, by the payer's number."""

    number: str
    to: int | None = None
    units: int | None = None
    reason: str | None = None
    next_review: int | None = None
    peer_to_peer_by: int | None = None
    appeal_by: int | None = None


class Benefits(Told):
    """What a payer said of benefits, by telephone."""

    payer: str
    level: str
    copay: str


class Review(Told):
    """What was due for review and is done, by its kind."""

    kind: str
    reason: str


async def authorizes(play: Play, told: Authorization) -> None:
    """Billing asked the payer, who approved."""
    made = await _asked(play, told)
    approved = f"/api/authorizations/{made['auth_id']}/approved"
    body = {"next_review": _day(play, told.next_review)}
    await play.doors.post("placement", approved, body, "reviewer")


async def _asked(play: Play, told: Authorization) -> Json:
    asked = {
        "number": told.number,
        "episode_id": play.episode_id,
        "payer": told.payer,
        "level": told.level,
        "unit": told.unit,
        "units": told.units,
        "from": play.calendar.iso(told.since),
        "to": play.calendar.iso(told.to),
    }
    return await play.doors.post("placement", "/api/authorizations", asked, "billing")


async def are_told(play: Play, told: Payers) -> None:
    """Billing knows who pays, where no hospital told it."""
    told_now = [{"payer": payer} for payer in told.payers]
    asked = {"effective_from": play.calendar.iso(told.since), "coverage": told_now}
    await play.doors.post("placement", f"/api/episodes/{play.episode_id}/covered", asked, "billing")


async def is_asked(play: Play, told: Authorization) -> None:
    """Billing asked the payer."""
    await _asked(play, told)


async def pends(play: Play, told: Answer) -> None:
    """The payer wants to know more."""
    await _answered(play, told, "pended")


async def denies(play: Play, told: Answer) -> None:
    """The payer says no."""
    await _answered(play, told, "denied")


async def extends(play: Play, told: Answer) -> None:
    """The payer allows more."""
    await _answered(play, told, "extended")


async def is_asked_for_more(play: Play, told: Answer) -> None:
    """Billing asked the payer for more."""
    await _answered(play, told, "requested")


async def says_of_benefits(play: Play, told: Benefits) -> None:
    """Billing asked what is covered."""
    says = [{"item": "covered", "value": "yes"}, {"item": "copay", "value": told.copay}]
    asked = {"payer": told.payer, "level": told.level, "source": "telephone", "says": says}
    await play.doors.post("placement", f"/api/episodes/{play.episode_id}/benefits", asked, "billing")


async def reviews(play: Play, told: Review) -> None:
    """A reviewer did what was due."""
    (found,) = [one for one in await play.listed("reviews") if one["kind"] == told.kind and one["state"] != "done"]
    await play.doors.post("placement", f"/api/reviews/{found['id']}/done", {"reason": told.reason}, "reviewer")


def _day(play: Play, day: int | None) -> str | None:
    return None if day is None else play.calendar.iso(day)


async def ends(play: Play, told: Answer) -> None:
    """The payer allows nothing after a day."""
    await _answered(play, told, "ended")


async def _answered(play: Play, told: Answer, move: str) -> None:
    (found,) = [one for one in await play.listed("authorizations") if one.get("number") == told.number]
    body: Json = {"to": _day(play, told.to), "units": told.units, "reason": told.reason}
    body["next_review"] = _day(play, told.next_review)
    days = {name: _day(play, getattr(told, name)) for name in ("peer_to_peer_by", "appeal_by")}
    body["denial"] = days if any(days.values()) else None
    await play.doors.post("placement", f"/api/authorizations/{found['auth_id']}/{move}", body, "billing")
