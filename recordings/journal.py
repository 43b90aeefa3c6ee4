"""The recorder as the relay sees it: a tape that gathers what arrives, and one thread per recording that writes.

The loop never waits for a disk. What arrives is copied into a buffer whose bytes are bounded; once a second the loop
cuts it off and hands it to the thread, which commits it. When the disk cannot follow, new packets are refused,
``failed`` is called once and what was refused is declared as a gap; when a write or sync fails, one new take is tried
with the same packets, which are still in memory, and if that fails too, ``failed`` is called.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
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
from recordings.take import Take
from recordings.tape import Batch, Tape
from recordings.timesource import Reading
from recordings.timestamps import Authority, Stamper
from recordings.writer import Callbacks, Writer

TICK = 1.0
"""Seconds between commits."""
QUEUE_BYTES = 32 << 20
"""Bytes that may wait for the disk, per recording."""
TURNS = 4
"""Recorders commit at so many instants of a tick: those of one instant after another, with warm caches and with one
journal of the file system for all their syncs; but never all of a process at once, which would hold packets up."""


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
        self._writer = Writer(opening, take, callbacks)
        self._tape = Tape(
            take.number, take.origin, take.standing.last_ms, media=take.takes_media, limit=queue_bytes,
            refuse=self._writer.refuse,
        )  # fmt: skip
        self._away: Batch | None = None
        """What the thread was handed last."""
        self.rtp = self._tape.rtp  # type: ignore[method-assign]  # no call in between on the packet path
        self._tick = tick
        self._loop = asyncio.get_running_loop()
        self._due = (self._loop.time() // (tick / TURNS) + random.randint(1, TURNS)) * tick / TURNS  # noqa: S311
        self._timer = self._loop.call_at(self._due, self._turn)
        self._stamper = Stamper(authority, lambda: self._writer.head, self._stamped) if authority else None

    @property
    def waiting(self) -> int:
        """Bytes that are not on disk yet."""
        return self._tape.waiting

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
        self._tape.opened(track, self._clock.monotonic_ns())

    def rtp(self, track: Track, packet: bytes, arrival_ns: int) -> None:
        self._tape.rtp(track, packet, arrival_ns)

    def sender_report(self, track: Track, ntp: int, rtp: int, arrival_ns: int) -> None:
        self._tape.sender_report(track, ntp, rtp, arrival_ns)

    def lost(self, track: Track, first: int, count: int) -> None:
        self._tape.lost(track.number, count)

    def closed(self, track: Track) -> None:
        self._tape.closed(track.number, self._clock.monotonic_ns())

    # The thread

    def _turn(self) -> None:
        """Hand on what was gathered, unless the thread is still at what it has."""
        writer = self._writer
        if writer.is_over:
            return
        writer.check(self._clock.monotonic_ns())
        if writer.failure:
            self._tape.stop()
        ready = writer.idle
        if ready:
            writer.hand(self._cut())
        missed = max(0.0, self._loop.time() - self._due) // self._tick
        self._due += self._tick * (missed + (1 if ready else 1 / TURNS))
        self._timer = self._loop.call_at(self._due, self._turn)

    def _cut(self) -> Batch:
        """End what was gathered; go on for the take that is being written now."""
        idle, take, tape = self._writer.idle, self._writer.take, self._tape
        if self._away is not None and idle:
            tape.give_back(self._away)
        batch = self._away = tape.cut(Reading.of(self._clock))
        if idle and take is not None and take.number != tape.take:
            tape.resume(take.number, take.origin, take.standing.last_ms)
        return batch

    # Log

    def log(self, number: int, at: datetime, public: Mapping[str, Any], private: Mapping[str, Any]) -> None:
        """Raises ``ValueError`` when a member is nothing JSON has: the caller's mistake, found before it is signed."""
        if number <= self.last_entry:
            return
        entry = Entry(number, at, plain(public), plain(private))
        self.last_entry = number
        self._tape.log(entry, self._clock.monotonic_ns())

    async def close(self, reason: str) -> Closing:
        """Raises ``RecorderUnavailable`` when the end cannot be written either; the chain then stays open and is
        closed by recovery."""
        self._stop_stamping()
        self._timer.cancel()
        return await asyncio.wrap_future(self._writer.close(reason, self._cut()))

    async def suspend(self) -> None:
        """Raises ``RecorderUnavailable`` when what waits cannot be written; recovery then states what is missing."""
        self._timer.cancel()
        await asyncio.wrap_future(self._writer.suspend(self._cut()))

    def fence(self) -> None:
        """Stop without closing the chain, so that another take can begin. Blocks; anything unwritten is lost."""
        self._stop_stamping()
        self._writer.fence()
        self._opening.unlock()

    def _stamped(self, of: int, digest: str, token: bytes, authority: str) -> None:
        with suppress(RuntimeError):  # the stamper's thread outlived the loop
            self._loop.call_soon_threadsafe(self._tape.token, of, digest, b64(token), authority)

    def _stop_stamping(self) -> None:
        if self._stamper:
            self._stamper.stop()
