"""What a take is given, as it lies in the file: blocks of a pcapng section. Pure, and of one thread."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from media.ports import Track
from recordings.pcapng import OVERHEAD, Section, shape, shapes
from recordings.recovery import Origin
from recordings.scratch import Scratch
from recordings.tape import Event, Gathered, Kind, Packets
from recordings.timesource import Reading

SEGMENT_MS = 60_000
_scratch = Scratch()
_MOST = 32 + OVERHEAD + 4
"""Bytes a block has at most beside its packet: headers and padding."""


@dataclass(slots=True)
class Batch:
    """What one commit writes, as blocks."""

    now: Reading
    events: list[Event]
    data: bytearray
    """Good until this thread makes the next batch."""
    length: int
    """Bytes of ``data`` that are blocks."""
    seen: dict[int, list[int]]
    """Per track number: packets, lost."""
    first_ns: int | None
    last_ns: int | None
    last: bool
    """Whether its segment ends with it."""


class Blocks:
    """Makes the blocks of one take."""

    def __init__(self, origin: Origin, since_ms: int, tracks: Iterable[Track] = (), *, media: bool = True) -> None:
        """Begin at ``since_ms`` with ``tracks`` open. Without ``media`` there are events only."""
        self._origin = origin
        self._media = media
        self._open = {track.number: track for track in tracks}
        self._section = Section()
        self._since_ms = since_ms
        self._begins = True
        """Whether the next batch is the first of its segment, so that the open tracks are to be named."""

    def of(self, gathered: Gathered) -> Batch:
        """Return the blocks of what was gathered since the last call."""
        until = self._origin.media_ms(gathered.now.mono_ns)
        seen = {number: [0, lost] for number, lost in gathered.lost.items()}
        first = last = None
        data, end = bytearray(), 0
        if self._media:
            names, packets = b"".join(self._interfaces(gathered.events)), gathered.packets
            data, end = _scratch.of(len(names) + packets.size + len(packets) * _MOST), len(names)
            data[:end] = names
            end, first, last = self._pack(data, end, packets, seen)
        self._forget_closed(gathered.events)
        ends = self._media and until - self._since_ms >= SEGMENT_MS
        if ends:
            self._section, self._since_ms, self._begins = Section(), until, True
        return Batch(gathered.now, gathered.events, data, end, seen, first, last, ends)

    def _interfaces(self, events: Iterable[Event]) -> Iterator[bytes]:
        """The blocks of tracks that are new to the segment."""
        if self._begins:
            self._begins = False
            yield from map(self._section.interface, self._open.values())
        for track in [event[1] for event in events if event[0] is Kind.OPENED]:
            self._open[track.number] = track
            yield self._section.interface(track)

    def _forget_closed(self, events: Iterable[Event]) -> None:
        for number in [event[1] for event in events if event[0] is Kind.CLOSED]:
            self._open.pop(number, None)
            self._section.places.pop(number, None)

    def _pack(
        self, data: bytearray, end: int, packets: Packets, seen: dict[int, list[int]]
    ) -> tuple[int, int | None, int | None]:
        """Write the blocks of the packets of open tracks behind ``end``; return the new end, and when the first and
        the last RTP packet came."""
        places, shift = self._section.places, self._origin.to_utc_ns(0)
        counts = Counter(packets.numbers)
        first = last = None
        for number, packet, arrival in packets:
            try:
                interface, ends, share = places[number]
            except KeyError:
                counts[number] -= 1
                continue
            at, size = arrival + shift, len(packet)
            if size > 1 and 191 < packet[1] < 224:  # RFC 5761 4
                block = self._section.report(number, at, packet)
                data[end : end + len(block)] = block
                end += len(block)
                counts[number] -= 1
                continue
            pack_into, kind, lengths, left, udp, after, length = shapes.get(size) or shape(size)
            check = left - share
            if check < 0:
                check += 0xFFFF
            pack_into(data, end, kind, interface, at >> 32, at & 0xFFFFFFFF, lengths, check, ends, udp, packet, after)
            end += length
            if first is None:
                first = arrival
            last = arrival
        for number in +counts:
            seen.setdefault(number, [0, 0])[0] = counts[number]
        return end, first, last
