"""What a facility's messages say together of a patient's death (contract 3.6 rule 13), in whatever order they came."""

from __future__ import annotations

from datetime import UTC
from itertools import permutations

import pytest

from services.intake.hl7.model import VisitMessage
from services.intake.visits.death_reports import DeathRecord, death_of, decode, encode, with_ends, with_messages
from tests.intake.said import clock, told

YES = told(1, "A08", "20260106090000", pid_30="Y")
YES_AGAIN = told(2, "A31", "20260107090000", pid_30="Y")
AT = told(3, "A08", "20260107100000", pid_29="202601060320", pid_30="Y")
TIME_ALONE = told(4, "A08", "20260106100000", pid_29="202601060320")
NO = told(5, "A08", "20260108090000", pid_30="N")
REMOVED = told(6, "A08", "20260108090000", pid_30='""')
NO_TIME = told(7, "A08", "20260108100000", pid_29='""')
BOTH = told(8, "A08", "20260106100000", pid_29="202601060320", pid_30="N")
SILENT = told(9, "A08", "20260109090000")
YES_LATER = told(10, "A28", "20260109090000", pid_30="Y")


def death(*said: VisitMessage) -> tuple[str, ...] | None:
    """When (UTC), and how it is known: `told` where PID-29 says it, `contradicted`; None: alive."""
    found = death_of(with_messages(DeathRecord(), said))
    if found is None:
        return None
    words = (("told",) if found.died_at else ()) + (("contradicted",) if found.contradicted else ())
    return (found.at.astimezone(UTC).isoformat()[:16], *words)


@pytest.mark.parametrize(
    ("story", "says"),
    [
        ((YES,), ("2026-01-06T14:00",)),
        ((YES, YES_AGAIN), ("2026-01-06T14:00",)),
        ((YES, AT), ("2026-01-06T08:20", "told")),
        ((TIME_ALONE,), ("2026-01-06T08:20", "told")),
        ((told(1, "A08", "20260107", pid_29="20260106"),), ("2026-01-07T05:00", "told")),
        ((told(1, "A08", "20260106090000", pid_29="early in the morning"),), ("2026-01-06T14:00",)),
        ((BOTH,), ("2026-01-06T08:20", "told", "contradicted")),
        ((BOTH, AT), ("2026-01-06T08:20", "told")),
        ((YES, NO), None),
        ((YES, AT, REMOVED), None),
        ((BOTH, NO), None),
        ((NO,), None),
        ((SILENT,), None),
        ((YES, SILENT), ("2026-01-06T14:00",)),
        ((YES, NO, YES_LATER), ("2026-01-09T14:00",)),
        ((TIME_ALONE, NO_TIME), None),
        ((AT, NO_TIME), ("2026-01-07T15:00",)),
    ],
)
def test_what_is_said_last_holds_in_whatever_order_it_comes(
    story: tuple[VisitMessage, ...], says: tuple[str, ...] | None
) -> None:
    for order in permutations(story):
        assert death(*order) == says
        one_by_one = DeathRecord()
        for said in (*order, order[0]):
            one_by_one = decode(encode(with_messages(one_by_one, [said])))
        assert one_by_one == with_messages(DeathRecord(), story)


EXPIRED = told(20, "A03", "20260107120000", pv1_45="20260107110000", pv1_36="20")
EXPIRED_NO = told(20, "A03", "20260107120000", pv1_45="20260107110000", pv1_36="20", pid_30="N")


@pytest.mark.parametrize(
    ("story", "end", "dead"),
    [
        ((), EXPIRED, True),
        ((NO,), EXPIRED, False),
        ((NO, YES_LATER), EXPIRED, True),
        ((EXPIRED_NO, NO), EXPIRED_NO, True),
        ((), None, False),
        ((YES,), None, True),
    ],
    ids=[
        "a disposition tells it",
        "taken back by a later N",
        "told again",
        "a sender with N in every message takes nothing back",
        "the discharge is cancelled",
        "the discharge is cancelled, and PID told it",
    ],
)
def test_a_disposition_tells_a_death_as_long_as_its_discharge_stands(
    story: tuple[VisitMessage, ...], end: VisitMessage | None, dead: bool
) -> None:
    record = with_ends(with_messages(DeathRecord(), story), "v", [(EXPIRED, clock("2026-01-07 11:00"))])
    record = with_ends(record, "v", [(end, clock("2026-01-07 11:00"))] if end else [])
    assert (death_of(record) is not None) is dead


def test_what_is_kept_does_not_grow_with_the_messages() -> None:
    said = [told(n, "A08", f"202601{n:02}090000", pid_30="YN"[n % 2]) for n in range(1, 29)]
    assert len(encode(with_messages(DeathRecord(), said))) < 500
