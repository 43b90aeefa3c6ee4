"""Serving a playable file with HTTP Range (RFC 9110, section 14), decrypted as it is read."""

from collections.abc import AsyncIterator
from typing import Protocol

from aiohttp import web

from core.errors import YuanjianError
from web.standing import while_standing


class Sidecar(Protocol):
    """What is said about a file."""

    @property
    def media_type(self) -> str: ...


class Source(Protocol):
    """An open playable file (``recordings.library.Playable``)."""

    length: int

    @property
    def about(self) -> Sidecar: ...

    def chunks(self, offset: int = 0, length: int | None = None) -> AsyncIterator[bytes]: ...

    def close(self) -> None: ...


async def serve(request: web.Request, source: Source, attachment: str = "") -> web.StreamResponse:
    """Answer with the file, or with the one range asked for: 200, 206, or 416 when the range lies outside.

    Several ranges in one request are answered with the whole file, as the RFC allows. The answer is cut when whoever
    asked loses the right to it. ``source`` is closed. The browser keeps it instead of showing it, under the plain file
    name ``attachment`` where there is one; players of our pages play it.
    """
    try:
        async with while_standing(request):
            return await _serve(request, source, attachment)
    finally:
        source.close()


async def serve_stream(
    request: web.Request, pieces: AsyncIterator[bytes], media_type: str, attachment: str
) -> web.StreamResponse:
    """Answer with a file that is made while it is sent, of a length nobody knows yet. Cut as ``serve`` cuts, and when
    making it fails: a browser then says that it did not arrive whole."""
    response = web.StreamResponse()
    response.content_type = media_type
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Content-Disposition"] = f'attachment; filename="{attachment}"'
    async with while_standing(request):
        await _pour(request, response, pieces)
    return response


async def _serve(request: web.Request, source: Source, attachment: str) -> web.StreamResponse:
    part = span(request.headers.get("Range"), source.length)
    if part is None:
        raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{source.length}"})
    first, end = part
    whole = (first, end) == (0, source.length) and not _from_zero(request.headers.get("Range", ""))
    response = web.StreamResponse(status=200 if whole else 206)
    response.content_type = source.about.media_type
    response.content_length = end - first
    response.headers.update({"Accept-Ranges": "bytes", "Cache-Control": "private, no-store"})
    # a player takes no notice; whoever opens the address itself does not run it as a page of ours
    response.headers["Content-Disposition"] = f'attachment; filename="{attachment}"' if attachment else "attachment"
    if not whole:
        response.headers["Content-Range"] = f"bytes {first}-{end - 1}/{source.length}"
    await _pour(request, response, source.chunks(first, end - first))
    return response


async def _pour(request: web.Request, response: web.StreamResponse, pieces: AsyncIterator[bytes]) -> None:
    """Send the headers and, unless only they were asked for, every piece; cut the connection when one cannot be had."""
    await response.prepare(request)
    if request.method != "HEAD":
        try:
            async for piece in pieces:
                await response.write(piece)
        except YuanjianError:  # too late for words: the headers are out
            if request.transport is not None:
                request.transport.abort()
            return
    await response.write_eof()


def _from_zero(header: str) -> bool:
    """Whether a player asks for everything as a range: it then expects 206, to know that it can seek."""
    return header.replace(" ", "").lower().startswith("bytes=0-") and "," not in header


def span(header: str | None, length: int) -> tuple[int, int] | None:
    """The half-open byte range a ``Range`` header asks for; the whole for none or one not understood.

    ``None``: a single well-formed range of which nothing lies in the file.
    """
    unit, _, ranges = (header or "").partition("=")
    if unit.strip().lower() != "bytes" or "," in ranges:
        return 0, length
    first, dash, last = ranges.strip().partition("-")
    if not dash or not all(part.isascii() and part.isdigit() for part in (first, last) if part) or not (first or last):
        return 0, length
    if not first:
        return (max(0, length - int(last)), length) if int(last) and length else None
    if last and int(last) < int(first):
        return 0, length
    end = min(int(last) + 1, length) if last else length
    return (int(first), end) if int(first) < length else None
