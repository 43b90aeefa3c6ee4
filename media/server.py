"""The door of a media process: commands and events as JSON lines over a Unix-domain socket.

Every line is one message of ``COMMANDS`` (in) or ``EVENTS`` (out); the first line out is ``Hello``. A line that
is no command closes the connection: both ends are ours, so it is a defect, not a request. Losing a connection
stops forwarding in its sessions at once; recording goes on until somebody adopts them with ``OpenSession``.
"""

import asyncio
import gc
import signal
import sys
from contextlib import suppress
from pathlib import Path

import structlog

from core.clock import Clock
from core.errors import PeerError
from media.commands import COMMANDS, EVENTS, Event
from media.config import MediaSettings
from media.ports import Recorders
from media.service import MediaService

log = structlog.get_logger()

MAX_LINE = 1 << 20
MAX_BACKLOG = 16 << 20
"""Bytes of events a web process may leave unread before its connection is cut."""


def settle() -> None:
    """Tell the interpreter that this process forwards packets.

    What the imports left behind is never garbage, so the collector need not look at it again: a full collection
    would hold all packets up. And every system call of the loop gives the interpreter to a recorder's thread that
    wants it; it must come back within a fraction of a millisecond (docs/decisions/0050-relay-path.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    sys.setswitchinterval(0.0002)


async def serve(
    settings: MediaSettings, recorders: Recorders, clock: Clock, *, stopping: asyncio.Event | None = None
) -> None:
    """Run a media process until SIGTERM, SIGINT or ``stopping``; chains are closed before this returns."""
    stop = stopping or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError, ValueError, RuntimeError):  # not the main thread: the caller stops us
            loop.add_signal_handler(number, stop.set)
    service = MediaService(settings, recorders, clock)
    await service.start()
    settle()
    door = Door(service)
    server = await door.open(settings.control_path)
    try:
        await stop.wait()
    finally:
        server.close()
        await service.stop()
        await door.close()
        _remove(settings.control_path)


class Door:
    """Accepts web processes."""

    def __init__(self, service: MediaService) -> None:
        self._service = service
        self._writers: set[asyncio.StreamWriter] = set()

    async def open(self, path: Path) -> asyncio.Server:
        """Listen on ``path``, which only this user may open."""
        _make_way(path)
        server = await asyncio.start_unix_server(self._accept, path, limit=MAX_LINE, start_serving=False)
        _shut(path)
        await server.start_serving()
        return server

    async def close(self) -> None:
        """Deliver what is written and close all connections."""
        for writer in tuple(self._writers):
            with suppress(ConnectionError, TimeoutError):
                await asyncio.wait_for(writer.drain(), 2)
            writer.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)

        def emit(event: Event) -> None:
            if writer.is_closing():
                return
            writer.write(EVENTS.encode(event) + b"\n")
            if writer.transport.get_write_buffer_size() > MAX_BACKLOG:
                log.error("a web process does not read its events, its connection is cut")
                writer.transport.abort()

        self._service.connect(emit)
        try:
            while line := await reader.readline():
                self._service.handle(COMMANDS.decode(line), emit)
        except PeerError as error:
            log.error("a web process sent what is no command", code=error.code)
        except (ValueError, ConnectionError):
            log.error("a web process broke its connection")
        finally:
            self._service.disconnect(emit)
            self._writers.discard(writer)
            writer.close()


def _make_way(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _shut(path: Path) -> None:
    path.chmod(0o600)
