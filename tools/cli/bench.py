"""`stepdown bench`: runs one benchmark of bench/, or all, and prints the figures as text or JSON."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("start", "correct", "engine", "mllp", "intake", "fhir", "latency", "idle", "pages", "find", "lists", "scale")


@click.command("bench", short_help="measure, beside its peers")
@click.argument("name", type=click.Choice([*NAMES, "all"]))
@click.option("--size", type=click.IntRange(1), help="How much; bench/sizes.py says of what. Not with `all`.")
@click.option("--runs", type=click.IntRange(1), help="How often; the figures are the median and the spread.")
@click.option("--broker", type=click.Choice(["apache", "embedded"]), help="Where a benchmark can run on both.")
@click.option("--quick", is_flag=True, help="Little of everything, once: to see that it works. Nothing is kept.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path),
              help="Where <name>.json goes; default: bench/results, with docs/performance.md made anew.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document a benchmark.")
def command(name: str, size: int | None, out: Path | None, as_json: bool, quick: bool, **asked: Any) -> None:
    """Measure the product's real path beside its peers, in the same run; needs the project's own checkout."""
    if name == "all" and size:
        raise click.UsageError("each benchmark counts something else: --size goes with one name")
    bench = _checkout()
    for each in NAMES if name == "all" else (name,):
        click.echo(f"{each} …", err=True)
        report = bench.run_now(each, size=size, quick=quick, say=_progress, **asked)
        bench.keep(report, None if quick and not out else out or bench.RESULTS)
        click.echo(json.dumps(report.as_json(), ensure_ascii=False) if as_json else "\n".join(bench.lines(report)))


def _progress(text: str) -> None:
    click.echo(f"  {text}", err=True)


def _checkout() -> Any:
    """The module that runs benchmarks, from the project's checkout: they are not installed with the package. Raises
    ClickException where there is no checkout."""
    if not (ROOT / "bench" / "sizes.py").exists():
        raise click.ClickException("benchmarks run from the project's own checkout: clone it and use `make bench`")
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    return import_module("bench.running")
