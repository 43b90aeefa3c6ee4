"""The last second of a track, kept to answer NACKs and to give a new viewer its first picture."""

from collections import deque
from collections.abc import Iterator

KEEP_NS = 1_000_000_000
KEEP_BYTES = 512_000


class Ring:
    """Plain packets by sequence number, bounded by age and by bytes."""

    __slots__ = ("_by_sequence", "_bytes", "_order")

    def __init__(self) -> None:
        self._order: deque[tuple[int, int, bytes]] = deque()
        self._by_sequence: dict[int, bytes] = {}
        self._bytes = 0

    def append(self, sequence: int, packet: bytes, now_ns: int) -> None:
        order = self._order
        order.append((now_ns, sequence, packet))
        self._by_sequence[sequence] = packet
        self._bytes += len(packet)
        oldest = now_ns - KEEP_NS
        while order[0][0] < oldest or self._bytes > KEEP_BYTES:
            _, gone, old = order.popleft()
            self._bytes -= len(old)
            if self._by_sequence.get(gone) is old:
                del self._by_sequence[gone]
            if not order:
                break

    def get(self, sequence: int) -> bytes | None:
        return self._by_sequence.get(sequence)

    def since(self, sequence: int) -> Iterator[bytes]:
        """Yield what is kept from ``sequence`` on, in sequence order; nothing when that packet is gone."""
        if sequence not in self._by_sequence:
            return
        ahead = sorted(
            ((kept - sequence) & 0xFFFF, packet)
            for kept, packet in self._by_sequence.items()
            if (kept - sequence) & 0xFFFF < 0x8000
        )
        for _, packet in ahead:
            yield packet

    def clear(self) -> None:
        self._order.clear()
        self._by_sequence.clear()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._order)
