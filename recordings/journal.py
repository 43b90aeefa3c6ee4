"""The recorder as the relay sees it: sinks that only append to a queue, and one thread per recording that writes.

The loop never waits for a disk. What arrives is copied into a deque whose bytes are bounded; once a second the thread
takes what is there and commits it. When the disk cannot follow, new packets are refused, ``failed`` is called once and
what was refused is declared as a gap; when a write or sync fails, one new take is tried with the same packets, which
are still in memory, and if that fails too, ``failed`` is called.
"""

import asyncio
import fcntl
import os
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from core.clock import Clock
from media.ports import Closing, Durable, Failed, GapSeen, RecorderUnavailable, RecordingSpec, Track
from recordings import keys, preflight, recovery
from recordings.canonical import plain
from recordings.chain import sha256
from recordings.filesystem import Disk, failure_code
from recordings.keys import KeyMissing, SiteKeys
from recordings.layout import RecordingFiles, is_recording_id
from recordings.logbook import Entry
from recordings.take import Committed, Item, Kind, Take
from recordings.timesource import Reading

log = structlog.get_logger()

TICK = 1.0
"""Seconds between commits."""
STALLED = 8.0
"""Seconds without a commit after which the recorder counts as failed."""
RETRY_NS = 60_000_000_000
"""A second failed write within this time is not answered by another take: the disk is gone."""
QUEUE_BYTES = 32 << 20
"""Bytes of packets that may wait for the disk, per recording."""
BYTES_PER_SECOND = 150_000
"""What two participants bring at most, for the preflight."""


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
    ) -> None:
        """``site`` opens the site's keys; it is asked at each arming and may raise ``KeyMissing``."""
        self._data_dir = data_dir
        self._site = site
        self._clock = clock
        self._disk = disk or Disk()
        self._queue_bytes = queue_bytes
        self._bytes_per_second = bytes_per_second
        self._tick = tick
        self._live: dict[str, Recorder] = {}

    async def arm(self, spec: RecordingSpec, *, durable: Durable, failed: Failed, gap: GapSeen) -> "Recorder":
        """Return a recorder that is ready. Raises ``RecorderUnavailable``: ``disk-full``, ``disk-unwritable``,
        ``key-missing``, ``busy`` (another process records it), ``already-closed``, ``bad-recording``."""
        if not is_recording_id(spec.recording):
            raise RecorderUnavailable("bad-recording")
        if old := self._live.pop(spec.recording, None):
            await asyncio.to_thread(old.fence)
        callbacks = _Callbacks(asyncio.get_running_loop(), durable, failed, gap)
        room = preflight.needed(spec.planned_seconds, self._bytes_per_second if spec.policy == "clear" else 2_000)
        opening = _Opening(self._data_dir, self._site, self._clock, self._disk, spec, room)
        take = await asyncio.to_thread(opening.run)
        recorder = Recorder(opening, take, callbacks, queue_bytes=self._queue_bytes, tick=self._tick)
        self._live = {name: live for name, live in self._live.items() if not live.is_over}
        self._live[spec.recording] = recorder
        return recorder


class _Opening:
    """Everything needed to open a take of one recording, the first or a later one."""

    def __init__(
        self, data_dir: Path, site: Callable[[], SiteKeys], clock: Clock, disk: Disk, spec: RecordingSpec, room: int
    ) -> None:
        self.files = RecordingFiles.of(data_dir, spec.recording)
        self.clock = clock
        self.disk = disk
        self.spec = spec
        self._room = room
        self._site = site
        self._lock = -1

    def run(self) -> Take:
        """Open a take after the preflight. Raises ``RecorderUnavailable``."""
        try:
            self._make_dirs()
            self._take_lock()
            return self._open()
        except RecorderUnavailable:
            self.unlock()
            raise
        except OSError as error:
            self.unlock()
            raise RecorderUnavailable(failure_code(error)) from None
        except KeyMissing:
            self.unlock()
            raise RecorderUnavailable("key-missing") from None

    def again(self, tracks: Mapping[int, Track], *, replay: bool = True) -> Take:
        """Open one more take after a failed write; ``replay``: the packets since are at hand. Raises ``OSError``."""
        try:
            return self._open(tracks, replay=replay)
        except (RecorderUnavailable, KeyMissing) as error:
            raise OSError(0, type(error).__name__) from None

    def unlock(self) -> None:
        """Let another recorder have the recording."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _make_dirs(self) -> None:
        self.disk.make_dir(self.files.root.parent)
        self.disk.make_dir(self.files.root)

    def _take_lock(self) -> None:
        self._lock = os.open(self.files.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RecorderUnavailable("busy") from None

    def _open(self, tracks: Mapping[int, Track] | None = None, *, replay: bool = False) -> Take:
        site = self._site()
        standing = recovery.recover(self.disk, self.files, self.spec.recording)
        if standing.closed:
            raise RecorderUnavailable("already-closed")
        data_key, digest = self._data_key(site, fresh=standing.is_fresh)
        if not replay:
            try:
                preflight.check(self.disk, self.files, data_key, self._room)
            except preflight.Unfit as error:
                raise RecorderUnavailable(error.code) from None
        take = Take(self.disk, self.files, self.spec, data_key, standing)
        take.begin(site, digest, Reading.of(self.clock), (tracks or {}).values(), replay=replay)
        return take

    def _data_key(self, site: SiteKeys, *, fresh: bool) -> tuple[bytes, str]:
        """The recording's data key, made and made durable in its wraps when there is none yet."""
        spec, files = self.spec, self.files
        if fresh:
            if files.keys.exists():
                self.disk.make_dir(files.aside)
                self.disk.rename(files.keys, files.aside / f"take-1-keys-{Reading.of(self.clock).mono_ns}.json")
            data_key = os.urandom(32)
            document = keys.keys_document(spec.recording, site.wrap(data_key, spec.recording))
            self.disk.write_whole(files.keys, document)
            return data_key, sha256(document)
        return keys.load_data_key(site, files, spec.recording), ""


