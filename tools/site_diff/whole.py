"""Compares two site configs over everything that is stored: groups of patients, by several processes."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from services.intake.console.other_config import patients_and_messages
from shared.storage.database import Database
from tools.site_diff.found import SiteDifference
from tools.site_diff.group import begin, compared_here

MESSAGES, PATIENTS = 2_000, 300
"""A group has so many messages, or so many patients: a transaction of a few seconds at most."""
FEW = 5_000
"""With fewer messages one process is enough: a second one takes longer to start."""


async def stored_patients(url: str) -> list[tuple[str, int]]:
    """Every patient with the number of their messages, from intake's database."""
    database = Database(url, pool=1, application="stepdown-cli")
    try:
        return await patients_and_messages(database)
    finally:
        await database.close()


def compare(
    urls: Mapping[str, str],
    folders: tuple[Path, Path],
    patients: Sequence[tuple[str, int]],
    tick: Callable[[int], None],
) -> SiteDifference:
    """All that would change. `folders`: the config in force, and the other one; `tick` is called with the number of
    patients just compared. Raises Transient where a database goes away."""
    found = SiteDifference()
    messages = sum(number for _, number in patients)
    processes = 1 if messages < FEW else max(1, min(4, os.cpu_count() or 1))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=begin, initargs=(dict(urls), *folders)) as pool:
        for group in pool.map(compared_here, groups(patients)):
            found.add(group)
            tick(group.patients)
    return found


def groups(patients: Iterable[tuple[str, int]]) -> Iterator[list[str]]:
    """The patients in groups, none of which has many more than MESSAGES messages, unless it is one patient's."""
    group: list[str] = []
    number = 0
    for patient, messages in patients:
        if group and (number + messages > MESSAGES or len(group) >= PATIENTS):
            yield group
            group, number = [], 0
        group.append(patient)
        number += messages
    if group:
        yield group
