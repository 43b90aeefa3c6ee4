"""The numbered log of one session: every entry to the database's writer and, while the chain is on, into the chain."""

from collections import deque
from collections.abc import Iterator

from core.clock import Clock
from media import commands
from people.veil import Veil
from signaling import events
from signaling.keeping import Keeper
from signaling.link import Link
from signaling.restore import Entry, veiled

KEPT = 20_000
"""Entries kept in memory for a new take of the chain; older ones are in it already."""
LEFT_OUT = 1000
"""Numbers left out when a session is taken up: the process before may have sent entries to the chain that it could not
write to the database any more, and a number is never used for two entries."""


class SessionLog:
    """Numbers, keeps and sends. ``chained``: whether the chain takes entries now."""

    def __init__(self, session: str, link: Link, keeper: Keeper, clock: Clock) -> None:
        self.number = 0
        """Of the last entry."""
        self.chained = False
        self._session = session
        self._link = link
        self._keeper = keeper
        self._clock = clock
        self._entries: deque[Entry] = deque(maxlen=KEPT)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def take_up(self, entries: list[Entry]) -> None:
        """Go on after the log of the process before."""
        self._entries.extend(entries)
        self.number = entries[-1].number + LEFT_OUT if entries else 0

    def add(self, record: events.Record) -> None:
        """Number an entry and hand it on."""
        self.number += 1
        entry = Entry(self.number, self._clock.now(), record.public, record.private)
        self._entries.append(entry)
        self._keeper.add(entry)
        if self.chained:
            self._send(entry)

    def lay(self, veil: Veil) -> None:
        """Put aliases in the place of names in what is kept here and not yet written; a chain cannot be changed."""
        if veil:
            self._entries = deque((veiled(entry, veil) for entry in self._entries), maxlen=KEPT)
            self._keeper.lay(veil)

    def chain_ready(self, last: int) -> None:
        """The chain takes entries and has those up to ``last``: send what is above."""
        self.chained = True
        self.number = max(self.number, last)
        for entry in self._entries:
            if entry.number > last:
                self._send(entry)

    def _send(self, entry: Entry) -> None:
        self._link.send(
            commands.Log(
                session=self._session,
                number=entry.number,
                at=entry.at,
                public=dict(entry.public),
                private=dict(entry.private),
            )
        )
