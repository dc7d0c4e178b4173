"""What payers ask of a bill, by the site's tables: what they authorize and how it is counted, and their edits. Pure."""

from __future__ import annotations

from collections.abc import Callable

from shared.site.payers import NO_EDITS, Edits
from shared.values import value_object


@value_object
class PayerRules:
    """The tables of a site config by payer (contract 4).

    `needs_authorization`: whether it pays for a level only what it has authorized. `leave_counts`: whether a leave's
    midnight uses a unit of an authorization for the level. `voids_changed`: whether it pays nothing of inpatient days
    that were changed to outpatient in the same bed. `edits`: what else it looks at.
    """

    needs_authorization: Callable[[str, str], bool] = lambda _payer, _level: False
    leave_counts: Callable[[str, str], bool] = lambda _payer, _level: False
    voids_changed: Callable[[str], bool] = lambda _payer: False
    edits: Callable[[str], Edits] = lambda _payer: NO_EDITS


NO_RULES = PayerRules()
"""Payers that ask nothing."""
