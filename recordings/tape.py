"""What one recorder is given, gathered until the next commit. Pure, and of one thread.

Nothing is computed here: the relay's loop keeps a reference to each packet and cuts off what it has once a second. Who
writes makes blocks of them (``blocks``), with warm caches and where no packet waits for it.
"""

import enum
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise, starmap
from typing import Any, Protocol

from media.ports import Arrival, Track
from recordings.logbook import Entry
from recordings.timesource import Reading


class Kind(enum.IntEnum):
    """First member of an event; the rest is said beside each."""

    OPENED = 0
    """track, arrival"""
    CLOSED = 1
    """track number, arrival"""
    LOG = 2
    """entry, arrival"""
    GAP = 3
    """track number or None, from, to (monotonic), cause"""
    TOKEN = 4
    """of, digest, token, authority"""


Event = tuple[Any, ...]
"""What becomes a record of its own; see ``Kind``."""


class Memory(Protocol):
    """Bytes that can be cut from: ``bytes``, or memory that is shared."""

    def __getitem__(self, part: slice, /) -> bytes: ...


class Octets(Protocol):
    """Packets one after the other, as often as they are asked for."""

    def __iter__(self) -> Iterator[bytes]: ...

    def __len__(self) -> int: ...


class Slices:
    """Packets that lie one behind the other in some memory; each is copied when it is asked for."""

    __slots__ = ("_ends", "_memory")

    def __init__(self, memory: Memory, start: int, sizes: Sequence[int]) -> None:
        self._memory = memory
        self._ends = list(accumulate(sizes, initial=start))

    def __iter__(self) -> Iterator[bytes]:
        return map(self._memory.__getitem__, starmap(slice, pairwise(self._ends)))

    def __len__(self) -> int:
        return len(self._ends) - 1


@dataclass(frozen=True, slots=True)
class Packets:
    """RTP, and RTCP sender reports, in the order they came: what is said of each stands in a column."""

    numbers: Sequence[int] = ()
    """Of their tracks."""
    octets: Octets = ()
    arrivals: Sequence[int] = ()
    size: int = 0
    """Bytes of all of them."""

    @classmethod
    def of(cls, arrivals: list[Arrival]) -> "Packets":
        """What was kept one by one."""
        if not arrivals:
            return cls()
        numbers, octets, times = zip(*arrivals, strict=True)
        return cls(numbers, octets, times, sum(map(len, octets)))

    def __iter__(self) -> Iterator[Arrival]:
        return zip(self.numbers, self.octets, self.arrivals, strict=True)

    def __len__(self) -> int:
        return len(self.numbers)


@dataclass(slots=True)
class Gathered:
    """What one commit writes. A packet of a track that is not open is not for this recording."""

    now: Reading
    """Everything received up to then is in it."""
    events: list[Event] = field(default_factory=list)
    packets: Packets = field(default_factory=Packets)
    lost: dict[int, int] = field(default_factory=dict)
    """Packets given up, by track number."""


class Tape:
    """Gathers what one recorder is given."""

    def __init__(self, limit: int = 1 << 62) -> None:
        """With more than ``limit`` bytes not written yet packets are refused, by ``keep_watched``."""
        self.away = 0
        """Bytes of packets that were cut and are not written yet."""
        self.refused_ns: int | None = None
        """When the first packet was refused."""
        self._limit = limit
        self._here = 0
        """Bytes gathered; known only since ``watch``."""
        self._events: list[Event] = []
        self._packets: list[Arrival] = []
        self._lost: dict[int, int] = {}
        self.keep: Callable[[Arrival], None] = self._packets.append
        """Keeps one packet: a call of a list, for callers in a hurry."""

    @property
    def waiting(self) -> int:
        """Bytes of packets that are not written yet."""
        return self.away + _octets(self._packets)

    # Sink

    def opened(self, track: Track, at_ns: int) -> None:
        self._events.append((Kind.OPENED, track, at_ns))

    def keep_watched(self, arrival: Arrival) -> None:
        """Keep one packet, or refuse it when there are too many."""
        size = len(arrival[1])
        if self.away + self._here + size > self._limit:
            if self.refused_ns is None:
                self.refused_ns = arrival[2]
            return
        self._here += size
        self._packets.append(arrival)

    def lost(self, track: int, count: int) -> None:
        self._lost[track] = self._lost.get(track, 0) + count

    def closed(self, track: int, at_ns: int) -> None:
        self._events.append((Kind.CLOSED, track, at_ns))

    # Other

    def log(self, entry: Entry, at_ns: int) -> None:
        self._events.append((Kind.LOG, entry, at_ns))

    def watch(self) -> None:
        """What was cut is not written as soon as it should be: ``keep_watched`` counts on from what is here now."""
        self._here = _octets(self._packets)

    def cut(self, now: Reading) -> Gathered:
        """Return what was gathered and begin anew. ``now`` is not before anything given."""
        gathered = Gathered(now, self._events, Packets.of(self._packets), self._lost)
        self._packets.clear()
        self._events, self._lost, self._here = [], {}, 0
        self.away += gathered.packets.size
        return gathered

    def written(self) -> None:
        """What was cut is written, or given up."""
        self.away = 0


def _octets(packets: list[Arrival]) -> int:
    return sum([len(packet) for _, packet, _ in packets])
