"""Writers in a process of their own, as the relay sees them; started on demand, and again when it is gone."""

import asyncio
import itertools
import socket
import sys
from concurrent.futures import Future
from typing import Any

import structlog

from media.ports import Closing, RecorderUnavailable, RecordingSpec
from recordings import messages
from recordings.config import RecorderSettings
from recordings.messages import Head, MessageError, Splitter
from recordings.shelf import Shelf, laid_out
from recordings.tape import Gathered
from recordings.writing import STALLED, News

log = structlog.get_logger()

GONE = "recorder-gone"
"""The code of a recording whose process ended under it."""
PATIENCE = STALLED + 4.0
"""Seconds to let go of a recording, for which the process gives its thread ``STALLED``; then it is killed."""


class RemoteWriters:
    """Opens recordings in a recorder process; implements ``writing.Writers``."""

    def __init__(self, settings: RecorderSettings) -> None:
        self._settings = settings
        self._link: _Link | None = None
        self._gone: list[_Link] = []
        """Links whose process was not seen to end yet."""
        self._starting = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The recorder process that runs now."""
        return self._link.pid if self._link else None

    @property
    def free_places(self) -> int:
        """Recordings that would still have a place on the shelf."""
        return self._link.shelf.free if self._link else 0

    async def start(self) -> None:
        """Have the process ready before it is needed. Raises ``RecorderUnavailable``."""
        await self._linked()

    async def stop(self) -> None:
        """End the process when it has written what it has; recordings that are still open stay open on disk."""
        links, self._link, self._gone = [*self._gone, self._link], None, []
        for link in links:
            if link:
                await link.end()

    async def open(self, spec: RecordingSpec, at_once: int) -> "RemoteWriter":
        """Raises ``RecorderUnavailable``, also ``recorder-gone``."""
        return await (await self._linked()).open(spec, at_once)

    async def _linked(self) -> "_Link":
        async with self._starting:
            if self._link is None or self._link.is_gone:
                self._gone = [link for link in (*self._gone, self._link) if link and not link.has_ended]
                try:
                    self._link = await _start(self._settings)
                except OSError:
                    log.exception("the recorder process cannot be started")
                    raise RecorderUnavailable(GONE) from None
            return self._link


async def _start(settings: RecorderSettings) -> "_Link":
    shelf = Shelf()
    try:
        here, there = socket.socketpair()
        with there:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "recordings.process", str(there.fileno()), str(shelf.fd), settings.text(),
                stdin=asyncio.subprocess.DEVNULL, pass_fds=(there.fileno(), shelf.fd), start_new_session=True,
            )  # fmt: skip
    except OSError:
        shelf.close()
        raise
    log.info("the recorder process was started", pid=process.pid)
    loop = asyncio.get_running_loop()
    _, link = await loop.create_connection(lambda: _Link(process, shelf), sock=here)
    return link


class _Link(asyncio.Protocol):
    """The relay's end of the socket."""

    def __init__(self, process: asyncio.subprocess.Process, shelf: Shelf) -> None:
        self.is_gone = False
        self.shelf = shelf
        self.pid = process.pid
        self._process = process
        self._transport: asyncio.Transport | None = None
        self._splitter = Splitter()
        self._writers: dict[int, RemoteWriter] = {}
        self._numbers = itertools.count(1)

    @property
    def has_ended(self) -> bool:
        return self._process.returncode is not None

    async def open(self, spec: RecordingSpec, at_once: int) -> "RemoteWriter":
        writer = RemoteWriter(self, next(self._numbers))
        self._writers[writer.number] = writer
        await asyncio.wrap_future(writer.ask({"do": "open", "spec": messages.of_spec(spec), "at_once": at_once}))
        return writer

    async def end(self) -> None:
        if self._transport:
            self._transport.close()
        try:
            await asyncio.wait_for(self._process.wait(), PATIENCE)
        except TimeoutError:
            self.kill()
            await self._process.wait()

    def kill(self) -> None:
        """End a process that does not answer. What it had and had not written is stated as a gap by the next take."""
        if not self.has_ended:
            log.error("the recorder process does not answer and is killed", pid=self.pid)
            self._process.kill()

    def send(self, head: Head, gathered: Gathered | None = None) -> None:
        """Say ``head``, and what was ``gathered``, with its packets."""
        if gathered is None:
            self._tell(messages.pack(head))
            return
        data = b"".join(laid_out(gathered.packets))
        self._tell(messages.pack({**head, "at": None, **messages.of_gathered(gathered)}, data), data)

    def write(self, number: int, gathered: Gathered, place: int | None) -> None:
        """Have it written; its packets go to that place on the shelf if they can."""
        at = self.shelf.put(place, gathered.packets) if place is not None else None
        if at is None:
            self.send({"id": number, "do": "write"}, gathered)
        else:
            self._tell(messages.pack_write(number, gathered, at))

    def _tell(self, *parts: bytes) -> None:
        """Put the parts of a message on the wire; a process that is gone is not told."""
        if self.is_gone or self._transport is None:
            return
        for part in parts:
            self._transport.write(part)

    def forget(self, number: int) -> None:
        self._writers.pop(number, None)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream's

    def data_received(self, data: bytes) -> None:
        try:
            for head, _ in self._splitter.feed(data):
                writer = self._writers.get(head["id"])
                if writer:
                    writer.hear(head)
        except (MessageError, LookupError, TypeError):
            log.exception("the recorder process said what it cannot mean")
            self.kill()

    def connection_lost(self, _error: Exception | None) -> None:
        self.is_gone = True
        self.shelf.close()
        writers, self._writers = self._writers, {}
        if writers:
            log.error("the recorder process is gone", pid=self.pid, recordings=len(writers))
        for writer in writers.values():
            writer.lost()


