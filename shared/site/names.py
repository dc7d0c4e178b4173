"""Names and codes as people mean them: without case and stray blanks, codes without leading zeros."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(4096)  # asked for several times for each message, mostly with the same few names
def norm(text: str) -> str:
    """A name for comparing: "Good  Health" and "good health" are the same."""
    return " ".join(text.split()).casefold()


def norm_code(text: str) -> str:
    """A code for comparing: "01" and "1" are the same."""
    found = norm(text)
    return found.lstrip("0") or "0" if found.isdigit() else found
