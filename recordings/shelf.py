"""Memory that the relay shares with its recorder process: packets are put down by one and picked up by the other.

A socket would copy them three times. Whatever the relay does to this memory later, the recorder signs and seals one
and the same copy of what it read; the size is sealed, so that a relay cannot end the recorder by taking it away.
"""

import fcntl
import mmap
import os
from array import array

from recordings.tape import Packets, Slices

PLACES = 64
"""Recordings that have a place of their own; what has none goes over the socket."""
PLACE_BYTES = 4 << 20
"""What does not fit goes over the socket. Memory is taken only where packets were put."""
KEPT = 1 << 20
"""A place that has grown beyond it gives its memory back when it is free again."""
_MOST = 1000
"""Buffers in one system call (IOV_MAX is 1024)."""
_COLUMNS = 16
"""Bytes that are said of each packet."""


class ShelfError(ValueError):
    """What is said to lie there cannot."""


class Shelf:
    """The relay's side."""

    def __init__(self) -> None:
        """Raises ``OSError``."""
        self.fd = os.memfd_create("recorder", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self.fd, PLACES * PLACE_BYTES)
        fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        self._free = list(range(PLACES))
        self._reach = [0] * PLACES
        """How far each place was ever written since its memory was given back."""

    @property
    def free(self) -> int:
        """Places nobody has."""
        return len(self._free)

    def close(self) -> None:
        fd, self.fd = self.fd, -1  # a number that was closed is soon somebody else's
        os.close(fd)

    def take_place(self) -> int | None:
        """A place nobody has, or ``None``: the one that was free last, whose memory is warm."""
        return self._free.pop() if self._free else None

    def give_back(self, place: int) -> None:
        if self._reach[place] > KEPT:
            with mmap.mmap(self.fd, PLACE_BYTES, offset=place * PLACE_BYTES) as memory:
                memory.madvise(mmap.MADV_REMOVE)
            self._reach[place] = 0
        self._free.append(place)

    def put(self, place: int, packets: Packets) -> int | None:
        """Put packets down and return where; ``None`` when they do not fit or there is no memory."""
        size = size_of(packets)
        if size > PLACE_BYTES:
            return None
        start = at = place * PLACE_BYTES
        parts = laid_out(packets)
        try:
            for first in range(0, len(parts), _MOST):
                at += os.pwritev(self.fd, parts[first : first + _MOST], at)
        except OSError:
            return None
        self._reach[place] = max(self._reach[place], size)
        return start if at - start == size else None


class Pickup:
    """The recorder's side of the shelf behind ``fd``, which it closes."""

    def __init__(self, fd: int) -> None:
        self._memory = mmap.mmap(fd, 0, prot=mmap.PROT_READ)
        os.close(fd)

    def packets(self, at: int, count: int, size: int) -> Packets:
        """The ``count`` packets of together ``size`` bytes that were put down at ``at``; good until others are put
        there. Raises ``ShelfError``."""
        return packets_of(self._memory, at, count, size)


def size_of(packets: Packets) -> int:
    """Bytes of them ``laid_out``."""
    return packets.size + len(packets) * _COLUMNS


def laid_out(packets: Packets) -> list[bytes]:
    """Packets one behind the other, then arrivals, track numbers and lengths."""
    arrivals, numbers = array("q", packets.arrivals), array("I", packets.numbers)
    sizes = array("I", map(len, packets.octets))
    return [*packets.octets, arrivals.tobytes(), numbers.tobytes(), sizes.tobytes()]


def packets_of(memory: "bytes | mmap.mmap", at: int, count: int, size: int) -> Packets:
    """The ``count`` packets of together ``size`` bytes that lie ``laid_out`` at ``at``. Raises ``ShelfError``."""
    arrivals, numbers, sizes = array("q"), array("I"), array("I")
    end = at + size
    if min(at, count, size) < 0 or end + count * _COLUMNS > len(memory):
        raise ShelfError("packets beyond the end")
    for column in (arrivals, numbers, sizes):
        column.frombytes(memory[end : end + count * column.itemsize])
        end += count * column.itemsize
    if sum(sizes) != size:
        raise ShelfError("packets of other lengths than said")
    return Packets(numbers, Slices(memory, at, sizes), arrivals, size)
