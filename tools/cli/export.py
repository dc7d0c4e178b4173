"""`stepdown export`: writes the documents of the published language; refuses a schema that would break its readers."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import ModuleType

import click

from shared.errors import SetUpError
from tools.cli.options import JSON

DOCS = Path(__file__).resolve().parents[2] / "docs"

WORDS = "shared/web/words"
KINDS = ("asyncapi", "schemas", "page", "settings", "metrics", "openapi", "words", "all")


@click.command("export")
@click.argument("kind", type=click.Choice(KINDS), default="all")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder to write to.")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 and name the files in docs/ that are stale.")
@JSON
def command(kind: str, out: Path | None, check: bool, as_json: bool) -> None:
    """Write the published language: AsyncAPI 3, JSON Schemas, a page of all events; OpenAPI, and the pages of
    settings and metrics.

    Without --out it goes to docs/. A schema in the folder that would lose a field, a value or a type is left as it is,
    and the command fails: publish a v2 of the type instead. The texts that people read go to shared/web/words/, and
    only there: the list of all, and each language with what is still to be translated left empty.
    """
    folder = out or DOCS
    if check:
        _tell(as_json, "stale", _fresh(folder))
        return
    _tell(as_json, "written", _write(kind, folder))


def _fresh(folder: Path) -> list[str]:
    from tools.documents import stale

    found = stale(folder)
    found += [path for path, text in openapi().items() if _read(folder / path) != text]
    if found:
        raise SetUpError(f"stale, run `stepdown export`: {', '.join(found)}")
    if folder == DOCS and (wrong := _of_words().faults()):
        raise SetUpError("what people read is not in every language:\n" + "\n".join(wrong))
    return []


def _of_words() -> ModuleType:
    from tools.documents.catalogs import files

    return files


def _write(kind: str, folder: Path) -> list[str]:
    from tools.documents import breaks, documents

    if found := breaks(folder):
        raise SetUpError("this would break readers; publish a new version of the type:\n" + "\n".join(found))
    written = documents(kind) if kind not in {"openapi", "words"} else {}
    written |= openapi() if kind in {"openapi", "all"} else {}
    if folder == DOCS and kind in {"words", "all"}:
        written |= {f"../{WORDS}/{name}": text for name, text in _of_words().files().items()}
    try:
        for path, text in written.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    except OSError as wrong:
        raise SetUpError(f"{folder} can't be written: {wrong.strerror}") from None
    return sorted(written)


def openapi() -> dict[str, str]:
    """The text of each service's OpenAPI document by its path below docs/."""
    return dict(_openapi())


@cache
def _openapi() -> dict[str, str]:
    import json

    from services.aftercare.desk.openapi import document as aftercare
    from services.intake.api.openapi import document as intake
    from services.placement.desk.api import document as placement

    made = {"intake": intake(), "placement": placement(), "aftercare": aftercare()}
    return {
        f"openapi/{name}.json": json.dumps(told, indent=2, ensure_ascii=False) + "\n" for name, told in made.items()
    }


def _read(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.is_file() else None


def _tell(as_json: bool, word: str, paths: list[str]) -> None:
    if as_json:
        import json

        click.echo(json.dumps({word: paths}))
    else:
        click.echo(f"{len(paths)} files {word}" if word == "written" else "docs are fresh")
