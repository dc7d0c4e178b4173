"""Decodes the bytes of a message: by the charset that Content-Type or MSH-18 names, else by one that fits the bytes."""

from __future__ import annotations

import codecs

_NAMES = {
    "": "",
    "ascii": "ascii",
    "us-ascii": "ascii",
    "iso ir6": "ascii",
    "unicode": "utf-8",
    "unicode utf-8": "utf-8",
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "iso ir192": "utf-8",
    "utf-16": "utf-8",  # it is UTF-8 by then (`widen`)
    "utf-16le": "utf-8",
    "utf-16be": "utf-8",
    "iso-8859-8-i": "iso8859-8",
    "shift_jis": "shift_jis",
    "euc-kr": "euc_kr",
    "gb18030": "gb18030",
    "big5": "big5",
    "latin1": "iso8859-1",
    "latin-1": "iso8859-1",
    "iso ir100": "iso8859-1",
    "iso ir87": "iso2022_jp",
    "iso ir13": "shift_jis",
    "iso ir14": "iso2022_jp",
    "gb 18030-2000": "gb18030",
    "ks x 1001": "euc_kr",
    "big-5": "big5",
    "cns 11643-1992": "big5",
    "windows-1252": "cp1252",
    "cp1252": "cp1252",
}
_PARTS = [part for part in range(1, 17) if part != 12]  # ISO 8859-12 was never published
_NAMES |= {
    f"{before}8859{mark}{part}": f"iso8859-{part}"
    for part in _PARTS
    for mark in "/-"
    for before in ("", "iso-", "iso ")
}
"""Charset names in lower case (HL7 table 0211, and what senders write instead) → Python's codec names."""

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_WIDE_LE, _WIDE_BE = "MSH".encode("utf-16-le"), "MSH".encode("utf-16-be")


def is_wide(raw: bytes) -> bool:
    """Whether bytes are UTF-16 by their form; then MSH-18 says nothing of them."""
    return raw.startswith((*_UTF16, _WIDE_LE, _WIDE_BE))


def widen(raw: bytes) -> bytes:
    """Bytes in UTF-16 as UTF-8, without half a character at the end; other bytes unchanged. UTF-16 shows by its byte
    order mark, or where the bytes begin with MSH in it."""
    if raw.startswith(_UTF16):
        return raw.decode("utf-16", "ignore").encode()
    if raw.startswith(_WIDE_LE):
        return raw.decode("utf-16-le", "ignore").encode()
    if raw.startswith(_WIDE_BE):
        return _wide_after_a_mark(raw).encode()
    return raw


def _wide_after_a_mark(raw: bytes) -> str:
    """Text in UTF-16 whose first byte may be the second half of a frame mark in little-endian order: of the two ways to
    read it, the one that gives more ASCII."""
    big, little = raw.decode("utf-16-be", "ignore"), raw[1:].decode("utf-16-le", "ignore")
    return max(big, little, key=lambda text: sum(map(str.isascii, text)))


def decode(raw: bytes, declared: str, told: str = "") -> tuple[str, str, str | None]:
    """Decode a message; `declared` is its MSH-18, `told` the charset that its door was told beside it (Content-Type).
    Returns (text, codec used, warning or None) and never fails.

    The codecs are tried in this order: the one told, MSH-18's, UTF-8, cp1252, Latin-1."""
    if told:
        found = _NAMES.get(told.strip().lower())
        text = _try(raw, found) if found else None
        if found and text is not None:
            return text, found, None
        text, used, _ = decode(raw, declared)
        return text, used, f"the text is not in the charset of Content-Type; read as {used}"
    codec = _NAMES.get(declared.strip().lower())  # None: it is not known here
    if codec:
        text = _try(raw, codec)
        if text is not None:
            return text, codec, None
    elif raw.isascii():
        return raw.decode("ascii"), "ascii", None if codec == "" else "MSH-18 names a charset that is not known"
    for guess in ("utf-8", "cp1252"):
        text = _try(raw, guess)
        if text is not None:
            return text, guess, _why(codec, guess)
    return raw.decode("latin-1"), "iso8859-1", _why(codec, "Latin-1")


def charset_of(content_type: str) -> str:
    """The charset that a Content-Type names, as sent; "" where it names none."""
    for part in content_type.split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"')
    return ""


def _try(raw: bytes, codec: str) -> str | None:
    try:
        return raw.decode(codec)
    except ValueError:
        return None


def _why(codec: str | None, guess: str) -> str:
    if codec is None:
        return f"MSH-18 names a charset that is not known; read as {guess}"
    return f"the text is not in the charset of MSH-18; read as {guess}" if codec else f"no MSH-18; read as {guess}"
