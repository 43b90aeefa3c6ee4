"""Writes recordings: commits what it is handed, and says when it no longer can."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from core.clock import Clock
from media.ports import ChainHead, Closing, RecorderUnavailable, RecordingSpec, Track
from recordings import preflight
from recordings.chain import b64
from recordings.crew import Crew
from recordings.filesystem import Disk, failure_code
from recordings.keys import SiteKeys
from recordings.layout import is_recording_id
from recordings.opening import Opening
from recordings.recovery import Origin
from recordings.space import BYTES_PER_SECOND
from recordings.take import Committed, Prepared, Take
from recordings.tape import Event, Gathered, Kind
from recordings.timesource import Reading
from recordings.timestamps import Authority, Stamper
from recordings.writing import STALLED, News, Written

log = structlog.get_logger()

RETRY_NS = 60_000_000_000
"""A second failed write within this time is not answered by another take: the disk is gone."""

Step = Callable[[], "Step | None"]
"""A piece of work, and the piece that must come next."""


class ThreadWriters:
    """Opens recordings of one data directory, written by a crew of threads; implements ``writing.Writers``."""

    def __init__(
        self,
        data_dir: Path,
        site: Callable[[], SiteKeys],
        clock: Clock,
        disk: Disk | None = None,
        *,
        bytes_per_second: int = BYTES_PER_SECOND,
        authority: Authority | None = None,
        terms: preflight.Terms | None = None,
    ) -> None:
        """``site`` opens the site's keys; it is asked at each opening and may raise ``KeyMissing``. With an
        ``authority`` the head of each chain is time-stamped every minute. ``terms`` are those of new recordings."""
        self._data_dir = data_dir
        self._site = site
        self._clock = clock
        self._disk = disk or Disk()
        self._bytes_per_second = bytes_per_second
        self._authority = authority
        self._terms = terms or preflight.Terms()
        self._crew = Crew("recorder")

    async def open(self, spec: RecordingSpec, at_once: int) -> "ThreadWriter":
        """Raises ``RecorderUnavailable``."""
        writer = await asyncio.to_thread(self.open_now, spec, at_once)
        writer.call = asyncio.get_running_loop().call_soon_threadsafe
        return writer

    def open_now(self, spec: RecordingSpec, at_once: int) -> "ThreadWriter":
        """The same for callers without a loop, who are told news on the thread that writes."""
        if not is_recording_id(spec.recording):
            raise RecorderUnavailable("bad-recording")
        room = preflight.needed(spec.planned_seconds, self._bytes_per_second if spec.policy == "clear" else 2_000)
        check_new = partial(preflight.check_new, terms=self._terms, recordings=at_once)
        opening = Opening(self._data_dir, self._site, self._clock, self._disk, spec, room, check_new)
        return ThreadWriter(opening, opening.run(), self._crew, self._authority)


class ThreadWriter:
    """Writes one recording on the threads of a crew, one thing after the other; implements ``writing.Writer``."""

    def __init__(self, opening: Opening, take: Take, crew: Crew, authority: Authority | None = None) -> None:
        self.take = take.number
        self.last_entry = take.standing.last_entry
        self.failure = ""
        self.head = (take.standing.writing.number - 1, take.standing.writing.head)
        """Number and digest of the last durable record: what a time stamp is asked for."""
        self.call: Callable[..., Any] = lambda told, *arguments: told(*arguments)
        """How news are told: here and now, or on a loop."""
        self._opening = opening
        self._take: Take | None = take
        self._blocks = take.blocks()
        self._tracks: dict[int, Track] = {}
        """Tracks open at the last commit: where a new take goes on from."""
        self._news: News | None = None
        self._crew = crew
        self._turn = threading.Lock()
        self._to_do: deque[Step] = deque()
        self._at_rest = threading.Event()
        """Set while there is nothing to do."""
        self._at_rest.set()
        self._fenced = False
        self._refused_ns: int | None = None
        """Since when packets are refused; what follows is a gap until a new take."""
        self._unwritten: list[Event] = []
        """Log entries that could not be written with the media."""
        self._tokens: deque[Event] = deque()
        """Time stamps that came and are not in the chain yet."""
        self._retry_ns = -RETRY_NS
        self._stamper = Stamper(authority, lambda: self.head, self._stamped) if authority else None

    def listen(self, news: News) -> None:
        self._news = news

    def hand(self, gathered: Gathered) -> None:
        self._do(partial(self._commit, gathered))

    def close(self, reason: str, gathered: Gathered) -> "Future[Closing]":
        return self._last(partial(self._end, reason, gathered))

    def suspend(self, gathered: Gathered) -> "Future[None]":
        return self._last(partial(self._pause, gathered))

    def fence(self) -> "Future[None]":
        self._fenced = True
        done: Future[None] = Future()
        threading.Thread(target=self._let_go, args=(done,), name="recorder-end", daemon=True).start()
        return done

    def end(self) -> None:
        """Write what was handed over, then let go of the recording; whoever gathered it is gone. Blocks, but not for
        ever."""
        self._let_go(Future())

    def fail(self, code: str, since_ns: int) -> None:
        if self._refused_ns is None:
            self._refused_ns = since_ns
        self._fail(code)

    # What is to do, one step after the other

    def _do(self, step: Step) -> None:
        with self._turn:
            self._to_do.append(step)
            if not self._at_rest.is_set():
                return
            self._at_rest.clear()
        self._crew.put(self._step)

    def _step(self) -> None:
        """Take one step; the next goes behind the steps of other recordings, so that what computes for all is done
        with warm caches before anybody waits for the disk."""
        with self._turn:
            step = self._to_do.popleft()
        try:
            then = step()
        except Exception:
            log.exception("a recorder broke", recording=self._opening.spec.recording)
            self._drop(None, "internal")
            then = None
        with self._turn:
            if then:
                self._to_do.appendleft(then)
            if not self._to_do:
                self._at_rest.set()
                return
        self._crew.put(self._step)

    def _last(self, act: Callable[[], Any]) -> "Future[Any]":
        self._stop_stamping()
        future: Future[Any] = Future()
        self._do(partial(self._finish, act, future))
        return future

    def _let_go(self, done: "Future[None]") -> None:
        self._stop_stamping()
        if self._at_rest.wait(STALLED):
            self._rest()
        self._opening.unlock()
        done.set_result(None)

    # News

    def _fail(self, code: str) -> None:
        if not self.failure:
            self.failure = code
            log.error("a recorder failed", recording=self._opening.spec.recording, code=code)
            self._tell(lambda news: news.failed(code))

    def _tell(self, say: Callable[[News], None]) -> None:
        if self._news is None:
            return
        try:
            self.call(say, self._news)
        except RuntimeError:
            log.info("a recorder outlived its loop")

    # Time stamps

    def _stop_stamping(self) -> None:
        if self._stamper:
            self._stamper.stop()

    def _stamped(self, of: int, digest: str, token: bytes, authority: str) -> None:
        self._tokens.append((Kind.TOKEN, of, digest, b64(token), authority))

    # Writing

    def _commit(self, gathered: Gathered) -> Step | None:
        """Seal and sign it; the step after that makes it durable."""
        if self._fenced:
            return None
        if self._take is None:
            self._unwritten += _log_entries(gathered)
            return None
        had_failed = self._complete(gathered)
        batch = self._blocks.of(gathered)
        if self._fenced:  # whose packets these were is no longer certain: their place may be another recording's by now
            return None
        return partial(self._store, gathered, self._take.prepare(batch), had_failed)

    def _store(self, gathered: Gathered, prepared: Prepared, had_failed: bool) -> None:
        """Make it durable, with one more take if need be; otherwise the recorder has failed."""
        try:
            take, committed = self._write(gathered, prepared)
        except OSError as error:
            self._drop(gathered, failure_code(error))
            return
        self._done(take, gathered)
        if had_failed:
            self._rest()
        else:  # what was kept until a failure just now comes with the next, which states what was not
            written = Written(committed, ChainHead(take.number, committed.ms, self.head[1]))
            self._tell(lambda news: news.written(written))

    def _complete(self, gathered: Gathered) -> bool:
        """Add what is known here only; return whether that is the gap of a failure."""
        while self._tokens:
            gathered.events.append(self._tokens.popleft())
        failed = bool(self.failure)
        if failed:
            gathered.events.append(self._refused(gathered.now))
        return failed

    def _write(self, gathered: Gathered, prepared: Prepared) -> tuple[Take, Committed]:
        assert self._take is not None
        try:
            return self._take, self._take.store(prepared)
        except OSError as error:
            take = self._replace(error)
            return take, take.commit(self._blocks.of(gathered))

    def _replace(self, error: OSError) -> Take:
        """A new take on new files. Raises ``OSError`` when one was tried a moment ago, or cannot be had."""
        assert self._take is not None
        self._take.abandon()
        now_ns = self._opening.clock.monotonic_ns()
        if self._fenced or now_ns - self._retry_ns < RETRY_NS:
            raise error
        self._retry_ns = now_ns
        log.warning("a recorder begins a new take", recording=self._opening.spec.recording, errno=error.errno)
        self._take = take = self._opening.again(self._tracks, self._take.durable)
        self._blocks = take.blocks()
        return take

    def _done(self, take: Take, gathered: Gathered) -> None:
        self._tracks = dict(take.tracks)
        self.head = (take.standing.writing.number - 1, take.standing.writing.head)
        for event in gathered.events:
            if event[0] is Kind.GAP:
                self._tell(partial(_gaps, list(take.tracks.values()), take.origin, event))

    def _rest(self) -> None:
        """Let go of the recording after a failure, so that it can be closed or taken up by somebody else."""
        if self._take is not None:
            self._take.abandon()
        self._take = None
        self._opening.unlock()

    def _drop(self, gathered: Gathered | None, code: str) -> None:
        self._rest()
        if gathered is not None:
            self._unwritten += _log_entries(gathered)
        self._fail(code)

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

    def _pause(self, gathered: Gathered) -> None:
        if self._take is None or self._fenced:
            return
        self._complete(gathered)
        self._take.commit(self._blocks.of(gathered))

    def _end(self, reason: str, gathered: Gathered) -> Closing:
        if self._fenced:
            raise RecorderUnavailable("fenced")
        if self._take is None:
            return self._end_without_media(reason, gathered)
        self._complete(gathered)
        try:
            return self._take.close(reason, self._blocks.of(gathered))
        except OSError as error:
            return self._replace(error).close(reason, self._blocks.of(gathered))

    def _end_without_media(self, reason: str, gathered: Gathered) -> Closing:
        """After a failure: what was to be logged since, and the end, in a take of their own."""
        take = self._opening.run()
        entries = self._unwritten + _log_entries(gathered)
        return take.close(reason, take.blocks().of(Gathered(Reading.of(self._opening.clock), entries)))


def _log_entries(gathered: Gathered) -> list[Event]:
    return [event for event in gathered.events if event[0] is Kind.LOG]


def _gaps(tracks: Sequence[Track], origin: Origin, gap: Event, news: News) -> None:
    _, number, start, end, cause = gap
    for track in tracks:
        if number in (None, track.number):
            news.gap(track, origin.media_ms(start), origin.media_ms(end), cause)
