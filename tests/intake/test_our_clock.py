"""A clock of ours that is wrong is no fault of the sender's: AR, send it again, instead of AE, never again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.intake.receiving.read import Received
from services.intake.receiving.receive import Intake
from shared.clock import SetClock
from shared.errors import Transient
from tests.intake.conftest import Hospital

NOW = datetime.now(UTC).replace(microsecond=0)


def hl7(at: datetime) -> str:
    """The time as a hospital writes it, in its zone."""
    return at.strftime("%Y%m%d%H%M%S+0000")


CLOCKS = [  # how far our clock is from the database's, how far ahead of the database's the message is, answer
    ("ours is right", 0, 0, "AA"),
    ("ours is behind, and the message is right", -40, 0, "AR"),
    ("ours is behind, and the message is ahead of every clock", -40, 3, "AE"),
    ("ours is right, and the message is ahead", 0, 3, "AE"),
    ("ours is ahead, and the message is right", 40, 0, "AA"),
    ("ours is a little behind", -0.5, 0, "AA"),
]


@pytest.mark.parametrize(("ours", "message", "code"), [row[1:] for row in CLOCKS], ids=[row[0] for row in CLOCKS])
async def test_who_is_to_blame_for_a_time_in_the_future(
    own_intake: Intake, ours: float, message: float, code: str
) -> None:
    own = Intake(own_intake.database, own_intake.site, own_intake.seal, SetClock(NOW + timedelta(days=ours)))
    hospital = Hospital(own)
    raw = hospital.message("A01", hl7(NOW + timedelta(days=message)))
    letters = own.messages_of(_received(raw, own))
    (answer,) = await own.receive([letters])
    assert (answer.code, answer.away) == (code, code == "AR")
    if code == "AR":
        assert b"|207^" in answer.replies[0]
        own.clock = SetClock(NOW)  # mended: the same message is taken
        (again,) = await own.receive([own.messages_of(_received(raw, own))])
        assert again.code == "AA"
        assert await hospital.names() == ["admitted"]


REQUESTS = [
    ("ours is behind", -40, 0, Transient),
    ("the request is ahead", -40, 3, True),
    ("both are right", 0, 0, False),
]


@pytest.mark.parametrize(("ours", "asked", "told"), [row[1:] for row in REQUESTS], ids=[row[0] for row in REQUESTS])
async def test_a_request_is_to_be_sent_again_where_our_clock_is_to_blame(
    own_intake: Intake, ours: float, asked: float, told: object
) -> None:
    own = Intake(own_intake.database, own_intake.site, own_intake.seal, SetClock(NOW + timedelta(days=ours)))
    at = NOW + timedelta(days=asked)
    if told is Transient:
        with pytest.raises(Transient, match="clock"):
            await own.is_ahead(at)
    else:
        assert await own.is_ahead(at) is told
    assert not await own.is_ahead(None)


async def test_a_clock_that_went_back_is_known_by_the_last_message(own_intake: Intake) -> None:
    ahead = NOW + timedelta(days=100)  # the database's clock may be that of the same machine
    before = Intake(own_intake.database, own_intake.site, own_intake.seal, SetClock(ahead))
    hospital = Hospital(before)
    raw = hospital.message("A01", hl7(ahead - timedelta(days=1)))
    (taken,) = await before.receive([before.messages_of(_received(raw, before))])
    assert taken.code == "AA"
    back = Intake(own_intake.database, own_intake.site, own_intake.seal, SetClock(NOW))
    raw = hospital.message("A03", hl7(ahead))
    (answer,) = await back.receive([back.messages_of(_received(raw, back))])
    assert answer.code == "AR"


def _received(raw: bytes, intake: Intake) -> Received:
    return Received(raw, "mllp", intake.clock())
