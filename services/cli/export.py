"""`stepdown export`: the published language into files; refuses a schema that would break its readers."""

from __future__ import annotations

from pathlib import Path

import click

from shared.errors import SetUpError

DOCS = Path(__file__).resolve().parents[2] / "docs"


@click.command("export")
@click.argument("kind", type=click.Choice(["asyncapi", "schemas", "page", "settings", "all"]), default="all")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder to write to.")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 and name the files in docs/ that are stale.")
@click.option("--break-readers", is_flag=True, help="Write even what existing readers can't read.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(kind: str, out: Path | None, check: bool, break_readers: bool, as_json: bool) -> None:
    """Write the published language: AsyncAPI 3, JSON Schemas, a page of all events; and the page of settings.

    Without --out it goes to docs/. A schema in the folder that would lose a field, a value or a type is left as it is,
    and the command fails: publish a v2 of the type instead.
    """
    folder = out or DOCS
    if check:
        _tell(as_json, "stale", _fresh(folder))
        return
    _tell(as_json, "written", _write(kind, folder, break_readers))


def _fresh(folder: Path) -> list[str]:
    from shared.documents import stale

    if found := stale(folder):
        raise SetUpError(f"stale, run `stepdown export`: {', '.join(found)}")
    return []


def _write(kind: str, folder: Path, break_readers: bool) -> list[str]:
    from shared.documents import breaks, documents

    if not break_readers and (found := breaks(folder)):
        raise SetUpError("this would break readers; publish a new version of the type:\n" + "\n".join(found))
    written = documents(kind)
    try:
        for path, text in written.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    except OSError as wrong:
        raise SetUpError(f"{folder} can't be written: {wrong.strerror}") from None
    return sorted(written)


def _tell(as_json: bool, word: str, paths: list[str]) -> None:
    if as_json:
        import json

        click.echo(json.dumps({word: paths}))
    else:
        click.echo(f"{len(paths)} files {word}" if word == "written" else "docs are fresh")
