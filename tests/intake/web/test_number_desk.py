"""Intake's desk lists visit numbers of two patients, with what can be said of each."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browsing import Browser
from tests.intake.conftest import Hospital
from tests.intake.test_shared_numbers import WAITS, said
from tests.intake.web.conftest import Asking
from tests.intake.web.desk_browser import browser, signed_in

__all__ = ["browser"]


@pytest.mark.parametrize(
    ("label", "first", "second", "words"),
    [
        ("A visit of its own", ["admitted"], ["admitted"], "a visit of its own"),
        ("The first patient's visit", ["admitted", "discharged"], [], "the first patient's visit"),
    ],
)
async def test_what_is_said_of_a_visit_number_of_two_patients_counts_until_it_is_taken_back(
    browser: Browser,
    another: Callable[[], Hospital],
    asking: Asking,
    label: str,
    first: list[str],
    second: list[str],
    words: str,
) -> None:
    one, other = another(), another()
    number = f"N-{one.mrn}"
    told = said(one, other, number)
    if second:
        told[1:] = [other.message("A01", "20260303090000", pv1={19: number})]
    await one.says(*told)
    waited = [note[1:] for note in await other.notes()]
    assert set(waited) == {WAITS}
    reader = await signed_in(browser, asking, "identity", subject=f"n-{one.mrn[::-1]}")
    page = await reader.opens("/", list="visit-numbers")
    assert "to be decided" in page.cells(number)["state"]
    assert (await browser.press(page, number, label)).status == 200
    assert (await one.names(), await other.names()) == (first, second)
    page = await reader.opens("/", list="visit-numbers")
    assert words in page.cells(number)["state"]
    assert set(page.forms(number)) == {"Take back"}
    await browser.press(page, number, "Take back")
    assert [note[1:] for note in await other.notes()] == waited
    audited = [what for what, _ in await reader.audit(one.intake)]
    assert {"visit-number-listed", "visit-number-taken-back"} <= set(audited)
