"""The name under which the command line's acts are audited."""

from __future__ import annotations

import getpass


def actor() -> str:
    """`cli:<user>`, by the operating system's name of the user; `cli:unknown` where it has none."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli:unknown"
