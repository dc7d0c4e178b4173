"""care.yml, checked: how often desks, programs and aftercare do what in the demo; and which stays of a life are entered
at the desk."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from shared.events.levels import ROUND_THE_CLOCK
from tools.simulator.chances import Chance, Range, Share, Weights, YamlModel
from tools.simulator.truth import Life, Stay

Answer = Literal["accepted", "declined", "countered", "nothing"]
Outcome = Literal["completed", "declined", "no-show", "scheduled", "nothing"]


class Care(YamlModel):
    """care.yml: shares of 1, weights, and ranges (fewest, most)."""

    at_the_desk: Share
    offers_at_once: Range
    expires: Share
    answers: dict[Answer, float]
    declines: Weights
    rounds: int
    does_not_come: Share
    sessions: Range
    no_show: Share
    session_taken_back: Share
    start_corrected: Share
    discontinued: Weights
    completes: Share
    contact_after_discharge: Share
    contact_days: Range
    stops_looking: Weights
    referrals: dict[Outcome, float]
    referral_declines: Weights
    contacts: Weights
    aftercare_ends: Weights


def divided(life: Life, care: Care, chance: Chance) -> tuple[Life, list[Stay] | None]:
    """(The life with the stays that the hospital sends messages of, the stays that are entered at the desk instead).
    None as the second: nobody acts at the desk.

    A hospital that sends no visit numbers, or sent something wrong about a program's stay, sends all stays itself.
    """
    odd = life.oddity or not life.hospital.visit_numbers or any(_told_wrong(stay) for stay in life.stays)
    if not chance.happens(care.at_the_desk) or odd:
        return life, None
    own = [stay for stay in life.stays if stay.level and stay.level not in ROUND_THE_CLOCK]
    return replace(life, stays=[stay for stay in life.stays if stay not in own]), own


def _told_wrong(stay: Stay) -> bool:
    told = stay.mishap("discharge")
    return stay.never or (told is not None and (told.mended - told.told).days > 0)
