"""Carries the news that a run has more events, to whoever follows it. The database stays the truth.

In process: committed events are handed to the followers that wait; a follower that falls behind, or missed the
news, reads the database. Bounded: a follower's mailbox holds a limited number of events and then only a bell.
"""

import asyncio
from collections import defaultdict
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from storage.runs import Event

MAILBOX_EVENTS = 1_000


class Mailbox:
    """What one follower has been told and not yet taken."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._bell = asyncio.Event()

    def put(self, events: Sequence[Event]) -> None:
        """Ring, and leave the events where there is room; a full box is emptied, the database has them all."""
        if len(self._events) + len(events) <= MAILBOX_EVENTS:
            self._events.extend(events)
        else:
            self._events.clear()
        self._bell.set()

    async def take(self, *, timeout_s: float) -> list[Event]:
        """The events left since the last look; empty after `timeout_s` or where only the bell rang."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._bell.wait()
        except TimeoutError:
            return []
        self._bell.clear()
        taken, self._events = self._events, []
        return taken


class Wire:
    """News within this process."""

    def __init__(self) -> None:
        self._mailboxes: defaultdict[str, set[Mailbox]] = defaultdict(set)

    def announce(self, run_id: str, events: Sequence[Event]) -> None:
        """Tell the followers of a run what was committed (or, with no events, that its state changed)."""
        for mailbox in self._mailboxes.get(run_id, ()):
            mailbox.put(events)

    @contextmanager
    def listen(self, run_id: str) -> Generator[Mailbox]:
        """A mailbox that receives a run's news for as long as the block lasts."""
        mailbox = Mailbox()
        self._mailboxes[run_id].add(mailbox)
        try:
            yield mailbox
        finally:
            self._mailboxes[run_id].discard(mailbox)
            if not self._mailboxes[run_id]:
                del self._mailboxes[run_id]