class _Callbacks:
    """Carries the thread's news to the caller's loop; a loop that is gone is not told."""

    def __init__(self, loop: asyncio.AbstractEventLoop, durable: Durable, failed: Failed, gap: GapSeen) -> None:
        self._loop = loop
        self._durable = durable
        self._failed = failed
        self._gap = gap

    def durable(self, committed: Committed) -> None:
        self._call(self._durable, committed.until, committed.ms)

    def failed(self, code: str) -> None:
        self._call(self._failed, code)

    def gap(self, track: Track, start: int, end: int, cause: str) -> None:
        self._call(self._gap, track, start, end, cause)

    def _call(self, callback: Callable[..., None], *arguments: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError:
            log.info("a recorder outlived its loop")


class Recorder:
    """One armed recording; implements ``media.ports.Recorder``. Made by ``Recorders.arm``."""

    def __init__(self, opening: _Opening, take: Take, callbacks: _Callbacks, *, queue_bytes: int, tick: float) -> None:
        self.take = take.number
        self.last_entry = take.standing.last_entry
        self._clock = opening.clock
        self._opening = opening
        self._writer = _Writer(opening, take, callbacks, tick)
        self._limit = queue_bytes
        self._put = self._writer.queue.append
        self._in = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be written."""
        return self._writer.is_over

    # Sink, on the relay's loop

    def opened(self, track: Track) -> None:
        self._put((Kind.OPENED, track, self._clock.monotonic_ns()))

    def rtp(self, track: Track, packet: bytes | bytearray | memoryview, arrival_ns: int) -> None:
        writer = self._writer
        if self._in - writer.out > self._limit or writer.failure:
            writer.refuse(arrival_ns)
            return
        self._in += len(packet)
        self._put((Kind.RTP, track.number, arrival_ns, bytes(packet)))

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
        return await asyncio.wrap_future(self._writer.close(reason))

    def fence(self) -> None:
        """Stop without closing the chain, so that another take can begin. Blocks; anything unwritten is lost."""
        self._writer.fence()
        self._opening.unlock()


class _Writer:
    """The thread of one recording."""

    def __init__(self, opening: _Opening, take: Take, callbacks: _Callbacks, tick: float) -> None:
        self.queue: deque[Item] = deque()
        self.out = 0
        """Bytes of packets that have left the queue for good."""
        self.failure = ""
        self._opening = opening
        self._take: Take | None = take
        self._tracks: dict[int, Track] = {}
        """Tracks open at the last commit: where a new take goes on from."""
        self._callbacks = callbacks
        self._tick = tick
        self._wake = threading.Event()
        self._fenced = False
        self._closing: tuple[str, Future[Closing]] | None = None
        self._ending = threading.Lock()
        self._ended = False
        self._refused_ns: int | None = None
        """Since when packets are refused; what follows is a gap until a new take."""
        self._resting = False
        """Failed, and all that was kept is committed: waiting to be closed or replaced."""
        self._retry_ns = -RETRY_NS
        self._progress = opening.clock.monotonic_ns()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._watch = threading.Thread(target=self._watchdog, name="recorder-watch", daemon=True)
        self._thread.start()
        self._watch.start()

    @property
    def is_over(self) -> bool:
        return self._ended

    def close(self, reason: str) -> "Future[Closing]":
        future: Future[Closing] = Future()
        with self._ending:
            self._closing = (reason, future)
            ended = self._ended
        self._wake.set()
        if ended:
            threading.Thread(target=self._finish, args=(reason, future), name="recorder-end", daemon=True).start()
        return future

    def refuse(self, arrival_ns: int) -> None:
        """A packet could not be kept."""
        if self._refused_ns is None:
            self._refused_ns = arrival_ns
            self.fail("overflow")

    def fence(self) -> None:
        """Let the thread write nothing more; wait for what it is writing now, but not for ever."""
        self._fenced = True
        self._wake.set()
        self._thread.join(STALLED)

    def fail(self, code: str) -> None:
        """Say once that what is given can no longer be kept."""
        if not self.failure:
            self.failure = code
            log.error("a recorder failed", recording=self._opening.spec.recording, code=code)
            self._callbacks.failed(code)

    def _watchdog(self) -> None:
        """A sync may hang in the kernel for minutes: say so from another thread."""
        while self._thread.is_alive() and not self._fenced:
            self._thread.join(self._tick)
            waited = (self._opening.clock.monotonic_ns() - self._progress) / 1e9
            if waited > STALLED and self._thread.is_alive():
                self.fail("disk-stalled")

    def _run(self) -> None:
        while not self._fenced and self._take is not None and not self._closing:
            self._wake.wait(self._tick)
            if not (self._closing or self._fenced or self._resting):
                self._commit()
        with self._ending:
            closing, self._ended = self._closing, True
        if closing:
            self._finish(*closing)

    def _drain(self) -> tuple[list[Item], Reading]:
        pop = self.queue.popleft
        items = [pop() for _ in range(len(self.queue))]
        return items, Reading.of(self._opening.clock)

    def _commit(self) -> None:
        """Make what waits durable, with one more take if need be; otherwise the recorder has failed."""
        items, now = self._drain()
        if self.failure:
            items.append(self._refused(now))
            self._resting = True
        try:
            take, committed = self._write(items, now)
        except OSError as error:
            self._drop(items, failure_code(error))
            return
        self._done(take, items, now)
        if not self.failure:
            self._callbacks.durable(committed)

    def _write(self, items: list[Item], now: Reading) -> tuple[Take, Committed]:
        assert self._take is not None
        try:
            return self._take, self._take.commit(items, now)
        except OSError as error:
            self._take = take = self._replace(error)
            return take, take.commit(items, now)

    def _replace(self, error: OSError) -> Take:
        """A new take on new files. Raises ``OSError`` when one was tried a moment ago, or cannot be had."""
        assert self._take is not None
        self._take.abandon()
        now_ns = self._opening.clock.monotonic_ns()
        if self._fenced or now_ns - self._retry_ns < RETRY_NS:
            raise error
        self._retry_ns = now_ns
        log.warning("a recorder begins a new take", recording=self._opening.spec.recording, errno=error.errno)
        return self._opening.again(self._tracks)

    def _done(self, take: Take, items: list[Item], now: Reading) -> None:
        self._tracks = dict(take.tracks)
        self._count_out(items)
        self._progress = now.mono_ns
        for item in items:
            if item[0] == Kind.GAP:
                self._tell_gap(take, item)

    def _tell_gap(self, take: Take, item: Item) -> None:
        _, number, start, end, cause = item
        for track in take.tracks.values():
            if number in (None, track.number):
                self._callbacks.gap(track, take.origin.media_ms(start), take.origin.media_ms(end), cause)

    def _drop(self, items: list[Item], code: str) -> None:
        if self._take is not None:
            self._take.abandon()
        self._take = None
        self._count_out(items)
        self.queue.extendleft(item for item in reversed(items) if item[0] == Kind.LOG)
        self.fail(code)

    def _refused(self, now: Reading) -> Item:
        """The gap since packets are refused, which goes on from ``now``."""
        since, self._refused_ns = self._refused_ns or now.mono_ns, now.mono_ns
        return (Kind.GAP, None, since, now.mono_ns, self.failure)

    def _count_out(self, items: list[Item]) -> None:
        self.out += sum(len(item[3]) for item in items if item[0] == Kind.RTP)

    def _finish(self, reason: str, future: "Future[Closing]") -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(self._end(reason))
        except OSError as error:
            future.set_exception(RecorderUnavailable(failure_code(error)))
        except RecorderUnavailable as error:
            future.set_exception(error)
        except Exception:
            log.exception("a recording could not be closed", recording=self._opening.spec.recording)
            future.set_exception(RecorderUnavailable("internal"))
        finally:
            self._take = None
            self._opening.unlock()

    def _end(self, reason: str) -> Closing:
        if self._fenced:
            raise RecorderUnavailable("fenced")
        items, now = self._drain()
        if self._take is None:
            log_only = [item for item in items if item[0] == Kind.LOG]
            return self._opening.again({}, replay=False).close(reason, log_only, Reading.of(self._opening.clock))
        if self.failure:
            items.append(self._refused(now))
        try:
            return self._take.close(reason, items, now)
        except OSError as error:
            self._take = take = self._replace(error)
            return take.close(reason, items, now)
