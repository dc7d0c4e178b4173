"""Makes the documents of the published language from `shared.events`: JSON Schemas, AsyncAPI, a page of events; and the
pages of settings and metrics.

Only `stale` and `breaks` read files, those that are committed. No running service imports this.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from tools.documents.asyncapi import as_yaml
from tools.documents.compatibility import sets_incompatibilities
from tools.documents.metrics_page import metrics_page
from tools.documents.page import page
from tools.documents.schemas import schemas
from tools.documents.settings_page import settings_page

__all__ = ["breaks", "documents", "stale"]


def documents(kind: str = "all") -> dict[str, str]:
    """The text of each document by its path below docs/. `kind`: all, asyncapi, schemas, page, settings, or
    metrics."""
    return dict(_made(kind))


@cache
def _made(kind: str) -> dict[str, str]:
    if kind == "all":
        return _made("asyncapi") | _made("page") | _made("settings") | _made("metrics") | _made("schemas")
    if kind == "asyncapi":
        return {"asyncapi.yaml": as_yaml()}
    if kind == "page":
        return {"events.md": page()}
    if kind == "settings":
        return {"settings.md": settings_page()}
    if kind == "metrics":
        return {"metrics.md": metrics_page()}
    return {f"schemas/{name}.json": _json(schema) for name, schema in _schemas().items()}


@cache
def _schemas() -> dict[str, Any]:
    return schemas()


def stale(folder: Path) -> list[str]:
    """Paths below `folder` of documents that differ from what would be made now, are missing, or belong to no type."""
    wanted = documents()
    differ = [path for path, text in wanted.items() if _read(folder / path) != text]
    left = [f"schemas/{file.name}" for file in folder.glob("schemas/*.json") if f"schemas/{file.name}" not in wanted]
    return sorted(differ + left)


def breaks(folder: Path) -> list[str]:
    """Sentences about what the present types would break for readers of the schemas in `folder`/schemas."""
    committed = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in folder.glob("schemas/*.json")}
    return sets_incompatibilities(committed, _schemas())


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _read(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.is_file() else None
