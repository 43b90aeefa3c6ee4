"""Answers that take long end with the right to them (F26)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog
from aiohttp import web

from core.errors import Unavailable
from people import identities
from web.context import context, principal_of

log = structlog.get_logger()

LOOK = 1.0
"""Seconds between two looks."""


@contextlib.asynccontextmanager
async def while_standing(request: web.Request) -> AsyncIterator[None]:
    """Cut the connection about a second after whoever asked was signed out, suspended, or lost a role or post.

    Also while the answer waits for a browser that does not read. Looks that the database cannot answer are repeated.
    """
    watch = asyncio.create_task(_watch(request))
    try:
        yield
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


async def _watch(request: web.Request) -> None:
    found, principal = context(request), principal_of(request)
    while principal is not None:
        await asyncio.sleep(LOOK)
        with contextlib.suppress(Unavailable):
            async with found.database.transaction(write=False) as tx:
                gone = await identities.withdrawn(tx, found.clock.now(), (principal,))
            if gone:
                log.warning("an answer was cut: the access was withdrawn", person=principal.id)
                break
    if principal is not None and request.transport is not None:
        request.transport.abort()
