"""The examples that `--help` shows, by command; a test checks that each is a valid command line."""

from __future__ import annotations

import click

EXAMPLES: dict[str, tuple[str, ...]] = {
    "demo": (
        "stepdown demo                                 half a year of 200 patients",
        "stepdown demo --patients 60 --serve           keeps running afterwards",
        "stepdown demo --json                          one JSON document for a program",
    ),
    "up": (
        "stepdown up                                   everything on this machine, any free ports",
        "stepdown up --data here --mllp-port 2575 --http-port 8080",
        "stepdown up --kafka broker:9092               with a broker of your own",
        "stepdown up --kafka apache --data here        with Apache Kafka itself, from its jars",
    ),
    "run": ("stepdown run intake                           what STEPDOWN_* must say: docs/settings.md",),
    "topics apply": ("stepdown topics apply                         before the first start, and after each upgrade",),
    "db migrate": (
        "stepdown db migrate                           the system that runs on .stepdown",
        "stepdown db migrate --service intake          one database, by its owner role",
    ),
    "doctor": ("stepdown doctor                               what is wrong, and what to do",),
    "config check": ("stepdown config check my-site                 file and line of every problem",),
    "config diff": (
        "stepdown config diff my-site                  what would change on the system that runs here",
        "stepdown config diff my-site --code 4E --list 200   the visits of one unit",
    ),
    "hl7 check": (
        "stepdown hl7 check messages                   a summary of every message in a folder",
        "stepdown hl7 check --json one.hl7             one JSON line a message",
        "stepdown hl7 check --config my-site messages  as that site would answer, and what it has no unit or code for",
    ),
    "send": (
        "stepdown send admit.hl7 discharge.hl7         to the system that runs on .stepdown",
        "stepdown send messages --mllp hospital:2575   a folder, to another door",
        "stepdown send messages --kafka                by the topic hospital.adt",
    ),
    "simulate": ("stepdown simulate --seed 7 --patients 500 --out messages",),
    "messages list": (
        "stepdown messages list --note waiting         what waits for another message",
        "stepdown messages list --mrn M-0001 --json    all of one patient, one JSON line each",
        "stepdown messages list --answer AR --since 2026-03-01",
    ),
    "messages show": ("stepdown messages show ID                      what came of it, and its text; audited",),
    "messages try": ("stepdown messages try admit.hl7                what it would do here; nothing is stored",),
    "messages read-again": (
        "stepdown messages read-again ID               what would change, now that it is read otherwise",
        "stepdown messages read-again ID --apply       does it",
    ),
    "iti31": (
        "stepdown iti31                                at the system that runs on .stepdown",
        "stepdown iti31 --story discharge-cancelled --story transfer-cancelled",
        "stepdown iti31 engine:2575 --adapter my_engine:Adapter --place ward=4N",
    ),
    "feeds": ("stepdown feeds                                what came, what waits, what is not mapped",),
    "heal": (
        "stepdown heal --dry-run                       what was lost, and what cannot come back",
        "stepdown heal                                 broker and databases in line again",
        "stepdown heal intake                          one service",
    ),
    "events tail": (
        "stepdown events tail                          care.events, as they come",
        "stepdown events tail --topic billing.service-periods --until-idle 2 --json",
    ),
    "episodes list": (
        "stepdown episodes list --state between        who waits for a next level",
        "stepdown episodes list --level php --json",
    ),
    "episodes show": ("stepdown episodes show ID                      one patient's way, with what was taken back",),
    "verify": ("stepdown verify                               exit 1, and the names of what is broken",),
    "positions show": ("stepdown positions show                       where each consumer stands, and its lag",),
    "positions reset": ("stepdown positions reset placement.care.events",),
    "backup": (
        "stepdown backup /backups/today                the system on .stepdown, while it runs",
        "stepdown backup --check /backups/today        whether its files are what was written",
    ),
    "restore": (
        "stepdown restore --dry-run /backups/today     whether it is whole and fits; changes nothing",
        "stepdown restore /backups/today --replace     in place of what the databases have",
    ),
    "dead-letters list": ("stepdown dead-letters list --state dead",),
    "dead-letters show": ("stepdown dead-letters show 0192f1c8           by the first characters of its id",),
    "dead-letters replay": (
        "stepdown dead-letters replay --all            after what broke them was mended",
        "stepdown dead-letters replay --reason schema  those whose reason has this text",
    ),
    "dead-letters discard": ('stepdown dead-letters discard 0192f1c8 --why "a test record"',),
    "retention": (
        "stepdown retention --dry-run                  how much of what is older than the site keeps it",
        "stepdown retention                            deletes it now; the services do it once an hour",
    ),
    "facility retire": (
        "stepdown facility retire RIVERBEND --dry-run  what would go, what would remain, what is open there",
        'stepdown facility retire RIVERBEND --under "42 CFR 482.24(b)(1)" --until 2032-12-31',
    ),
    "bench": (
        "stepdown bench engine                         or start, correct, mllp, intake, latency, idle, scale",
        "stepdown bench engine --size 1000000 --json   1,000,000 facts of each shape",
        "stepdown bench all --quick                    whether all of it works here",
    ),
    "export": (
        "stepdown export                               docs/ anew, after a change of the code",
        "stepdown export schemas --out schemas         only these, somewhere else",
    ),
    "completion": (
        "stepdown completion bash > ~/.local/share/bash-completion/completions/stepdown",
        "stepdown completion zsh > ~/.zfunc/_stepdown  with `fpath+=~/.zfunc` in ~/.zshrc",
        "stepdown completion fish > ~/.config/fish/completions/stepdown.fish",
    ),
}


def shown_in(command: click.Command, path: str) -> None:
    """Set the examples of a command, and of the commands in it, as the last part of their help."""
    if isinstance(command, click.Group):
        for name, one in command.commands.items():
            shown_in(one, f"{path} {name}")
    elif path in EXAMPLES and command.epilog is None:
        command.epilog = "\b\nExamples:\n" + "\n".join(f"  {line}" for line in EXAMPLES[path])