class RemoteWriter:
    """One recording in the recorder process; implements ``writing.Writer``. Made by ``RemoteWriters.open``."""

    take: int

    def __init__(self, link: _Link, number: int) -> None:
        self.number = number
        self.last_entry = 0
        self._link = link
        self._place = link.shelf.take_place()
        self._lent = False
        """Whether what lies there is not written yet: then nothing else may be put there."""
        self._news: News | None = None
        self._asked: dict[int, Future[Any]] = {}
        """Who waits for which answer."""
        self._questions = itertools.count(1)
        self._let_go = False
        """Whether the process has let go of the recording."""

    def listen(self, news: News) -> None:
        self._news = news

    def hand(self, gathered: Gathered) -> None:
        place, self._lent = None if self._lent else self._place, True
        self._link.write(self.number, gathered, place)

    def fail(self, code: str, since_ns: int) -> None:
        self._link.send({"id": self.number, "do": "fail", "code": code, "since": since_ns})

    def close(self, reason: str, gathered: Gathered) -> "Future[Closing]":
        return self.ask({"do": "close", "reason": reason}, gathered)

    def suspend(self, gathered: Gathered) -> "Future[None]":
        return self.ask({"do": "suspend"}, gathered)

    def fence(self) -> "Future[None]":
        if self._let_go or self._link.is_gone:
            done: Future[None] = Future()
            done.set_result(None)
            return done
        done = self.ask({"do": "fence"})
        asyncio.get_running_loop().call_later(PATIENCE, self._insist, done)
        return done

    def _insist(self, done: "Future[None]") -> None:
        if not done.done():
            self._link.kill()

    def ask(self, head: Head, gathered: Gathered | None = None) -> "Future[Any]":
        """Send what is answered."""
        future: Future[Any] = Future()
        if self._link.is_gone:
            future.set_exception(RecorderUnavailable(GONE))
        else:
            question = next(self._questions)
            self._asked[question] = future
            self._link.send({"id": self.number, "ask": question, **head}, gathered)
        return future

    def hear(self, head: Head) -> None:
        """Take one message about this recording."""
        match head["tell"]:
            case "written" if self._news:
                self._lent = False
                self._news.written(messages.written_of(head))
            case "gap" if self._news:
                self._news.gap(messages.track_of(head["track"]), head["from"], head["to"], head["cause"])
            case "failed" if self._news:
                self._news.failed(head["code"])
            case "opened":
                self.take, self.last_entry = head["take"], head["last_entry"]
                self._answer(head["ask"])
            case "ended":
                self._over()
                self._answer(head["ask"], messages.closing_of(head["closing"]))
            case "unavailable":
                self._over()
                self._answer(head["ask"], RecorderUnavailable(head["code"]))

    def lost(self) -> None:
        """The process is gone."""
        if self._news:
            self._news.failed(GONE)
        for question in list(self._asked):
            self._answer(question, RecorderUnavailable(GONE))

    def _over(self) -> None:
        if self._let_go:
            return
        self._let_go = True
        self._link.forget(self.number)
        if self._place is not None:
            self._link.shelf.give_back(self._place)

    def _answer(self, question: int, answer: object = None) -> None:
        future = self._asked.pop(question, None)
        if future is None or not future.set_running_or_notify_cancel():
            return
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
