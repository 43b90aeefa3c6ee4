"""Who wakes the sockets of media: a loop that takes their datagrams without turning, or any other loop.

A turn of asyncio's loop (handles, contexts, a heap of timers) costs as much as two packets when caches are cold, and a
relay is woken a hundred and forty times a second by one room of two. So a media process runs on a ``MediaLoop``, which
turns only when there is something for asyncio to do. Elsewhere, as in tests, the same is done with ordinary callbacks.
"""

import asyncio
import math
import select
import selectors
import time
from collections.abc import Callable
from contextvars import Context
from typing import Any, Protocol, TypeVarTuple

Ready = Callable[[], object]
"""Called when a socket can be read; takes what waits there."""
Beat = Callable[[], bool]
"""Called once per beat; returns whether more waits already."""
BEAT_S = 0.002
_Given = TypeVarTuple("_Given")


class Waker(Protocol):
    """Calls sockets back on the loop."""

    def listen(self, fd: int, ready: Ready) -> None:
        """Call ``ready`` whenever ``fd`` can be read."""

    def leave(self, fd: int) -> None: ...

    def keep_time(self, beat: Beat) -> None:
        """Call ``beat`` every ``BEAT_S`` seconds."""

    def stop_time(self, beat: Beat) -> None: ...


def waker() -> Waker:
    """That of the running loop."""
    loop = asyncio.get_running_loop()
    return loop.between if isinstance(loop, MediaLoop) else _Ordinary(loop)


class MediaLoop(asyncio.SelectorEventLoop):
    """An asyncio loop that serves media ``between`` its turns."""

    def __init__(self) -> None:
        self.between = _Between(self)
        super().__init__(self.between)

    def call_soon(
        self, callback: Callable[[*_Given], object], *args: *_Given, context: Context | None = None
    ) -> asyncio.Handle:
        self.between.wanted = True
        return super().call_soon(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*_Given], object], *args: *_Given, context: Context | None = None
    ) -> asyncio.TimerHandle:
        self.between.wanted = True
        return super().call_at(when, callback, *args, context=context)


class _Between(selectors.EpollSelector):
    """A selector that calls media back while it waits; ``select`` returns when asyncio has to do something."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.wanted = False
        """Whether the loop was given something to do since it began to wait."""
        self._loop = loop
        self._sources: dict[int, Ready] = {}
        self._beats: tuple[Beat, ...] = ()
        self._due = math.inf
        """When the next beat is, by ``time.monotonic``."""
        self._all = select.epoll()
        self._all.register(self.fileno(), select.EPOLLIN)

    # Waker

    def listen(self, fd: int, ready: Ready) -> None:
        self._sources[fd] = ready
        self._all.register(fd, select.EPOLLIN)

    def leave(self, fd: int) -> None:
        if self._sources.pop(fd, None):
            self._all.unregister(fd)

    def keep_time(self, beat: Beat) -> None:
        self._beats = (*self._beats, beat)
        self._due = min(self._due, time.monotonic() + BEAT_S)

    def stop_time(self, beat: Beat) -> None:
        self._beats = tuple(each for each in self._beats if each != beat)
        if not self._beats:
            self._due = math.inf

    # selectors.BaseSelector

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        now, sources, own = time.monotonic, self._sources, self.fileno()
        deadline = math.inf if timeout is None else now() + timeout
        self.wanted = timeout is not None and timeout <= 0
        while True:
            wait, others = 0.0 if self.wanted else min(deadline, self._due) - now(), False
            for fd, _ in self._all.poll(None if wait == math.inf else max(0.0, wait)):
                ready = sources.get(fd)
                if ready is not None:
                    self._call(ready)
                elif fd == own:
                    others = True
            if now() >= self._due:
                self._beat()
            if others or self.wanted or now() >= deadline:
                return super().select(0) if others else []

    def close(self) -> None:
        self._all.close()
        super().close()

    def _beat(self) -> None:
        more = [self._call(beat) for beat in self._beats]
        if self._beats:
            self._due = time.monotonic() + (0 if any(more) else BEAT_S)

    def _call(self, callback: Callable[[], Any]) -> Any:
        """What it returns; an exception goes where asyncio puts those of its callbacks."""
        try:
            return callback()
        except Exception as error:
            self._loop.call_exception_handler({"message": "a socket of media broke", "exception": error})


class _Ordinary:
    """The same on any loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timers: dict[Beat, asyncio.Handle] = {}

    def listen(self, fd: int, ready: Ready) -> None:
        self._loop.add_reader(fd, ready)

    def leave(self, fd: int) -> None:
        self._loop.remove_reader(fd)

    def keep_time(self, beat: Beat) -> None:
        self._timers[beat] = self._loop.call_later(BEAT_S, self._beat, beat)

    def stop_time(self, beat: Beat) -> None:
        timer = self._timers.pop(beat, None)
        if timer is not None:
            timer.cancel()

    def _beat(self, beat: Beat) -> None:
        more = beat()
        if beat in self._timers:
            loop = self._loop
            self._timers[beat] = loop.call_soon(self._beat, beat) if more else loop.call_later(BEAT_S, self._beat, beat)
