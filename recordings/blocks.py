"""What a take is given, as it lies in the file: blocks of a pcapng section. Pure, and of one thread."""

from collections.abc import Iterable
from dataclasses import dataclass

from media.ports import Arrival, Track
from recordings.pcapng import OVERHEAD, Section, shape, shapes
from recordings.recovery import Origin
from recordings.tape import Event, Gathered, Kind
from recordings.timesource import Reading

SEGMENT_MS = 60_000
CHUNK = 64 << 10
"""Bytes by which a buffer grows."""
KEPT = 4 << 20
"""A larger buffer is not used again: it grew while a disk stood still."""
_MOST = 32 + OVERHEAD + 4
"""Bytes a block has at most beside its packet: headers and padding."""


@dataclass(slots=True)
class Batch:
    """What one commit writes, as blocks."""

    now: Reading
    events: list[Event]
    data: bytearray
    """Good until the next batch is made."""
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
        self._data = bytearray(CHUNK)
        self._end = 0
        self._section = Section()
        self._since_ms = since_ms
        self._begins = True
        """Whether the next batch is the first of its segment, so that the open tracks are to be named."""

    def of(self, gathered: Gathered) -> Batch:
        """Return the blocks of what was gathered since the last call."""
        until = self._origin.media_ms(gathered.now.mono_ns)
        seen = {number: [0, lost] for number, lost in gathered.lost.items()}
        first = last = None
        self._end = 0
        if self._media:
            self._trim()
            self._name_tracks(gathered.events)
            self._grow(self._end + sum([_MOST + len(packet) for _, packet, _ in gathered.packets]))
            first, last = self._pack(gathered.packets, seen)
        self._forget_closed(gathered.events)
        ends = self._media and until - self._since_ms >= SEGMENT_MS
        if ends:
            self._section, self._since_ms, self._begins = Section(), until, True
        return Batch(gathered.now, gathered.events, self._data, self._end, seen, first, last, ends)

    def _trim(self) -> None:
        if len(self._data) > KEPT:
            self._data = bytearray(CHUNK)

    def _name_tracks(self, events: Iterable[Event]) -> None:
        if self._begins:
            self._begins = False
            for track in self._open.values():
                self._write(self._section.interface(track))
        for track in [event[1] for event in events if event[0] is Kind.OPENED]:
            self._open[track.number] = track
            self._write(self._section.interface(track))

    def _forget_closed(self, events: Iterable[Event]) -> None:
        for number in [event[1] for event in events if event[0] is Kind.CLOSED]:
            self._open.pop(number, None)
            self._section.places.pop(number, None)

    def _pack(self, packets: Iterable[Arrival], seen: dict[int, list[int]]) -> tuple[int | None, int | None]:
        """Write the blocks of the packets of open tracks; return when the first and the last RTP packet came."""
        places, shift = self._section.places, self._origin.to_utc_ns(0)
        data, end = self._data, self._end
        first = last = None
        for number, packet, arrival in packets:
            place = places.get(number)
            if place is None:
                continue
            at, size = arrival + shift, len(packet)
            if size > 1 and 191 < packet[1] < 224:  # RFC 5761 4
                block = self._section.report(number, at, packet)
                data[end : end + len(block)] = block
                end += len(block)
                continue
            pack_into, kind, lengths, left, udp, after, length = shapes.get(size) or shape(size)
            interface, ends, share = place
            check = left - share
            if check < 0:
                check += 0xFFFF
            pack_into(data, end, kind, interface, at >> 32, at & 0xFFFFFFFF, lengths, check, ends, udp, packet, after)
            end += length
            counts = seen.get(number)
            if counts is None:
                counts = seen[number] = [0, 0]
            counts[0] += 1
            if first is None:
                first = arrival
            last = arrival
        self._end = end
        return first, last

    def _write(self, block: bytes) -> None:
        self._grow(self._end + len(block))
        self._data[self._end : self._end + len(block)] = block
        self._end += len(block)

    def _grow(self, size: int) -> None:
        if size > len(self._data):
            self._data.extend(bytes(max(CHUNK, size - len(self._data))))
