"""Lists that may grow: a word that a newer writer knows is read as `other`, whatever the list (contract 2)."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.placement.continuum.document import episode_state
from shared.errors import InvalidMessage
from shared.events import CARE_FACTS, EPISODE_TYPE
from shared.events.episodes import read_episode
from shared.events.open_lists import DecidedBy, DispositionKind, ReferralKind, Role, SearchReason, VisitClass, read_as
from shared.events.published import as_json, read_as_struct
from tests import builders as tell
from tools.documents.examples import examples
from tools.documents.schemas import schemas

EXAMPLES = examples()
OPENED = {
    "care.visit-started.v1": ("class", VisitClass),
    "care.visit-ended.v1": ("class", VisitClass),
    "care.search-closed.v1": ("reason", SearchReason),
    "care.aftercare-referred.v1": ("kind", ReferralKind),
    "care.assigned.v1": ("role", Role),
    "care.relapse-risk-cleared.v1": ("decided_by", DecidedBy),
    "care.follow-up-kept.v1": ("decided_by", DecidedBy),
    "care.follow-up-excluded.v1": ("decided_by", DecidedBy),
}
"""Fields whose lists were closed in the first version."""
WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=80)
"""Any text that may be in a fact: a NUL has no place in a database, half of a pair stands for no character."""


@pytest.mark.parametrize("ce_type", OPENED)
@given(word=WORDS)
def test_a_word_that_a_newer_writer_knows_is_read_as_other(ce_type: str, word: str) -> None:
    field, words = OPENED[ce_type]
    read = read_as_struct(CARE_FACTS[ce_type], EXAMPLES[ce_type] | {field: word})
    assert as_json(read)[field] == (word if word in get_args(words) else "other")


@pytest.mark.parametrize("ce_type", OPENED)
def test_what_is_no_word_is_still_refused(ce_type: str) -> None:
    field, _ = OPENED[ce_type]
    with pytest.raises(InvalidMessage, match=field):
        read_as_struct(CARE_FACTS[ce_type], EXAMPLES[ce_type] | {field: 7})


@pytest.mark.parametrize("ce_type", ["care.discharged.v1", "care.visit-ended.v1", "care.discharge-planned.v1"])
@given(word=WORDS)
def test_a_kind_of_disposition_that_is_new_is_read_as_other(ce_type: str, word: str) -> None:
    told = EXAMPLES[ce_type] | {"disposition": {"code": "01", "kind": word}, "class": "emergency"}
    read = read_as_struct(CARE_FACTS[ce_type], told)
    assert as_json(read)["disposition"]["kind"] == (word if word in get_args(DispositionKind) else "other")


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    """The schema of each type."""
    return schemas()


@pytest.mark.parametrize("ce_type", OPENED)
def test_the_schema_is_a_string_with_the_words_of_today_as_examples(ce_type: str, made: dict[str, Any]) -> None:
    field, words = OPENED[ce_type]
    told = made[ce_type]["properties"][field]
    assert (told["type"], told["examples"], "enum" in told) == ("string", list(get_args(words)), False)


def test_a_level_is_no_such_list(made: dict[str, Any]) -> None:
    assert "enum" in made["care.admitted.v1"]["$defs"]["Level"]


@given(word=WORDS)
def test_the_fold_reads_a_new_kind_and_a_new_class_as_other(word: str) -> None:
    known = word in get_args(DispositionKind), word in get_args(VisitClass)
    ended = tell.discharged(kind=word)
    stay = episode_state(tell.folded(tell.admitted(), ended), {}, 1, tell.PLACES).stays[0]
    assert stay.ended_by is not None
    assert stay.ended_by.disposition is not None
    assert stay.ended_by.disposition.kind == (word if known[0] else "other")
    visit = episode_state(tell.folded(tell.visit_started(**{"class": word})), {}, 1, tell.PLACES).stays[0]
    assert visit.visit_class == (word if known[1] else "other")


def test_a_document_from_before_says_days_alone_and_is_read_as_in_person() -> None:
    document = EXAMPLES[EPISODE_TYPE]
    before = document | {"stays": [document["stays"][0] | {"attended": ["2026-03-10"]}]}
    [day] = read_episode(before).stays[0].attended or ()
    assert (day.date.isoformat(), day.mode) == ("2026-03-10", "in-person")


def test_what_is_no_text_is_left_for_the_type_to_refuse() -> None:
    assert read_as(("a",), None) is None
    assert (read_as(("a",), "a"), read_as(("a",), "b")) == ("a", "other")
