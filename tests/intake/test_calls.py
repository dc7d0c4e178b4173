"""What one discharge costs intake stays what it is: function calls of ours, from its bytes to the end of its
transaction."""

from __future__ import annotations

from services.intake.receiving.receive import Intake
from tests.calls import counted, verdict
from tests.intake.conftest import Hospital


async def calls_of_a_discharge(intake: Intake) -> int:
    """A patient is admitted; then their discharge comes in."""
    hospital = Hospital(intake)
    await hospital.says(hospital.message("A01", "20260310090000"))
    discharge = hospital.message("A03", "20260312100000")
    with counted() as calls:
        (answer,) = await hospital.says(discharge)
    assert answer.code == "AA"
    return calls.number


async def test_a_discharge_calls_as_many_functions_as_it_did(intake: Intake) -> None:
    await calls_of_a_discharge(intake)  # what is worked out once a process is there the second time
    assert not verdict("intake", await calls_of_a_discharge(intake))
