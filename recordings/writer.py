"""The thread of one recording: takes what waits, commits it once a second, and says when it no longer can."""

import asyncio
import random
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import structlog

from media.ports import ChainHead, Closing, Durable, Failed, GapSeen, HeadSeen, RecorderUnavailable, Track
from recordings.filesystem import failure_code
from recordings.opening import Opening
from recordings.take import Committed, Item, Kind, Take
from recordings.timesource import Reading

log = structlog.get_logger()

_RTP, _GAP = Kind.RTP, Kind.GAP
STALLED = 8.0
"""Seconds without a commit after which the recorder counts as failed."""
RETRY_NS = 60_000_000_000
"""A second failed write within this time is not answered by another take: the disk is gone."""

HEAD_MS = 60_000
"""How often the head of a chain goes to the ledger."""


class Callbacks:
    """Carries the thread's news to the caller's loop; a loop that is gone is not told."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, durable: Durable, failed: Failed, gap: GapSeen, head: HeadSeen
    ) -> None:
        self._loop = loop
        self._durable = durable
        self._failed = failed
        self._gap = gap
        self._head = head

    def durable(self, committed: Committed) -> None:
        self._call(self._durable, committed.until, committed.ms)

    def failed(self, code: str) -> None:
        self._call(self._failed, code)

    def gap(self, track: Track, start: int, end: int, cause: str) -> None:
        self._call(self._gap, track, start, end, cause)

    def head(self, head: ChainHead) -> None:
        self._call(self._head, head)

    def _call(self, callback: Callable[..., None], *arguments: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError:
            log.info("a recorder outlived its loop")


class Writer:
    """The thread of one recording."""

    def __init__(self, opening: Opening, take: Take, callbacks: Callbacks, tick: float) -> None:
        self.queue: deque[Item] = deque()
        self.out = 0
        """Bytes of packets that have left the queue for good."""
        self.failure = ""
        self.head = (take.standing.writing.number - 1, take.standing.writing.head)
        """Number and digest of the last durable record: what a time stamp is asked for."""
        self._told: tuple[int, int] | None = None
        """Take and minute of the head told last."""
        self._opening = opening
        self._take: Take | None = take
        self._tracks: dict[int, Track] = {}
        """Tracks open at the last commit: where a new take goes on from."""
        self._callbacks = callbacks
        self._tick = tick
        self._wake = threading.Event()
        self._fenced = False
        self._closing: tuple[Callable[[], Any], Future[Any]] | None = None
        """What is to be done last, and who waits for it."""
        self._ending = threading.Lock()
        self._ended = False
        self._refused_ns: int | None = None
        """Since when packets are refused; what follows is a gap until a new take."""
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
        """End the chain."""
        return self._last(lambda: self._end(reason))

    def suspend(self) -> "Future[None]":
        """End the take: commit what waits, and let go of the recording."""
        return self._last(self._pause)

    def _last(self, act: Callable[[], Any]) -> "Future[Any]":
        future: Future[Any] = Future()
        with self._ending:
            self._closing = (act, future)
            ended = self._ended
        self._wake.set()
        if ended:
            threading.Thread(target=self._finish, args=(act, future), name="recorder-end", daemon=True).start()
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
        if not self._thread.is_alive():
            self._rest()

    def fail(self, code: str) -> None:
        """Say once that what is given can no longer be kept."""
        if not self.failure:
            self.failure = code
            log.error("a recorder failed", recording=self._opening.spec.recording, code=code)
            self._callbacks.failed(code)

    def _watchdog(self) -> None:
        """A sync may hang in the kernel for minutes: say so from another thread."""
        while self._thread.is_alive() and not self._fenced:
            self._thread.join(STALLED / 4)
            waited = (self._opening.clock.monotonic_ns() - self._progress) / 1e9
            if waited > STALLED and self._thread.is_alive():
                self.fail("disk-stalled")

    def _run(self) -> None:
        try:
            self._wake.wait(self._tick * random.random())  # noqa: S311  recorders armed together take turns
            while not self._fenced and self._take is not None and not self._closing:
                self._wake.wait(self._tick)
                if not (self._closing or self._fenced):
                    self._commit()
        except Exception:
            log.exception("a recorder's thread broke", recording=self._opening.spec.recording)
            self._drop([], "internal")
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
        try:
            take, committed = self._write(items, now)
        except OSError as error:
            self._drop(items, failure_code(error))
            return
        self._done(take, items, now)
        if self.failure:
            self._rest()
        else:
            self._callbacks.durable(committed)
            self._tell_head(take, committed)

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
        return self._opening.again(self._tracks, self._take.durable)

    def _done(self, take: Take, items: list[Item], now: Reading) -> None:
        self._tracks = dict(take.tracks)
        self.head = (take.standing.writing.number - 1, take.standing.writing.head)
        self._count_out(items)
        self._progress = now.mono_ns
        for item in [item for item in items if item[0] is _GAP]:
            self._tell_gap(take, item)

    def _tell_head(self, take: Take, committed: Committed) -> None:
        minute = (take.number, committed.ms // HEAD_MS)
        if minute != self._told:
            self._told = minute
            self._callbacks.head(ChainHead(take.number, committed.ms, self.head[1]))

    def _tell_gap(self, take: Take, item: Item) -> None:
        _, number, start, end, cause = item
        for track in take.tracks.values():
            if number in (None, track.number):
                self._callbacks.gap(track, take.origin.media_ms(start), take.origin.media_ms(end), cause)

    def _rest(self) -> None:
        """Let go of the recording after a failure, so that it can be closed or taken up by somebody else."""
        if self._take is not None:
            self._take.abandon()
        self._take = None
        self._opening.unlock()

    def _drop(self, items: list[Item], code: str) -> None:
        self._rest()
        self._count_out(items)
        self.queue.extendleft(item for item in reversed(items) if item[0] == Kind.LOG)
        self.fail(code)

    def _refused(self, now: Reading) -> Item:
        """The gap since packets are refused, which goes on from ``now``."""
        since, self._refused_ns = self._refused_ns or now.mono_ns, now.mono_ns
        return (Kind.GAP, None, since, now.mono_ns, self.failure)

    def _count_out(self, items: list[Item]) -> None:
        self.out += sum([len(item[3]) for item in items if item[0] is _RTP])

    def _finish(self, act: Callable[[], Any], future: "Future[Any]") -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            closing = act()
        except OSError as error:
            self._rest()
            future.set_exception(RecorderUnavailable(failure_code(error)))
        except RecorderUnavailable as error:
            self._rest()
            future.set_exception(error)
        except Exception:
            log.exception("a recording could not be closed", recording=self._opening.spec.recording)
            self._rest()
            future.set_exception(RecorderUnavailable("internal"))
        else:
            self._rest()
            future.set_result(closing)

    def _pause(self) -> None:
        if self._take is None or self._fenced:
            return
        items, now = self._drain()
        if self.failure:
            items.append(self._refused(now))
        self._take.commit(items, now)

    def _end(self, reason: str) -> Closing:
        if self._fenced:
            raise RecorderUnavailable("fenced")
        items, now = self._drain()
        if self._take is None:
            log_only = [item for item in items if item[0] == Kind.LOG]
            return self._opening.run().close(reason, log_only, Reading.of(self._opening.clock))
        if self.failure:
            items.append(self._refused(now))
        try:
            return self._take.close(reason, items, now)
        except OSError as error:
            self._take = take = self._replace(error)
            return take.close(reason, items, now)
