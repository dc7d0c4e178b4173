"""Encryption of what only few may read: AES-256-GCM with the key's id in front, so that keys can be changed.

Layout: 1 byte version (1), 1 byte length of the key id, key id (ASCII), 12 bytes nonce, ciphertext with tag. Nonces are
random: a key must be changed before 2³² messages (NIST SP 800-38D section 8.3).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable

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
        self._newest = next(iter(keys))
        self._blind = _prepared(hashlib.sha256(b"stepdown blind index" + list(keys.values())[-1]).digest())

    @classmethod
    def of_this_process(cls) -> Seal:
        """A seal with a random key, which nothing can open after the end of the process."""
        return cls({"process": os.urandom(32)})

    def close(self, plain: bytes, place: str) -> bytes:
        """Encrypt bytes for a place."""
        nonce = os.urandom(12)
        name = self._newest.encode()
        sealed = self._keys[self._newest].encrypt(nonce, plain, place.encode())
        return bytes((1, len(name))) + name + nonce + sealed

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
        return self._blind(text.encode())


def _prepared(key: bytes) -> Callable[[bytes], bytes]:
    """HMAC-SHA-256 (RFC 2104) with this key, whose two blocks are hashed once: `hmac` hashes them anew for each text,
    which for a short one is two thirds of its time."""
    block = key.ljust(64, b"\0")  # a key of up to 64 bytes, the block size of SHA-256, is taken as it is
    inner, outer = (hashlib.sha256(bytes(byte ^ pad for byte in block)) for pad in (0x36, 0x5C))

    def digest(text: bytes) -> bytes:
        inside, outside = inner.copy(), outer.copy()
        inside.update(text)
        outside.update(inside.digest())
        return outside.digest()

    return digest
