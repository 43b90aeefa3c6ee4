"""A stored file over HTTP, whole or in one range (RFC 9110 section 14), so that players can seek."""

from aiohttp import web

from core.errors import YuanjianError
from recordings.library import Playable


async def stream(request: web.Request, playable: Playable) -> web.StreamResponse:
    """Send what was asked for, in pieces; closes ``playable`` in any case. 416 for a range outside of the file."""
    try:
        return await _stream(request, playable)
    finally:
        playable.close()


async def _stream(request: web.Request, playable: Playable) -> web.StreamResponse:
    length = playable.length
    span = _range(request, length)
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Type": playable.about.media_type,
        "Cache-Control": "private, no-store",
        "Content-Disposition": "inline",
    }
    if span is None:
        headers["Content-Range"] = f"bytes */{length}"
        return web.Response(status=416, headers=headers)
    start, end = span
    partial = "Range" in request.headers
    if partial:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{length}"
    headers["Content-Length"] = str(end - start)
    response = web.StreamResponse(status=206 if partial else 200, headers=headers)
    first = await playable.read(start, min(1, end - start))  # a damaged file is told before the headers are out
    await response.prepare(request)
    if request.method == "HEAD" or not first:
        return response
    try:
        async for chunk in playable.chunks(start, end - start):
            await response.write(chunk)
    except YuanjianError:
        if request.transport is not None:
            request.transport.abort()
        return response
    await response.write_eof()
    return response


def _range(request: web.Request, length: int) -> tuple[int, int] | None:
    """``[start, end)`` asked for; the whole file without a range; ``None`` when it lies outside."""
    try:
        asked = request.http_range
    except ValueError:
        return None
    start, stop = asked.start, asked.stop
    if start is None:
        return 0, length
    if start < 0:
        return max(0, length + start), length
    if start >= length:
        return None
    return start, length if stop is None else min(stop, length)
