"""The last second of a track, kept to answer NACKs and to give a new viewer its first picture."""

from collections.abc import Iterator

from media import rtp

KEEP_NS = 1_000_000_000
SLOTS = 341
"""With packets of at most 1500 bytes, never more than 512 kB per track."""


class Ring:
    """Plain packets in slots by sequence number: putting one in is two assignments, what is too old is not found."""

    __slots__ = ("_at", "_oldest", "_packets")

    def __init__(self, first: int = 0) -> None:
        """``first``: sequence number of the first packet."""
        self._packets: list[bytes | None] = [None] * SLOTS
        self._at = [0] * SLOTS
        self._oldest = first
        """Sequence number before which everything was given back."""

    def put(self, sequence: int, packet: bytes, now_ns: int) -> None:
        slot = sequence % SLOTS
        self._packets[slot] = packet
        self._at[slot] = now_ns

    def get(self, sequence: int, now_ns: int) -> bytes | None:
        """Return the packet of ``sequence`` if it came within the last second."""
        slot = sequence % SLOTS
        packet = self._packets[slot]
        if packet is None or now_ns - self._at[slot] > KEEP_NS or packet[2] << 8 | packet[3] != sequence:
            return None
        return packet

    def run(self, first: int, count: int, now_ns: int) -> Iterator[bytes]:
        """Yield what is kept of ``count`` numbers from ``first`` on, in sequence order."""
        for sequence in range(first, first + count):
            packet = self.get(sequence & 0xFFFF, now_ns)
            if packet is not None:
                yield packet

    def payloads(self, now_ns: int) -> Iterator[bytes]:
        """Yield the payload of each packet that can be found, in no order."""
        for packet, at in zip(self._packets, self._at, strict=True):
            if packet is not None and now_ns - at <= KEEP_NS:
                yield packet[rtp.payload_start(packet, len(packet)) :]

    def clear(self) -> None:
        self._packets = [None] * SLOTS

    def trim(self, newest: int, now_ns: int) -> None:
        """Give back the memory of what is too old to be found, up to ``newest``, the highest number put in."""
        for back in range(min((newest - self._oldest) & 0xFFFF, SLOTS - 1), 0, -1):
            self._oldest = (newest - back) & 0xFFFF
            slot = self._oldest % SLOTS
            if now_ns - self._at[slot] <= KEEP_NS:
                return
            self._packets[slot] = None
        self._oldest = newest
