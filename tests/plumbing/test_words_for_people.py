"""Texts for people are said in the language that their browser asks for, and in English where a catalog lacks them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.web.words import language, say, say_again, say_count, speak, speaking


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    """What a test speaks ends with it."""
    yield
    speak("en")


@pytest.mark.parametrize(
    ("accepted", "spoken"),
    [
        ("", "en"),
        ("es", "es"),
        ("es-MX,es;q=0.9,en;q=0.8", "es"),
        ("en-US,en;q=0.9,es;q=0.8", "en"),
        ("de;q=0.9, es;q=0.5", "es"),
        ("fr", "en"),
        ("*;q=nothing, ,;", "en"),
    ],
)
def test_the_language_is_the_one_that_is_wanted_most_of_those_there_are(accepted: str, spoken: str) -> None:
    assert speak(accepted) == language() == spoken


def test_a_place_of_a_text_may_have_any_name() -> None:
    assert say("warning: {text}", text="no sex was told") == "warning: no sex was told"


def test_a_text_is_said_in_the_language_and_in_english_where_the_catalog_lacks_it() -> None:
    speak("es")
    assert say("Sign out") == "Cerrar sesión"
    assert say("no such text: {number}", number=3) == "no such text: 3"


@pytest.mark.parametrize(
    ("code", "count", "told"), [("en", 1, "1 day"), ("en", 2, "2 days"), ("es", 1, "1 día"), ("es", 0, "0 días")]
)
def test_a_number_has_the_plural_of_its_language(code: str, count: int, told: str) -> None:
    speak(code)
    assert say_count("{count} day", "{count} days", count) == told


def test_a_language_is_spoken_within_a_request_and_not_after_it() -> None:
    with speaking("es-MX"):
        assert say("Sign out") == "Cerrar sesión"
    assert language() == "en"


@pytest.mark.parametrize(
    ("code", "text", "told"),
    [
        ("es", "the stay has begun already", "la estadía ya comenzó"),
        ("es", "takes that age: 18 and older", "recibe esa edad: desde 18 años"),
        ("es", "no rule says this", "no rule says this"),
        ("en", "takes that age: 18 and older", "takes that age: 18 and older"),
    ],
)
def test_a_sentence_of_a_rule_is_said_again_in_the_language_by_the_text_that_it_fits(
    code: str, text: str, told: str
) -> None:
    with speaking(code):
        assert say_again(text) == told
