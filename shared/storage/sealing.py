"""Encryption of what only few may read: AES-256-GCM with the key's id in front, so that keys can be changed.

Layout: 1 byte version (1), 1 byte length of the key id, key id (ASCII), 12 bytes nonce, ciphertext with tag. Nonces are
random: a key must be changed before 2³² messages (NIST SP 800-38D section 8.3).
"""

from __future__ import annotations

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.errors import SetUpError, StepdownError


class CannotOpen(StepdownError):
    """The sealed bytes cannot be decrypted: another key, another place, or changed bytes."""


class Seal:
    """Encrypts with the first key, decrypts with any. The place (a row's id) is authenticated, so bytes cannot be
    moved."""

    def __init__(self, keys: dict[str, bytes]) -> None:
        if not keys:
            raise SetUpError("no message key was given: set STEPDOWN_MESSAGE_KEYS_FILE")
        self._keys = {key_id: AESGCM(key) for key_id, key in keys.items()}
        newest = next(iter(keys))
        self._newest, self._begins = self._keys[newest], bytes((1, len(newest))) + newest.encode()
        key = hashlib.sha256(b"stepdown blind index" + list(keys.values())[-1]).digest()
        # HMAC (RFC 2104) with the two blocks of the key hashed once: `hmac` hashes them anew for each text, which for a
        # short one is two thirds of its time. A key shorter than a block of SHA-256 (64 bytes) is filled up.
        block = key.ljust(64, b"\0")
        self._inner, self._outer = (hashlib.sha256(bytes(byte ^ pad for byte in block)) for pad in (0x36, 0x5C))

    @classmethod
    def of_this_process(cls) -> Seal:
        """A seal with a random key, which nothing can open after the end of the process."""
        return cls({"process": os.urandom(32)})

    def close(self, plain: bytes, place: str) -> bytes:
        """Encrypt bytes for a place."""
        nonce = os.urandom(12)
        return self._begins + nonce + self._newest.encrypt(nonce, plain, place.encode())

    def open(self, blob: bytes, place: str) -> bytes:
        """Decrypt bytes of a place. Raises CannotOpen."""
        end = 2 + blob[1]
        key = self._keys.get(blob[2:end].decode("ascii", "replace"))
        if blob[0] != 1 or key is None:
            raise CannotOpen("the key that sealed this is not configured here")
        try:
            return key.decrypt(blob[end : end + 12], blob[end + 12 :], place.encode())
        except InvalidTag:
            raise CannotOpen("the seal is broken, or it belongs to another place") from None

    def blind(self, text: str) -> bytes:
        """A keyed hash to search by without storing the text (HMAC-SHA-256 with a key derived from the oldest key)."""
        inside, outside = self._inner.copy(), self._outer.copy()
        inside.update(text.encode())
        outside.update(inside.digest())
        return outside.digest()
