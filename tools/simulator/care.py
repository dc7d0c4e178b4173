"""care.yml: how desks, programs and aftercare act in the demo, checked; and which stays of a life are theirs."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from shared.events.levels import ROUND_THE_CLOCK
from tools.simulator.chances import Chance, Range, Share, Weights, Words
from tools.simulator.truth import Life, Stay

Answer = Literal["accepted", "declined", "countered", "nothing"]
Outcome = Literal["completed", "declined", "no-show", "scheduled", "nothing"]


class Care(Words):
    """care.yml."""

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


def shared_out(life: Life, care: Care, chance: Chance) -> tuple[Life, list[Stay] | None]:
    """The life as the hospital tells it, and the stays of which the desk tells instead; None: nobody acts at the desk.

    Where a hospital tells no visit numbers, or has told something in error of a program, it tells all of it.
    """
    odd = life.oddity or not life.hospital.visit_numbers or any(_told_wrong(stay) for stay in life.stays)
    if not chance.happens(care.at_the_desk) or odd:
        return life, None
    own = [stay for stay in life.stays if stay.level and stay.level not in ROUND_THE_CLOCK]
    return replace(life, stays=[stay for stay in life.stays if stay not in own]), own


def _told_wrong(stay: Stay) -> bool:
    told = stay.mishap("discharge")
    return stay.never or (told is not None and (told.mended - told.told).days > 0)
