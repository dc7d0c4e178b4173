"""Names and codes in a form to be compared: without case and extra spaces, codes without leading zeros."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(4096)  # asked for several times for each message, mostly with the same few names
def norm(text: str) -> str:
    """A name to be compared: "Good Health" and "good health" give the same."""
    return " ".join(text.split()).casefold()


def norm_code(text: str) -> str:
    """A code to be compared: "01" and "1" give the same."""
    found = norm(text)
    return found.lstrip("0") or "0" if found.isdigit() else found
