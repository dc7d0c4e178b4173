"""What a list is stands in its query as it is, so that indexes made for it are used; only what is asked is bound."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from services.aftercare.desk.views import PageQuestion as AftercareQuestion
from services.aftercare.desk.views import tally
from services.aftercare.worklists.lists import WORKLISTS as AFTERCARE
from services.placement.worklists.lists import WORKLISTS as PLACEMENT
from services.placement.worklists.views import Whose
from services.placement.worklists.work import EntriesOf, PageQuestion
from shared.scope import Scope
from shared.storage.own_words import among, has, text_of, truth_of, word

DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
OURS = {each.name: each for each in PLACEMENT if isinstance(each.of, EntriesOf)}
THEIRS = {each.name: each for each in AFTERCARE}
TABLE = sa.table("lines", sa.column("value", postgresql.JSONB), sa.column("state", sa.Text))


def bound(query: sa.Select[Any], name: str) -> list[Any]:
    """What is bound in a query, but the list's name, which is a value in its row."""
    values = query.compile(dialect=DIALECT).params.values()
    flat = [one for each in values for one in (each if isinstance(each, (list, tuple)) else [each])]
    return [one for one in flat if one != name and not isinstance(one, (datetime, date, timedelta, bool, int))]


@pytest.mark.parametrize("name", OURS)
def test_no_word_of_a_list_of_placement_is_bound(name: str) -> None:
    listed = OURS[name]
    asked = PageQuestion(Whose(Scope(None)), NOW, 25)
    assert isinstance(listed.of, EntriesOf)
    assert bound(listed.of.tally(name, asked, listed.late), name) == []
    assert bound(sa.select(sa.true()).where(*listed.of.page(asked, listed.late).so), name) == []


@pytest.mark.parametrize("name", THEIRS)
def test_no_word_of_a_list_of_aftercare_is_bound(name: str) -> None:
    found = bound(tally(name, THEIRS[name].of, AftercareQuestion(Scope(None), NOW)), name)
    assert [one for one in found if one != "follow-up"] == [], "a window's kind is the same in every mark"


def test_a_word_is_written_in_quotes_and_nothing_else_is_written() -> None:
    value, state = TABLE.c.value, TABLE.c.state
    query = sa.select(sa.true()).where(
        has(value, "over"), truth_of(value, "goes_on"), text_of(value, "needs", "payer") == "ACME",
        among(state, ("open", "peer-to-peer")),
    )  # fmt: skip
    text = str(query.compile(dialect=DIALECT))
    for part in ("? 'over'", "->> 'goes_on'", "-> 'needs'", "->> 'payer'", "IN ('open', 'peer-to-peer')"):
        assert part in text
    assert list(query.compile(dialect=DIALECT).params.values()) == ["ACME"]
    for text in ("", "it's", "a b", "O'Neil", "x" * 61, "%s", ":name", "Payer"):
        with pytest.raises(ValueError, match="word of ours"):
            word(text)
