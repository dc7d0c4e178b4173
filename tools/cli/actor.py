"""Who sits at the command line, for the audit."""

from __future__ import annotations

import getpass


def actor() -> str:
    """`cli:<user>`, the system's name of the user where there is one."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli:unknown"
