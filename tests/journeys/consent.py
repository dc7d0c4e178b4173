"""What a patient allows and takes back in a story, at intake's door."""

from __future__ import annotations

from pydantic import Field

from tests.journeys.playing import Play
from tests.journeys.told import Told


class Consent(Told):
    """To whom, what for, about what, from which day and to which."""

    recipient: str = Field(alias="to")
    purpose: str = "treatment"
    scope: tuple[str, ...]
    since: int = Field(default=0, alias="from")
    until: int | None = None


async def consents(play: Play, told: Consent) -> None:
    """POST /consents."""
    asked = {
        "facility": "GOODHEALTH",
        "episode_id": play.episode_id,
        "discloser": "goodhealth-network",
        "recipient": told.recipient,
        "purpose": told.purpose,
        "scope": list(told.scope),
        "from": play.calendar.iso(told.since),
        "to": None if told.until is None else play.calendar.iso(told.until),
    }
    answer = await play.doors.post("intake", "/consents", asked)
    play.consents.append(answer["consent_id"])


async def takes_it_back(play: Play, told: Told) -> None:
    """POST /consents/{id}/revoked, of the consent given last."""
    await play.doors.post("intake", f"/consents/{play.consents[-1]}/revoked", {})
