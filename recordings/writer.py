"""The thread of one recording: commits what it is handed, and says when it no longer can."""

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import structlog

from media.ports import ChainHead, Closing, Durable, Failed, GapSeen, HeadSeen, RecorderUnavailable, Track
from recordings.filesystem import failure_code
from recordings.opening import Opening
from recordings.take import Committed, Take
from recordings.tape import Batch, Event, Kind, Tape
from recordings.timesource import Reading

log = structlog.get_logger()

STALLED = 8.0
"""Seconds without a commit after which the recorder counts as failed."""
RETRY_NS = 60_000_000_000
"""A second failed write within this time is not answered by another take: the disk is gone."""


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

    def __init__(self, opening: Opening, take: Take, callbacks: Callbacks) -> None:
        self.idle = True
        """Whether everything handed over is written, or given up."""
        self.failure = ""
        self.head = (take.standing.writing.number - 1, take.standing.writing.head)
        """Number and digest of the last durable record: what a time stamp is asked for."""
        self._opening = opening
        self._take: Take | None = take
        self._tracks: dict[int, Track] = {}
        """Tracks open at the last commit: where a new take goes on from."""
        self._callbacks = callbacks
        self._batches: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        """``None`` wakes the thread for its end."""
        self._handed_ns = 0
        self._fenced = False
        self._closing: tuple[Callable[[], Any], Future[Any]] | None = None
        """What is to be done last, and who waits for it."""
        self._ending = threading.Lock()
        self._ended = False
        self._refused_ns: int | None = None
        """Since when packets are refused; what follows is a gap until a new take."""
        self._unwritten: list[Event] = []
        """Log entries of batches that were given up."""
        self._retry_ns = -RETRY_NS
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        return self._ended

    @property
    def take(self) -> Take | None:
        """The take that is being written; to be asked while idle."""
        return self._take

    def hand(self, batch: Batch) -> None:
        """Have a batch written; one at a time."""
        self.idle, self._handed_ns = False, batch.now.mono_ns
        self._batches.put(batch)

    def check(self, now_ns: int) -> None:
        """A write or sync may hang in the kernel for minutes: say so from another thread."""
        if not (self.idle or self._fenced) and now_ns - self._handed_ns > STALLED * 1e9:
            self.fail("disk-stalled")

    def close(self, reason: str, batch: Batch) -> "Future[Closing]":
        """End the chain with ``batch``."""
        return self._last(lambda: self._end(reason, batch))

    def suspend(self, batch: Batch) -> "Future[None]":
        """End the take with ``batch``, and let go of the recording."""
        return self._last(lambda: self._pause(batch))

    def _last(self, act: Callable[[], Any]) -> "Future[Any]":
        future: Future[Any] = Future()
        with self._ending:
            self._closing = (act, future)
            ended = self._ended
        self._batches.put(None)
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
        self._batches.put(None)
        self._thread.join(STALLED)
        if not self._thread.is_alive():
            self._rest()

    def fail(self, code: str) -> None:
        """Say once that what is given can no longer be kept."""
        if not self.failure:
            self.failure = code
            log.error("a recorder failed", recording=self._opening.spec.recording, code=code)
            self._callbacks.failed(code)

    def _run(self) -> None:
        try:
            while self._take is not None and (batch := self._batches.get()) is not None and not self._fenced:
                self._commit(batch)
                self.idle = True
        except Exception:
            log.exception("a recorder's thread broke", recording=self._opening.spec.recording)
            self._drop(None, "internal")
        with self._ending:
            closing, self._ended = self._closing, True
        self.idle = True
        if closing:
            self._finish(*closing)

    def _commit(self, batch: Batch) -> None:
        """Make a batch durable, with one more take if need be; otherwise the recorder has failed."""
        if self.failure:
            batch.events.append(self._refused(batch.now))
        try:
            take, committed = self._write(batch)
        except OSError as error:
            self._drop(batch, failure_code(error))
            return
        self._done(take, batch)
        if self.failure:
            self._rest()
        else:
            self._callbacks.head(ChainHead(take.number, committed.ms, self.head[1]))
            self._callbacks.durable(committed)

    def _write(self, batch: Batch) -> tuple[Take, Committed]:
        assert self._take is not None
        try:
            return self._take, self._take.commit(batch)
        except OSError as error:
            self._take = take = self._replace(error)
            return take, take.commit(batch)

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

    def _done(self, take: Take, batch: Batch) -> None:
        self._tracks = dict(take.tracks)
        self.head = (take.standing.writing.number - 1, take.standing.writing.head)
        for event in batch.events:
            if event[0] is Kind.GAP:
                self._tell_gap(take, event)

    def _tell_gap(self, take: Take, gap: Event) -> None:
        _, number, start, end, cause = gap
        for track in take.tracks.values():
            if number in (None, track.number):
                self._callbacks.gap(track, take.origin.media_ms(start), take.origin.media_ms(end), cause)

    def _rest(self) -> None:
        """Let go of the recording after a failure, so that it can be closed or taken up by somebody else."""
        if self._take is not None:
            self._take.abandon()
        self._take = None
        self._opening.unlock()

    def _drop(self, batch: Batch | None, code: str) -> None:
        self._rest()
        if batch is not None:
            self._unwritten += _log_entries(batch)
        self.fail(code)

    def _refused(self, now: Reading) -> Event:
        """The gap since packets are refused, which goes on from ``now``."""
        since, self._refused_ns = self._refused_ns or now.mono_ns, now.mono_ns
        return (Kind.GAP, None, since, now.mono_ns, self.failure)

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

    def _pause(self, batch: Batch) -> None:
        if self._take is None or self._fenced:
            return
        if self.failure:
            batch.events.append(self._refused(batch.now))
        self._take.commit(batch)

    def _end(self, reason: str, batch: Batch) -> Closing:
        if self._fenced:
            raise RecorderUnavailable("fenced")
        if self._take is None:
            return self._end_without_media(reason, batch)
        if self.failure:
            batch.events.append(self._refused(batch.now))
        try:
            return self._take.close(reason, batch)
        except OSError as error:
            self._take = take = self._replace(error)
            return take.close(reason, batch)

    def _end_without_media(self, reason: str, batch: Batch) -> Closing:
        """After a failure: what was to be logged since, and the end, in a take of their own."""
        entries = self._unwritten
        while not self._batches.empty():
            if (waiting := self._batches.get()) is not None:
                entries += _log_entries(waiting)
        entries += _log_entries(batch)
        take = self._opening.run()
        tape = Tape(take.number, take.origin, take.standing.last_ms, media=take.takes_media)
        last = tape.cut(Reading.of(self._opening.clock))
        last.events += entries
        return take.close(reason, last)


def _log_entries(batch: Batch) -> list[Event]:
    return [event for event in batch.events if event[0] is Kind.LOG]
