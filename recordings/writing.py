"""Between what gathers a recording and what writes it: packets go one way once a second, news come the other.

The relay's loop gathers (``journal``), threads write (``writer``), and in the product these live in a process of their
own (``remote``, ``process``): whoever parses what strangers send holds no key, and a loop that forwards packets shares
its interpreter with nobody.
"""

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from media.ports import ChainHead, Closing, RecordingSpec, Track
from recordings.take import Committed
from recordings.tape import Gathered

STALLED = 8.0
"""Seconds without a commit after which a recorder counts as failed."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was handed over is on disk."""

    committed: Committed
    head: ChainHead
    """Where the chain stands then."""


class News(Protocol):
    """Who is told what becomes of a recording; on the loop it was opened on."""

    def written(self, written: Written) -> None: ...

    def gap(self, track: Track, from_ms: int, to_ms: int, cause: str) -> None:
        """A gap was signed into the chain."""

    def failed(self, code: str) -> None:
        """Nothing that is given from now on is kept."""


class Writer(Protocol):
    """Writes one recording. Futures raise ``RecorderUnavailable`` when it cannot be done."""

    take: int
    """Number of the take that was opened."""
    last_entry: int
    """Highest number of a log entry in the chain when it was opened."""

    def listen(self, news: News) -> None:
        """Say to whom news go; before the first batch."""

    def hand(self, gathered: Gathered) -> None:
        """Have it written; answered by ``News.written`` unless the recorder failed, and one at a time."""

    def fail(self, code: str, since_ns: int) -> None:
        """What came since then (monotonic) was not kept, for this reason: the chain is to state it."""

    def close(self, reason: str, gathered: Gathered) -> "Future[Closing]":
        """End the chain with ``gathered``."""

    def suspend(self, gathered: Gathered) -> "Future[None]":
        """End the take with ``gathered``, and let go of the recording."""

    def fence(self) -> "Future[None]":
        """Write nothing more and let go of the recording; wait for what is being written now, but not for ever."""


class Writers(Protocol):
    """Opens recordings."""

    async def open(self, spec: RecordingSpec, at_once: int) -> Writer:
        """Open a take, the first or a later one; a new recording would be one of ``at_once``.

        Raises ``RecorderUnavailable``.
        """
