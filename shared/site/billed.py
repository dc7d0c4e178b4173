"""How a site bills care at a place, as its config says: what a bill has of codes, and which status its end has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from shared.site.values import ClaimForm

STILL_A_PATIENT = "30"
"""The patient status while a stay is open (contract 4); no end has it."""


class BilledCode(NamedTuple):
    """A code of the site's own table; whose days go with it, and which value; None: none."""

    system: str
    code: str
    of: str | None = None
    value: str | None = None


class BilledAs(NamedTuple):
    """How the site bills care at a place: bill form, program, who gave the care, codes of its own tables as in
    BilledCode; None where the site does not say.

    `statuses`: word for an end (kind of disposition, completed, lost-contact, …) → patient status, by the site's table.
    `unmapped_status`: the patient status for an end without a word in the table; such a period has a warning.
    """

    claim_form: ClaimForm
    program: str | None = None
    npi: str | None = None
    bill_type: str | None = None
    codes: tuple[BilledCode, ...] = ()
    statuses: tuple[tuple[str, str], ...] = ()
    unmapped_status: str = "01"

    def status_of(self, words: Iterable[str | None]) -> str | None:
        """The patient status of the first of these words that the table has; None where it has none."""
        table = dict(self.statuses)
        return next((table[word] for word in words if word in table), None)
