"""What a take is given, as it lies in the file: packets become blocks where they arrive. Pure, and of one thread.

A packet is copied once, into the buffer of the present second, by one call that writes its whole block; nothing is kept
per packet. ``cut`` ends the second: what it returns is what one commit writes, and belongs to the writer's thread.
"""

import enum
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from media.ports import Track
from recordings import pcapng
from recordings.logbook import Entry
from recordings.pcapng import Section, shape, shapes
from recordings.recovery import Origin
from recordings.timesource import Reading

SEGMENT_MS = 60_000
CHUNK = 64 << 10
"""Bytes by which a buffer grows."""
KEPT = 4 << 20
"""A larger buffer is not used again: it grew while a disk stood still."""


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


@dataclass(slots=True)
class Batch:
    """What one commit writes."""

    take: int
    """The take for whose clock and segment the blocks were made."""
    now: Reading
    """Everything received up to then is in it."""
    events: list[Event]
    data: bytearray
    length: int
    """Bytes of ``data`` that are blocks."""
    tracks: Sequence[Track]
    """In the order of the interfaces the blocks speak of."""
    seen: dict[int, list[int]]
    """Per track number: packets, lost."""
    shift: int
    """What was added to monotonic times."""
    first_ns: int | None = None
    last_ns: int | None = None
    last: bool = False
    """Whether its segment ends with it."""


