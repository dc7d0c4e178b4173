"""What the simulated people wait for, read from care.events and hospital.acks as any consumer may."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import TypeVar

from shared.events.aftercare import AftercareReferred, AftercareStarted
from shared.events.placing import Offer, SearchClosed, SearchOpened
from shared.events.stays import Admitted, VisitStarted
from shared.facts.envelope import Fact, from_record
from shared.messaging.reading import Reading
from tools.mllp_client import Ack, WrongAnswer, read_ack

Found = TypeVar("Found")


class Watch:
    """The latest state of what somebody may wait for.

    `episodes`: visit number → episode; `searches`: episode → its open search; `answered`: offer → its last move;
    `aftercare`: episodes in aftercare; `acks`: control id → acknowledgement; `referrals`: episode → its referrals.
    """

    def __init__(self) -> None:
        self.episodes: dict[str, str] = {}
        self.searches: dict[str, SearchOpened] = {}
        self.answered: dict[str, str] = {}
        self.aftercare: set[str] = set()
        self.acks: dict[str, Ack] = {}
        self.referrals: dict[str, list[str]] = defaultdict(list)
        self._news = asyncio.Event()

    async def read(self, topics: Reading) -> None:
        """Read the topics for ever; `topics` stands at their end when this is called."""
        while True:
            for record in await topics.batch(200):
                if record.topic == "hospital.acks":
                    self._ack(record.value or b"")
                else:
                    self._fact(from_record(record.value, record.headers))
            news, self._news = self._news, asyncio.Event()
            news.set()

    async def wait(self, found: Callable[[], Found | None], seconds: float) -> Found | None:
        """Call `found` after every batch until it returns something, which is returned; None after `seconds`."""
        end = asyncio.get_running_loop().time() + seconds
        while (answer := found()) is None:
            left = end - asyncio.get_running_loop().time()
            if left <= 0:
                return None
            try:
                async with asyncio.timeout(left):
                    await self._news.wait()
            except TimeoutError:
                return found()
        return answer

    def _ack(self, raw: bytes) -> None:
        try:
            ack = read_ack(raw)
        except WrongAnswer:
            return
        self.acks[ack.control_id] = ack

    def _fact(self, fact: Fact) -> None:
        episode = fact.subject
        match fact.value:
            case Admitted(visit_number=str(number)) | VisitStarted(visit_number=str(number)):
                self.episodes.setdefault(number, episode)
            case SearchOpened() as opened:
                self.searches[episode] = opened
            case SearchClosed(search_id=search_id):
                if (search := self.searches.get(episode)) is not None and search.search_id == search_id:
                    del self.searches[episode]
            case Offer(offer_id=offer_id):
                self.answered[offer_id] = fact.name.removeprefix("offer-")
            case AftercareStarted():
                self.aftercare.add(episode)
            case AftercareReferred(referral_id=referral_id):
                self.referrals[episode].append(referral_id)
