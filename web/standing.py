"""Answers that take long end with the right to them (F26)."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator

import structlog
from aiohttp import web

from core.errors import Unavailable
from people import identities
from people.withdrawal import looks
from web.context import context, principal_of

log = structlog.get_logger()

UNSENT = 128 * 1024
"""Bytes that the kernel takes ahead of what has been sent: what it holds to the end nobody watches over any more."""
_DISCARD = struct.pack("ii", 1, 0)
"""``SO_LINGER`` of no seconds (socket(7)): closing resets the connection and drops what was not sent."""


@contextlib.asynccontextmanager
async def while_standing(request: web.Request) -> AsyncIterator[None]:
    """Cut the connection within two seconds after whoever asked was signed out, suspended, or lost a role or post.

    Also while the answer waits for a browser that does not read. Looks that the database cannot answer are repeated.
    """
    if (sock := _socket(request)) is not None and hasattr(socket, "TCP_NOTSENT_LOWAT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
    watch = asyncio.create_task(_watch(request))
    try:
        yield
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


async def _watch(request: web.Request) -> None:
    found, principal = context(request), principal_of(request)
    if principal is None:
        return
    async for _ in looks(found.clock, "downloads"):
        with contextlib.suppress(Unavailable):
            async with found.database.transaction(write=False) as tx:
                gone = await identities.withdrawn(tx, found.clock.now(), (principal,))
            if gone:
                log.warning("an answer was cut: the access was withdrawn", person=principal.id)
                break
    _cut(request)


def _cut(request: web.Request) -> None:
    """Close at once. Without the reset a slow reader would go on getting what the kernel has taken, megabytes of it."""
    if (sock := _socket(request)) is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DISCARD)
    if request.transport is not None:
        request.transport.abort()


def _socket(request: web.Request) -> socket.socket | None:
    """The TCP socket of a request that is still connected."""
    found: socket.socket | None = request.transport.get_extra_info("socket") if request.transport is not None else None
    inet = found is not None and found.fileno() >= 0 and found.family in (socket.AF_INET, socket.AF_INET6)
    return found if inet else None
