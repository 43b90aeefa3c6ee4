"""Answers that take long end with the right to them (F26)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog
from aiohttp import web

from core.errors import Unavailable
from people import identities
from people.withdrawal import looks
from web.context import context, principal_of

log = structlog.get_logger()


@contextlib.asynccontextmanager
async def while_standing(request: web.Request) -> AsyncIterator[None]:
    """Cut the connection within two seconds after whoever asked was signed out, suspended, or lost a role or post.

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
    if principal is None:
        return
    async for _ in looks(found.clock, "downloads"):
        with contextlib.suppress(Unavailable):
            async with found.database.transaction(write=False) as tx:
                gone = await identities.withdrawn(tx, found.clock.now(), (principal,))
            if gone:
                log.warning("an answer was cut: the access was withdrawn", person=principal.id)
                break
    if request.transport is not None:
        request.transport.abort()
