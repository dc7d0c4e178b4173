"""Keyed hashes: what is stored under one is found again, whatever the text."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from shared.storage.sealing import Seal


@pytest.mark.parametrize("text", ["", "MRN 4711", "Ærøskøbing", "x" * 55, "x" * 64, "x" * 5000])
def test_a_text_is_hashed_with_hmac_sha_256_by_the_oldest_key(text: str) -> None:
    seal = Seal({"new": b"n" * 32, "old": b"o" * 32})
    key = hashlib.sha256(b"stepdown blind index" + b"o" * 32).digest()
    for _ in range(2):
        assert seal.blind(text) == hmac.digest(key, text.encode(), "sha256")
