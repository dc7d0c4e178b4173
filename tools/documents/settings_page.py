"""docs/settings.md: every environment variable that an operator may set, from `shared.settings`. Writes no file."""

from __future__ import annotations

from shared.settings import COMMANDS_READ, documented

HEAD = """# Settings

Made by `stepdown export` from `shared/settings.py`; do not edit. Each service reads them from its environment;
`STEPDOWN_X_FILE=/path` gives `STEPDOWN_X` the text of that file, for secrets. `stepdown up` sets what it knows itself.

| variable | default | what it is |
|---|---|---|
"""

COMMANDS = """
## Only for commands

| variable | what it is |
|---|---|
"""


def settings_page() -> str:
    """The page as Markdown text."""
    rows = (f"| `{name}` | {_code(default)} | {_cell(about)} |\n" for name, default, about in documented())
    more = (f"| `{name}` | {_cell(about)} |\n" for name, about in COMMANDS_READ.items())
    return HEAD + "".join(rows) + COMMANDS + "".join(more)


def _code(default: str) -> str:
    return f"`{default}`" if default else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
