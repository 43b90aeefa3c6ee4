"""The recorder as the relay sees it: a tape that gathers what arrives, and somebody who writes it.

The loop never waits for a disk. What arrives is kept on a tape whose bytes are bounded; once a second the loop cuts it
off and hands it to the writer, which commits it. When the disk cannot follow, new packets are refused,
``failed`` is called once and what was refused is declared as a gap; when a write or sync fails, one new take is tried
with the same packets, which are still in memory, and if that fails too, ``failed`` is called.
"""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.clock import Clock
from media.ports import Arrival, Closing, Durable, Failed, GapSeen, HeadSeen, RecordingSpec, Track
from recordings import pcapng
from recordings.canonical import plain
from recordings.logbook import Entry
from recordings.tape import Gathered, Tape
from recordings.timesource import Reading
from recordings.writing import STALLED, Writer, Writers, Written

TICK = 1.0
"""Seconds between commits."""
QUEUE_BYTES = 32 << 20
"""Bytes that may wait for the disk, per recording."""
TURNS = 4
"""Recorders commit around so many instants of a tick: those of one instant soon after another, with warm caches and
with one journal of the file system for all their syncs."""
SPREAD = 0.03
"""Part of a tick over which those of one instant hand over: packets are forwarded in between, so that none waits for
more than one recording."""


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Whom a recorder tells."""

    durable: Durable
    failed: Failed
    gap: GapSeen
    head: HeadSeen


class Recorders:
    """Arms recorders; implements ``media.ports.Recorders``."""

    def __init__(
        self, writers: Writers, clock: Clock, *, queue_bytes: int = QUEUE_BYTES, tick: float = TICK, processes: int = 1
    ) -> None:
        """Each of the ``processes`` that share the disk is taken to record as much as this one."""
        self._writers = writers
        self._clock = clock
        self._queue_bytes = queue_bytes
        self._tick = tick
        self._processes = processes
        self._live: dict[str, Recorder] = {}

    async def arm(
        self, spec: RecordingSpec, *, durable: Durable, failed: Failed, gap: GapSeen, head: HeadSeen
    ) -> "Recorder":
        """Return a recorder that is ready. Raises ``RecorderUnavailable``: ``disk-full``, ``disk-unwritable``,
        ``space-low``, ``clock-off``, ``key-missing``, ``busy`` (another process records it), ``already-closed``,
        ``bad-recording``, ``recorder-gone``."""
        if old := self._live.pop(spec.recording, None):
            await old.fence()
        taping = sum(live.takes_media for live in self._live.values())
        at_once = self._processes * taping + (spec.policy == "clear")
        writer = await self._writers.open(spec, at_once)
        recorder = Recorder(
            spec, writer, self._clock, Callbacks(durable, failed, gap, head),
            queue_bytes=self._queue_bytes, tick=self._tick,
        )  # fmt: skip
        self._live = {name: live for name, live in self._live.items() if not live.is_over}
        self._live[spec.recording] = recorder
        return recorder


class Recorder:
    """One armed recording; implements ``media.ports.Recorder`` and ``writing.News``. Made by ``Recorders.arm``."""

    def __init__(
        self,
        spec: RecordingSpec,
        writer: Writer,
        clock: Clock,
        callbacks: Callbacks,
        *,
        queue_bytes: int,
        tick: float,
    ) -> None:
        self.take = writer.take
        self.last_entry = writer.last_entry
        self._spec = spec
        self._clock = clock
        self._callbacks = callbacks
        self._tape = Tape(queue_bytes)
        self.arrived = self._tape.keep
        self._away: Reading | None = None
        """Until when came what the writer has and is not done with."""
        self._failure = ""
        self._over = False
        self._tick = tick
        self._loop = asyncio.get_running_loop()
        self._due = first_turn(self._loop.time(), tick)
        self._timer = self._loop.call_at(self._due, self._turn)
        self._writer = writer
        writer.listen(self)

    @property
    def waiting(self) -> int:
        """Bytes that are not on disk yet."""
        return self._tape.waiting

    @property
    def is_over(self) -> bool:
        """Whether nothing that comes now will be kept."""
        return self._over or bool(self._failure)

    @property
    def takes_media(self) -> bool:
        """Whether picture and sound are being written."""
        return not self.is_over and self._spec.policy == "clear"

    # Sink, on the relay's loop

    def opened(self, track: Track) -> None:
        self._tape.opened(track, self._clock.monotonic_ns())

    def sender_report(self, track: Track, ntp: int, rtp: int, arrival_ns: int) -> None:
        self.arrived((track.number, pcapng.sender_report(track.ssrc, ntp, rtp), arrival_ns))

    def lost(self, track: Track, first: int, count: int) -> None:
        self._tape.lost(track.number, count)

    def closed(self, track: Track) -> None:
        self._tape.closed(track.number, self._clock.monotonic_ns())

    # Towards the writer

    def _turn(self) -> None:
        """Hand on what was gathered, unless the writer is still at what it has."""
        if self._over:
            return
        away, tape = self._away, self._tape
        now_ns = self._clock.monotonic_ns()
        if away and now_ns - away.mono_ns > STALLED * 1e9:
            self._fail("disk-stalled", now_ns)  # a write or sync may hang in the kernel for minutes
        if away:
            tape.watch()
            self.arrived = tape.keep_watched
            if tape.refused_ns is not None:
                self._fail("overflow", tape.refused_ns)
        else:
            self._writer.hand(self._cut())
        missed = max(0.0, self._loop.time() - self._due) // self._tick
        self._due += self._tick * (missed + (1 / TURNS if away else 1))
        self._timer = self._loop.call_at(self._due, self._turn)

    def _cut(self) -> Gathered:
        self._away = Reading.of(self._clock)
        return self._tape.cut(self._away)

    def _fail(self, code: str, since_ns: int) -> None:
        if not self._failure:
            self._writer.fail(code, since_ns)
            self.failed(code)

    # News

    def written(self, written: Written) -> None:
        self._away = None
        self._tape.written()
        if not self._failure:
            self.arrived = self._tape.keep
            self._callbacks.head(written.head)
            self._callbacks.durable(written.committed.until, written.committed.ms)

    def gap(self, track: Track, from_ms: int, to_ms: int, cause: str) -> None:
        self._callbacks.gap(track, from_ms, to_ms, cause)

    def failed(self, code: str) -> None:
        if not self._failure:
            self._failure = code
            self.arrived = _refuse
            self._callbacks.failed(code)

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
        return await asyncio.wrap_future(self._writer.close(reason, self._last()))

    async def suspend(self) -> None:
        """Raises ``RecorderUnavailable`` when what waits cannot be written; recovery then states what is missing."""
        await asyncio.wrap_future(self._writer.suspend(self._last()))

    async def fence(self) -> None:
        """Stop without closing the chain, so that another take can begin; anything unwritten is lost."""
        self._end()
        await asyncio.wrap_future(self._writer.fence())

    def _last(self) -> Gathered:
        self._end()
        return self._cut()

    def _end(self) -> None:
        self._over = True
        self._timer.cancel()


def first_turn(now: float, tick: float) -> float:
    """When a recorder that begins at ``now`` hands over first: within a tick and a little of it."""
    instant = now // (tick / TURNS) + random.randint(1, TURNS)  # noqa: S311
    return (instant / TURNS + random.uniform(0, SPREAD)) * tick  # noqa: S311


def _refuse(_arrival: Arrival) -> None:
    """Of a recorder that failed: it said since when nothing is kept."""
