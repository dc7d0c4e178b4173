"""By which questions a person is found: beginnings of names in any order, numbers and days however they are written."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.intake.people.finding.folding import LEAST, folded, name_words
from services.intake.people.finding.question import Part, asked
from services.intake.people.finding.words import words_of
from services.intake.people.person import Fields, merged
from tests.intake.test_people import person

DAY = datetime(2026, 1, 1, tzinfo=UTC)


def meets(question: str, fields: Fields) -> bool:
    """Whether these fields have a word for every part of the question, or are its number."""
    words, it = words_of(fields), asked(question)

    def has(part: Part) -> bool:
        return bool((part.numbers | part.whole | part.beginnings) & words)

    return (bool(it.parts) and all(map(has, it.parts))) or (it.together is not None and has(it.together))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("O'Brien", ["obrien"]),
        ("Müller-Lüdenscheidt", ["muller", "ludenscheidt"]),
        ("SØRENSEN", ["sorensen"]),
        ("Strauß", ["strauss"]),
        ("  van  der Berg ", ["van", "der", "berg"]),
        ("Nuñez", ["nunez"]),
        ('""', []),
    ],
)
def test_a_name_is_found_whatever_its_accents_case_and_hyphens(name: str, words: list[str]) -> None:
    assert name_words(name) == words


@given(st.text(max_size=30))
def test_folding_again_changes_nothing(text: str) -> None:
    assert folded(folded(text)) == folded(text)


QUAGGA: dict[int, str] = {
    3: "MRN-77^^^GH^MR~123456789^^^^SS",
    5: "Müller-Quagga^Zoë~O'Neill^Zoë",
    7: "19681206",
    13: "+1 (555) 010-1234 ext. 9",
}


@pytest.mark.parametrize(
    "question",
    [
        "muller",
        "mul",
        "QUAG",
        "MÜLLER, zoe",
        "zoe müll",
        "quagga-müller",
        "mullerquag",
        "o'ne",
        "oneill",
        "neil zoe",
        "mrn-77",
        "MRN 77",
        "mrn77",
        "1968-12-06",
        "19681206",
        "12/06/1968",
        "06.12.1968",
        "6 Dec 1968",
        "December 6, 1968",
        "6 de diciembre de 1968",
        "quagga 1968-12-06",
        "zoe 6 dec 1968 mul",
        "(555) 010-1234",
        "1-555-010-1234",
        "+15550101234",
        "5550101234",
        "010-1234",
        "0101234",
        "zoe 555 010 1234",
    ],
)
def test_a_person_is_found_by_what_somebody_knows_of_them(question: str) -> None:
    assert meets(question, person(QUAGGA))


@pytest.mark.parametrize(
    "question",
    [
        "zo",
        "uller",
        "muller peter",
        "muller 1968-12-07",
        "06/12/1968",
        "31/02/1968",
        "101234",
        "123456789",
        "mrn-7",
        "555",
    ],
    ids=[
        "two letters", "an ending", "another's given name", "another's birth date", "day and month the other way round",
        "no day", "six digits", "a social security number", "a beginning of an id", "an area code",
    ],
)  # fmt: skip
def test_and_by_nothing_else(question: str) -> None:
    assert not meets(question, person(QUAGGA))


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        ("elm jade", ("name",)),
        ("elm 12/06/1968", ("birth-date", "name")),
        ("(555) 010-1234", ("telephone",)),
        ("mrn-77", ("number",)),
    ],
)
def test_the_kinds_of_a_question_are_known_without_its_text(question: str, kinds: tuple[str, ...]) -> None:
    assert asked(question).kinds == kinds


@pytest.mark.parametrize("question", ["", "  ", "-", "'", ",;"])
def test_a_question_without_a_word_asks_nothing(question: str) -> None:
    assert (asked(question).parts, asked(question).together) == ((), None)


LETTERS = st.characters(categories=("Lu", "Ll", "Lo"), max_codepoint=0x24F) | st.sampled_from("ñÑőŁßæ'-’ ")
NAMES = st.text(LETTERS, min_size=3, max_size=24)


@given(NAMES, NAMES, st.data())
def test_anybody_is_found_by_any_beginning_of_any_part_of_the_name_in_any_order(
    family: str, first: str, data: st.DataObject
) -> None:
    fields = merged({}, {"names": [[family, first]]}, DAY)
    parts = [word for name in (family, first) for word in name_words(name) if len(word) >= LEAST]
    assume(parts)
    chosen = data.draw(st.lists(st.sampled_from(parts), min_size=1, max_size=4))
    question = [word[: data.draw(st.integers(LEAST, len(word)))] for word in chosen]
    written = data.draw(
        st.sampled_from([str.upper, str.lower, str.title, lambda text: unicodedata.normalize("NFD", text)])
    )
    assert meets(written(" ".join(question)), fields)
