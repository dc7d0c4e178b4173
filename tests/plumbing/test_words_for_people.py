"""Texts for people are said in the language that their browser asks for, and in English where a catalog lacks them."""

from __future__ import annotations

import pytest

from shared.web.words import language, say, say_count, speak


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