class Tape:
    """Gathers what one recorder is given."""

    def __init__(
        self, take: int, origin: Origin, since_ms: int, tracks: Iterable[Track] = (), *, media: bool = True,
        limit: int = 1 << 62, refuse: Callable[[int], None] = lambda _: None,
    ) -> None:  # fmt: skip
        """Begin at ``since_ms``. With more than ``limit`` bytes gathered or away, packets are refused: ``refuse`` is
        told the arrival of each. Without ``media`` there are events only."""
        self.take = take
        self.away = 0
        """Bytes that were cut and are not written yet; they count towards the limit."""
        self._media = media
        self._limit = limit
        self._refuse = refuse
        self._open = {track.number: track for track in tracks}
        self._data, self._spare = bytearray(CHUNK), bytearray(CHUNK)
        self._end = self._room = 0
        """How far the buffer is filled, and how far it may be without being asked about."""
        self._stopped = False
        self._events: list[Event] = []
        self._seen: dict[int, list[int]] = {}
        self._first_ns: int | None = None
        self._last_ns: int | None = None
        self._bound()
        self.resume(take, origin, since_ms)

    @property
    def waiting(self) -> int:
        """Bytes that are not written yet."""
        return self._end + self.away

    # Sink

    def opened(self, track: Track, at_ns: int) -> None:
        self._open[track.number] = track
        self._events.append((Kind.OPENED, track, at_ns))
        if self._media:
            self._write(self._section.interface(track))

    def rtp(self, track: Track, packet: bytes, arrival_ns: int) -> None:
        """Take one packet of a track that is open; others are not for this recording."""
        number, size = track.number, len(packet)
        place = self._places.get(number)
        if place is None:
            return
        pack_into, kind, lengths, left, udp, after, block = shapes.get(size) or shape(size)
        end = self._end + block
        if end > self._room and not self._make_room(end, arrival_ns):
            return
        interface, ends, share = place
        at, check = arrival_ns + self._shift, left - share
        if check < 0:
            check += 0xFFFF
        pack_into(
            self._data, self._end, kind, interface, at >> 32, at & 0xFFFFFFFF, lengths, check, ends, udp, packet, after
        )  # fmt: skip
        self._end = end
        seen = self._seen.get(number) or self._seen.setdefault(number, [0, 0])
        seen[0] += 1
        if self._first_ns is None:
            self._first_ns = arrival_ns
        self._last_ns = arrival_ns

    def sender_report(self, track: Track, ntp: int, rtp: int, arrival_ns: int) -> None:
        if track.number in self._places:
            packet = pcapng.sender_report(track.ssrc, ntp, rtp)
            self._write(self._section.report(track.number, arrival_ns + self._shift, packet))

    def lost(self, track: int, count: int) -> None:
        self._seen.setdefault(track, [0, 0])[1] += count

    def closed(self, track: int, at_ns: int) -> None:
        if self._open.pop(track, None):
            self._places.pop(track, None)
            self._events.append((Kind.CLOSED, track, at_ns))

    # Other

    def log(self, entry: Entry, at_ns: int) -> None:
        self._events.append((Kind.LOG, entry, at_ns))

    def token(self, of: int, digest: str, token: str, authority: str) -> None:
        self._events.append((Kind.TOKEN, of, digest, token, authority))

    def stop(self) -> None:
        """Refuse packets from now on."""
        self._stopped = True
        self._bound()

    def cut(self, now: Reading) -> Batch:
        """Return what was gathered and begin anew. ``now`` is not before anything given."""
        until = self._origin.media_ms(now.mono_ns)
        last = self._media and until - self._since_ms >= SEGMENT_MS
        batch = Batch(
            self.take, now, self._events, self._data, self._end, self._section.tracks, self._seen, self._shift,
            self._first_ns, self._last_ns, last,
        )  # fmt: skip
        self._data, self._spare = self._spare or bytearray(CHUNK), bytearray()
        self.away = batch.length
        self._bound()
        self._fresh()
        if last:
            self._begin_segment(until)
        return batch

    def give_back(self, batch: Batch) -> None:
        """A batch was written, or given up: its buffer is used again."""
        self.away = 0
        self._bound()
        if len(batch.data) <= KEPT:
            self._spare = batch.data

    def resume(self, take: int, origin: Origin, since_ms: int) -> None:
        """Go on for another take; nothing was gathered since the last ``cut``."""
        self.take, self._origin = take, origin
        self._shift = origin.to_utc_ns(0)
        self._fresh()
        self._begin_segment(since_ms)

    def _fresh(self) -> None:
        self._events, self._seen = [], {}
        self._first_ns = self._last_ns = None
        self._end = 0

    def _begin_segment(self, since_ms: int) -> None:
        self._section, self._since_ms = Section(), since_ms
        self._places = self._section.places
        if self._media:
            for track in self._open.values():
                self._write(self._section.interface(track))

    def _write(self, block: bytes | bytearray) -> None:
        """Append what may not be refused."""
        end = self._end + len(block)
        if end > len(self._data):
            self._grow(len(block))
        self._data[self._end : end] = block
        self._end = end

    def _make_room(self, end: int, arrival_ns: int) -> bool:
        """Let the buffer grow for one more packet, or refuse it."""
        if self._stopped or end + self.away > self._limit:
            self._refuse(arrival_ns)
            return False
        if end > len(self._data):
            self._grow(len(self._data) // 4)
        return True

    def _grow(self, size: int) -> None:
        self._data.extend(bytes(max(CHUNK, size)))
        self._bound()

    def _bound(self) -> None:
        self._room = 0 if self._stopped else min(len(self._data), self._limit - self.away)


def restated(batch: Batch, take: int, origin: Origin) -> Batch:
    """The same for another take: its times by that take's clock, as a segment of its own."""
    packets = list(pcapng.packets(bytes(memoryview(batch.data)[: batch.length])))
    used = {packet.interface for packet in packets}
    tracks = [track for interface, track in enumerate(batch.tracks) if interface in used]
    tape = Tape(take, origin, 0, tracks)
    shift = origin.to_utc_ns(0) - batch.shift
    for packet in packets:
        number, at = batch.tracks[packet.interface].number, packet.at_ns + shift
        block = tape._section.report if packet.is_report else tape._section.rtp
        tape._write(block(number, at, packet.data))
    made = tape.cut(batch.now)
    made.events, made.seen, made.last = batch.events, batch.seen, True
    made.first_ns, made.last_ns = batch.first_ns, batch.last_ns
    return made
