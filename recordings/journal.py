"""The recorder as the relay sees it: sinks that only append to a queue, and one thread per recording that writes.

The loop never waits for a disk. What arrives is copied into a deque whose bytes are bounded; once a second the thread
takes what is there and commits it. When the disk cannot follow, new packets are refused, ``failed`` is called once and
what was refused is declared as a gap; when a write or sync fails, one new take is tried with the same packets, which
are still in memory, and if that fails too, ``failed`` is called.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from core.clock import Clock
from media.ports import Closing, Durable, Failed, GapSeen, HeadSeen, RecorderUnavailable, RecordingSpec, Track
from recordings import preflight
from recordings.canonical import plain
from recordings.chain import b64
from recordings.filesystem import Disk
from recordings.keys import SiteKeys
from recordings.layout import is_recording_id
from recordings.logbook import Entry
from recordings.opening import Opening
from recordings.space import BYTES_PER_SECOND
from recordings.take import Kind, Take
from recordings.timestamps import Authority, Stamper
from recordings.writer import Callbacks, Writer

TICK = 1.0
"""Seconds between commits."""
QUEUE_BYTES = 32 << 20
"""Bytes of packets that may wait for the disk, per recording."""
_RTP = Kind.RTP


class Recorders:
    """Arms recorders in one data directory; implements ``media.ports.Recorders``."""

    def __init__(
        self,
        data_dir: Path,
        site: Callable[[], SiteKeys],
        clock: Clock,
        disk: Disk | None = None,
        *,
        queue_bytes: int = QUEUE_BYTES,
        bytes_per_second: int = BYTES_PER_SECOND,
        tick: float = TICK,
        authority: Authority | None = None,
        terms: preflight.Terms | None = None,
        processes: int = 1,
    ) -> None:
        """``site`` opens the site's keys; it is asked at each arming and may raise ``KeyMissing``. With an
        ``authority`` the head of each chain is time-stamped every minute. ``terms`` are those of new recordings;
        each of the ``processes`` that share the disk is taken to record as much as this one."""
        self._data_dir = data_dir
        self._site = site
        self._clock = clock
        self._disk = disk or Disk()
        self._queue_bytes = queue_bytes
        self._bytes_per_second = bytes_per_second
        self._tick = tick
        self._authority = authority
        self._terms = terms or preflight.Terms()
        self._processes = processes
        self._live: dict[str, Recorder] = {}

    async def arm(
        self, spec: RecordingSpec, *, durable: Durable, failed: Failed, gap: GapSeen, head: HeadSeen
    ) -> "Recorder":
        """Return a recorder that is ready. Raises ``RecorderUnavailable``: ``disk-full``, ``disk-unwritable``,
        ``space-low``, ``clock-off``, ``key-missing``, ``busy`` (another process records it), ``already-closed``,
        ``bad-recording``."""
        if not is_recording_id(spec.recording):
            raise RecorderUnavailable("bad-recording")
        if old := self._live.pop(spec.recording, None):
            await asyncio.to_thread(old.fence)
        callbacks = Callbacks(asyncio.get_running_loop(), durable, failed, gap, head)
        room = preflight.needed(spec.planned_seconds, self._bytes_per_second if spec.policy == "clear" else 2_000)
        taping = sum(live.takes_media for live in self._live.values())
        at_once = self._processes * taping + (spec.policy == "clear")
        check_new = partial(preflight.check_new, terms=self._terms, recordings=at_once)
        opening = Opening(self._data_dir, self._site, self._clock, self._disk, spec, room, check_new)
        take = await asyncio.to_thread(opening.run)
        recorder = Recorder(
            opening, take, callbacks, queue_bytes=self._queue_bytes, tick=self._tick, authority=self._authority
        )
        self._live = {name: live for name, live in self._live.items() if not live.is_over}
        self._live[spec.recording] = recorder
        return recorder


class Recorder:
    """One armed recording; implements ``media.ports.Recorder``. Made by ``Recorders.arm``."""

    def __init__(
        self,
        opening: Opening,
        take: Take,
        callbacks: Callbacks,
        *,
        queue_bytes: int,
        tick: float,
        authority: Authority | None = None,
    ) -> None:
        self.take = take.number
        self.last_entry = take.standing.last_entry
        self._clock = opening.clock
        self._opening = opening
        self._writer = Writer(opening, take, callbacks, tick)
        self._limit = queue_bytes
        self._put = self._writer.queue.append
        self._in = 0
        self._stamper = Stamper(authority, lambda: self._writer.head, self._stamped) if authority else None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be written."""
        return self._writer.is_over

    @property
    def takes_media(self) -> bool:
        """Whether picture and sound are being written."""
        return not self.is_over and self._opening.spec.policy == "clear"

    # Sink, on the relay's loop

    def opened(self, track: Track) -> None:
        self._put((Kind.OPENED, track, self._clock.monotonic_ns()))

    def rtp(self, track: Track, packet: bytes | bytearray | memoryview, arrival_ns: int) -> None:
        writer = self._writer
        if self._in - writer.out > self._limit or writer.failure:
            writer.refuse(arrival_ns)
            return
        self._in += len(packet)
        self._put((_RTP, track.number, arrival_ns, bytes(packet)))

    def sender_report(self, track: Track, ntp: int, rtp: int, arrival_ns: int) -> None:
        if not self._writer.failure:
            self._put((Kind.REPORT, track.number, arrival_ns, ntp, rtp))

    def lost(self, track: Track, first: int, count: int) -> None:
        if not self._writer.failure:
            self._put((Kind.LOST, track.number, self._clock.monotonic_ns(), first, count))

    def closed(self, track: Track) -> None:
        self._put((Kind.CLOSED, track.number, self._clock.monotonic_ns()))

    # Log

    def log(self, number: int, at: datetime, public: Mapping[str, Any], private: Mapping[str, Any]) -> None:
        """Raises ``ValueError`` when a member is nothing JSON has: the caller's mistake, found before it is signed."""
        if number <= self.last_entry:
            return
        entry = Entry(number, at, plain(public), plain(private))
        self.last_entry = number
        self._put((Kind.LOG, entry, self._clock.monotonic_ns()))

    async def close(self, reason: str) -> Closing:
        """Raises ``RecorderUnavailable`` when the end cannot be written either; the chain then stays open and is
        closed by recovery."""
        self._stop_stamping()
        return await asyncio.wrap_future(self._writer.close(reason))

    async def suspend(self) -> None:
        """Raises ``RecorderUnavailable`` when what waits cannot be written; recovery then states what is missing."""
        await asyncio.wrap_future(self._writer.suspend())

    def fence(self) -> None:
        """Stop without closing the chain, so that another take can begin. Blocks; anything unwritten is lost."""
        self._stop_stamping()
        self._writer.fence()
        self._opening.unlock()

    def _stamped(self, of: int, digest: str, token: bytes, authority: str) -> None:
        if not self._writer.failure:
            self._put((Kind.TOKEN, of, digest, b64(token), authority))

    def _stop_stamping(self) -> None:
        if self._stamper:
            self._stamper.stop()
