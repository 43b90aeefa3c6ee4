"""The connection of a web process to a media process: commands out, events in, as JSON lines; reconnects for ever."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import structlog

from core.errors import PeerError, Unavailable
from core.ids import new_id
from media.commands import COMMANDS, EVENTS, Answered, Command, Event, Hello, Measured, Rejected

log = structlog.get_logger()

MAX_LINE = 1 << 20
MAX_UNSENT = 8 << 20
"""Bytes a media process may leave unread: beyond it the connection is cut and, once it is back, all is stated anew."""
PATIENCE = 5.0
"""Seconds to wait for the answer to a request."""
RECONNECT = (0.05, 0.1, 0.2, 0.5)
"""Seconds before the first, second, … try to connect; the last again and again."""

Reply = Answered | Rejected | Measured


class Link(Protocol):
    """One media process, as the hub uses it."""

    number: int

    @property
    def up(self) -> bool: ...

    def send(self, command: Command) -> bool:
        """Hand over a command; ``False`` when there is no connection: it was not sent and will not be."""

    async def request(self, make: Callable[[str], Command]) -> Reply:
        """Send the command made for a new request id and return its answer. Raises ``Unavailable``."""


class MediaLink:
    """A link over the media process's Unix-domain socket."""

    def __init__(
        self,
        number: int,
        path: Path,
        *,
        on_up: Callable[["MediaLink", Hello], None],
        on_down: Callable[["MediaLink"], None],
        on_event: Callable[["MediaLink", Event], None],
    ) -> None:
        self.number = number
        self._path = path
        self._on_up = on_up
        self._on_down = on_down
        self._on_event = on_event
        self._writer: asyncio.StreamWriter | None = None
        self._waiting: dict[str, asyncio.Future[Reply]] = {}
        self.up = False

    async def run(self) -> None:
        """Stay connected until cancelled."""
        tries = 0
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(self._path, limit=MAX_LINE)
            except OSError:
                await asyncio.sleep(RECONNECT[min(tries, len(RECONNECT) - 1)])
                tries += 1
                continue
            self._writer, tries = writer, 0
            try:
                await self._read(reader)
            except (OSError, ValueError, PeerError) as error:
                log.error("the connection to a media process broke", media=self.number, error=type(error).__name__)
            finally:
                self._dropped(writer)
            await asyncio.sleep(RECONNECT[0])

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            event = EVENTS.decode(line)
            match event:
                case Hello():
                    self.up = True
                    log.info("a media process is connected", media=self.number, boot=event.boot)
                    self._on_up(self, event)
                case Answered(request=request) | Rejected(request=request) | Measured(request=request):
                    future = self._waiting.get(request)
                    if future is not None and not future.done():
                        future.set_result(event)
                case _:
                    self._on_event(self, event)

    def _dropped(self, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()
        was_up, self.up, self._writer = self.up, False, None
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(_away())
        if was_up:
            log.warning("a media process is gone", media=self.number)
            self._on_down(self)

    def send(self, command: Command) -> bool:
        writer = self._writer
        if writer is None or not self.up or writer.is_closing():
            return False
        writer.write(COMMANDS.encode(command) + b"\n")
        if writer.transport.get_write_buffer_size() > MAX_UNSENT:
            log.error("a media process does not read its commands, the connection is cut", media=self.number)
            writer.transport.abort()
            return False
        return True

    async def request(self, make: Callable[[str], Command]) -> Reply:
        request = new_id()
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[request] = future
        try:
            if not self.send(make(request)):
                raise _away()
            async with asyncio.timeout(PATIENCE):
                return await future
        except TimeoutError:
            raise Unavailable("media-slow", "The media server does not answer. Please try again in a moment.") from None
        finally:
            with contextlib.suppress(KeyError):
                del self._waiting[request]


def _away() -> Unavailable:
    return Unavailable("media-away", "The media server cannot be reached. It is being restored; please try again.")
