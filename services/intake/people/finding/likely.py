"""Looks for records that may be one person's although they share no number: in the background, by blind index.

Only records that share a block (birth date and a word of the name, telephone and a word of the name, or two words and
the telephone) are compared, never all with all; each record once after it changed, or the site's weights did, in pages,
with one question a page. What was listed by likeness alone and is not by other weights is listed no more, unless
somebody decided it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from services.intake.people import register
from services.intake.people.finding import store
from services.intake.people.finding.words import NATIONAL, born, digits_of, hashes, whole, words_to_find_of
from services.intake.people.joining import MatchPair
from services.intake.people.likeness import LIKELY, compared, points
from services.intake.people.names import opened
from services.intake.people.person import Fields, contacts
from services.intake.people.store import Whose
from shared.ids import ageless_id
from shared.site.config import Site
from shared.site.likeness import Likeness
from shared.storage.database import Database
from shared.storage.sealing import Seal

log = logging.getLogger(__name__)
TAKEN_UP = 1000
"""Records that are taken up at once to be compared by other weights."""
PAGE = 100
"""Records that are compared in one transaction."""


class ComparedPersons(Protocol):
    """Where persons are stored, and what opens them; `prepared`: what the first version stored is brought over."""

    database: Database
    seal: Seal
    prepared: bool
    numbering: Any
    site: Site

    def clock(self) -> datetime:
        """The time."""


@dataclass(slots=True)
class Likely:
    """Compares records that changed with those that share a block with them; after a change of the site's weights all
    others, too, from `after` on. `again`: how many were taken up for that; `whole`: all were."""

    of: ComparedPersons
    after: str = ""
    again: int = 0
    whole: bool = False

    async def run(self) -> None:
        """Compare until nothing is left. Raises Transient while the database is away."""
        while self.of.prepared and (await self.page() or await self._take_up()):
            pass

    async def page(self) -> int:
        """Compare one page of records; returns how many there were."""
        seal, born_never = self.of.seal, self.of.numbering.numbers.born_never
        rules = self.of.site.likeness
        async with self.of.database.begin() as connection:
            page = await store.uncompared(connection, PAGE, digest(rules))
            own = {(row.patient_id, row.facility): opened(row, seal) for row, _ in page}
            anew = {(row.patient_id, row.facility) for row, anew in page if anew}
            blocks = [(whose, block) for whose, fields in own.items() for block in _blocks(fields, seal)]
            near = [*await store.sharing(connection, blocks), *await register.likely_of(connection, anew, LIKELY)]
            others = await store.sealed_of(connection, {each for pair in near for each in pair} - own.keys())
            known: Mapping[Whose, Fields] = own | {(row.patient_id, row.facility): opened(row, seal) for row in others}
            found: list[tuple[str, MatchPair, frozenset[str]]] = []
            weak: list[MatchPair] = []
            for one, other in sorted({(min(pair), max(pair)) for pair in near}):
                speaks_for, against = compared(known.get(one, {}), known.get(other, {}), born_never, rules)
                if points(speaks_for, against, rules) >= rules.listed_from:
                    found.append((ageless_id(), (one, other), speaks_for))
                elif {one, other} & anew:
                    weak.append((one, other))
            await register.keep_matches(connection, found, self.of.clock())
            await register.drop_likely(connection, weak, LIKELY)
            await store.keep_compared(connection, own.keys(), digest(rules))
        return len(page)

    async def _take_up(self) -> int:
        """Take up a page of records that were compared by other weights; returns how many."""
        if self.whole:
            return 0
        async with self.of.database.begin() as connection:
            taken = await store.by_other_weights(connection, digest(self.of.site.likeness), self.after, TAKEN_UP)
        if taken:
            self.after, self.again = max(taken), self.again + len(taken)
            log.info("records are compared by other weights", extra={"records": self.again})
        self.whole = not taken
        return len(taken)


def digest(rules: Likeness) -> str:
    """Names these weights: 16 characters."""
    return hashlib.sha256(rules.model_dump_json().encode()).hexdigest()[:16]


def _blocks(fields: Fields, seal: Seal) -> list[list[int]]:
    """The sets of hashed words of which another record must have all of one to be compared."""
    now = {name: value for name, (value, _) in fields.items() if value}
    words = sorted({whole(word) for pair in now.get("names", ()) for word in words_to_find_of(pair)})
    digits = [digits_of(each["value"]) for each in contacts(fields) if each["system"] == "phone"]
    firm = [f"phone\x1f{each[-NATIONAL:]}" for each in digits if len(each) >= NATIONAL]
    if "birth_date" in now:
        firm.append(born(date.fromisoformat(now["birth_date"])))
    names = hashes(words, seal)
    return [sorted((one, word)) for one in hashes(firm, seal) for word in names]
