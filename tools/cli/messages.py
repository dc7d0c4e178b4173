"""`stepdown messages`: what hospitals sent and what came of each, asked of the running system's intake."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import click

from shared.errors import StepdownError
from tools.cli.asking import Service
from tools.cli.options import JSON, JSON_LINES, RUNNING

PAGE = 200
BEHIND = "placement has not read yet all that was stated before: ask again in a moment"
NOTES = ("applied", "waiting", "no-effect", "unmapped", "taken-back", "kept", "error", "refused")


@click.group("messages")
def messages() -> None:
    """What hospitals sent: found, opened, tried, read again. A token of role interface is needed.

    The system is the one that runs on --data; where it has no tokens of its own, STEPDOWN_TOKEN has one.
    """


@messages.command("list")
@click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]),
              help="Arrived then or later, local time.")  # fmt: skip
@click.option("--until", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]),
              help="Arrived before then, local time.")  # fmt: skip
@click.option("--facility", help="One facility of the site.")
@click.option("--trigger", help="MSH-9.2, as in A01.")
@click.option("--control-id", help="MSH-10.")
@click.option("--mrn", help="PID-3.1; it goes in the body of the request, never in an address.")
@click.option("--authority", help="PID-3.4 of --mrn; else the facility's own.")
@click.option("--visit", "visit_number", help="PV1-19.")
@click.option("--answer", type=click.Choice(["AA", "AE", "AR"]), help="What was sent back.")
@click.option("--note", type=click.Choice(NOTES), help="What became of it.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="The newest so many.")
@RUNNING
@JSON_LINES
def listed(data: Path | None, limit: int, as_json: bool, **asked: Any) -> None:
    """List messages, the newest first, with what each did."""
    told = {name: _instant(value) if isinstance(value, datetime) else value for name, value in asked.items()}
    found = _pages(Service.of(data), {name: value for name, value in told.items() if value is not None}, limit)
    if as_json:
        for each in found:
            click.echo(json.dumps(each))
    else:
        _show(list(found))


@messages.command()
@click.argument("message_id", metavar="ID")
@RUNNING
@JSON
def show(message_id: str, data: Path | None, as_json: bool) -> None:
    """Show one message: all that came of it, and its text, which is opened for role interface and audited."""
    intake = Service.of(data)
    told = dict(intake.get(f"/api/messages/{message_id}"))
    text = intake.get(f"/api/messages/{message_id}/text")["text"] if told["has_text"] else None
    if as_json:
        click.echo(json.dumps({**told, "text": text}))
        return
    _one(told)
    click.echo(text if text is not None else "its text is not kept any more")


@messages.command("try")
@click.argument("path", metavar="FILE", type=click.Path(exists=True, path_type=Path, allow_dash=True))
@RUNNING
@JSON
def try_(path: Path, data: Path | None, as_json: bool) -> None:
    """Say what the running system would answer to the messages in FILE (- is stdin) and what would come of them.
    Nothing is stored."""
    raw = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    told = Service.of(data).post("/api/messages/try", raw, "x-application/hl7-v2+er7")
    if as_json:
        click.echo(json.dumps(told))
        return
    for each in told["messages"]:
        click.echo(f"{each['index']} {each.get('trigger', '-')}: {each['answer']}, {_became(each)}")
        for warning in each["warnings"]:
            click.echo(f"  warning: {warning}")
    _changes(told["facts"], told["others"])


@messages.command("read-again")
@click.argument("message_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--apply", "applied", is_flag=True, help="Apply what would change; without it, it is only shown.")
@RUNNING
@JSON_LINES
def read_again(message_ids: tuple[str, ...], applied: bool, data: Path | None, as_json: bool) -> None:
    """Say what would change of facts and bills if a message were read again, after parser or site config changed;
    --apply does it."""
    intake = Service.of(data)
    for message_id in message_ids:
        address = f"/api/messages/{message_id}/read-again"
        told = dict(intake.get(address))
        bills = _bills(data, told.pop("stated"))
        if applied and told["changes"]:
            body = json.dumps({"expected": told["digest"]}).encode()
            told = dict(intake.post(address, body, "application/json"))
        if as_json:
            note = {"bills": bills.note} if bills.note else {}
            click.echo(json.dumps({**told, "periods": bills.periods, **note}))
            continue
        if not told["changes"]:
            click.echo(f"{message_id}: nothing changes")
            continue
        read = f", read otherwise: {', '.join(told['fields'])}" if told["fields"] else ""
        click.echo(f"{message_id}: {told['before']} → {told['answer']}, {_became(told)}{read}")
        _changes(told["facts"], told["messages"])
        for each in bills.periods or ():
            days = f"{each['start_date']} to {each.get('end_date', '…')}"
            place = f"{each['change']} {each['level']} {each['payer']} {days}"
            click.echo(f"  period {place} {', '.join(each['fields'])}".rstrip())
        if bills.note:
            click.echo(f"  bills: {bills.note}")


command = messages


class Bills(NamedTuple):
    """The service periods that would change (None: placement does not say), and what is to be known of it."""

    periods: Sequence[Mapping[str, Any]] | None
    note: str = ""


def _bills(data: Path | None, stated: list[Mapping[str, Any]]) -> Bills:
    """What would change of service periods, as placement says; where it cannot say, None and why. Nothing changes
    where no fact does."""
    if not stated:
        return Bills(())
    try:
        told = Service.of(data, "placement").post(
            "/api/bills/try", json.dumps({"facts": stated}).encode(), "application/json"
        )
    except StepdownError as fault:
        return Bills(None, str(fault))
    return Bills(told["periods"], BEHIND if told["behind"] else "")


def _instant(value: datetime) -> str:
    return value.astimezone().isoformat()


def _pages(intake: Service, asked: Mapping[str, Any], limit: int) -> Iterator[Mapping[str, Any]]:
    """The messages, page by page."""
    cursor: str | None = None
    while limit > 0:
        more = {"cursor": cursor} if cursor else {}
        body = json.dumps({**asked, **more, "limit": min(limit, PAGE)}).encode()
        told = intake.post("/api/messages/find", body, "application/json")
        yield from told["messages"]
        limit, cursor = limit - len(told["messages"]), told["next"]
        if cursor is None:
            return


def _show(found: list[Mapping[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("arrived", "facility", "trigger", "control id", "answer", "what became of it", "facts", "id")
    for each in found:
        facts = ", ".join(_fact(fact) for fact in each.get("facts", ()))
        place = (each["since"][:19], each["facility"], each.get("trigger", ""), each.get("control_id", ""))
        table.add_row(*place, each.get("answer", ""), _became(each), facts, each["message_id"])
    Console(markup=False, highlight=False).print(table if found else "no message fits")


def _became(told: Mapping[str, Any]) -> str:
    note = str(told.get("note", ""))
    if "code" in told:
        return f"{note}: {told['code']} at {told.get('location', '?')}"
    why = told.get("reason")
    return f"{note} ({why})" if why and why != note else note


def _fact(fact: Mapping[str, Any]) -> str:
    if fact["state"] == "stands" or fact["type"] == "fact-cancelled":
        return str(fact["type"])
    return f"{fact['type']} ({fact['state']} by {fact.get('by', '?')})"


def _one(told: Mapping[str, Any]) -> None:
    for name, value in told.items():
        if name not in {"facts", "warnings", "has_text"}:
            click.echo(f"{name:<14} {value}")
    for fact in told.get("facts", ()):
        click.echo(f"fact           {fact['occurred_at']} {_fact(fact)} {fact['fact_id']}")
    for warning in told.get("warnings", ()):
        click.echo(f"warning        {warning}")
    click.echo()


def _changes(facts: list[Mapping[str, Any]], others: list[Mapping[str, Any]]) -> None:
    for fact in facts:
        click.echo(f"  {fact['change']:<10} {fact['type']} {fact['occurred_at']}")
    for each in others:
        click.echo(f"  {each['trigger']} {each['message_id']}: {each.get('before', 'new')} → {each['note']}")
    if not facts and not others:
        click.echo("  no fact changes")
