"""docs/roles.md says of every act of placement who may do it, and of every list who sees it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from services.placement.desk.page.desk import WRITES
from services.placement.desk.page.wording import LABELS
from services.placement.worklists.lists import WORKLISTS

ROLES = ("coordinator", "program", "clinician", "billing", "reviewer", "auditor")
DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "roles.md"


def acts() -> str:
    """The table of acts; admin may do all."""
    rows = [(f"{LABELS[one.path]} (`{one.path}`)", one.roles) for one in WRITES]
    return _table("act", rows)


def lists() -> str:
    """The table of lists of the desk's page."""
    return _table("list", [(one.title, one.on_page or one.readers) for one in WORKLISTS if one.title])


def _table(what: str, rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    head = [f"| {what} | {' | '.join(ROLES)} |", f"|---|{':-:|' * len(ROLES)}"]
    told = [f"| {name} | {' | '.join('x' if role in may else ' ' for role in ROLES)} |" for name, may in rows]
    return "\n".join([*head, *told])


def test_the_tables_are_those_of_the_code() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert acts() in text
    assert lists() in text


def test_an_auditor_has_no_act_and_a_reviewer_none_of_placement() -> None:
    assert [one.path for one in WRITES if "auditor" in one.roles] == []
    mine = {one.path for one in WRITES if "reviewer" in one.roles}
    others = {path for path in mine if not path.startswith("/api/authorizations")}
    assert others == {
        "/api/episodes/{id}/certified",
        "/api/episodes/{id}/plan",
        "/api/reviews/{id}/done",
        "/api/episodes/{id}/benefits",
        "/api/episodes/{id}/price",
    }
