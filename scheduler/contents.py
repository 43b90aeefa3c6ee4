"""What may be handed in as a file: a PDF, JPEG or PNG, recognised by content, that is nothing else at the same time.

Nothing is decoded but the streams of a PDF, and those only up to a bound; the original is kept as it came.
"""

import asyncio
import re
import zlib
from collections.abc import Iterator

from core.errors import Invalid

LARGEST = 10 * 1024 * 1024
MOST_PIXELS = 60_000_000
"""A page scanned at 600 dpi has 35 million."""
MOST_INFLATED = 128 * 1024 * 1024
"""Of all streams of a PDF together."""
PDF, PNG, JPEG = b"%PDF-", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_MARKUP = re.compile(rb"<(?:!doctype\s+html|(?:html|script|svg|iframe)[\s>]|\?xml-stylesheet)", re.IGNORECASE)
_ACTIVE = re.compile(rb"/(?:JavaScript|JS|Launch|EmbeddedFiles?|RichMedia|XFA)\b")
_STREAM = re.compile(rb"(?<!end)stream\r?\n")
_SIZED = frozenset({*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)})
"""JPEG markers of a frame header, which holds the size (ITU T.81 table B.1)."""


async def checked(data: bytes) -> str:
    """``check_content`` beside the event loop: a large PDF takes a moment."""
    return await asyncio.to_thread(check_content, data)


def check_content(data: bytes) -> str:
    """The media type by content. Raises ``Invalid`` for anything else, for what is too large, and for what hides more
    than a document or picture."""
    if not data:
        raise Invalid("empty", "The file is empty.", field="file")
    if len(data) > LARGEST:
        raise Invalid("too-large", "The file is too large: at most 10 MB.", field="file")
    if data.startswith(PDF):
        _check_pdf(data)
        return "application/pdf"
    if data.startswith(PNG):
        _check_png(data)
        return "image/png"
    if data.startswith(JPEG):
        _check_jpeg(data)
        return "image/jpeg"
    raise Invalid("file-kind", "Please hand in a PDF, or a picture as JPEG or PNG.", field="file")


def _check_png(data: bytes) -> None:
    """Chunks from the header to ``IEND`` and nothing after it; text only outside the pixels is looked through."""
    at, beside = len(PNG), bytearray()
    while at + 12 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            _check_size(int.from_bytes(body[:4]), int.from_bytes(body[4:8]))
        elif kind != b"IDAT":
            beside += body
        at += 12 + length
        if kind == b"IEND":
            break
    else:
        raise _broken()
    if at != len(data):
        raise _hidden()
    _check_markup(bytes(beside))


def _check_jpeg(data: bytes) -> None:
    """Segments up to the first scan give the size; they and what follows the last end mark are looked through."""
    at, sized = 2, False
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        length = int.from_bytes(data[at + 2 : at + 4])
        if data[at + 1] in _SIZED:
            _check_size(int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7]))
            sized = True
        at += 2 + max(length, 2)
    end = data.rfind(b"\xff\xd9")
    if not sized or data[at : at + 2] != b"\xff\xda" or end < at:
        raise _broken()
    _check_markup(data[:at])
    _check_markup(data[end + 2 :])


def _check_pdf(data: bytes) -> None:
    """Ends as a PDF, runs nothing, holds no other file, and does not swell without bound."""
    if b"%%EOF" not in data[-2048:]:
        raise _broken()
    texts, room = [_names(data)], MOST_INFLATED
    for packed in _streams(data):
        inflated = _inflated(packed, room)
        if inflated is None:
            raise Invalid("file-bomb", "This file unpacks to far more than a paper. Please scan it anew.", field="file")
        room -= len(inflated)
        texts.append(_names(inflated))
    if any(_ACTIVE.search(text) for text in texts):
        raise Invalid(
            "file-active", "This PDF holds programs or other files. Please print it to a new PDF.", field="file"
        )
    if _MARKUP.search(data[:1024]) or _MARKUP.search(data[data.rfind(b"%%EOF") :]):
        raise _hidden()


def _streams(data: bytes) -> Iterator[bytes]:
    """What stands between ``stream`` and ``endstream``, each byte looked at once."""
    mark = _STREAM.search(data)
    while mark is not None:
        end = data.find(b"endstream", mark.end())
        end = len(data) if end < 0 else end
        yield data[mark.end() : end]
        mark = _STREAM.search(data, end)


def _inflated(packed: bytes, room: int) -> bytes | None:
    """A stream unpacked, ``None`` when it is more than ``room`` bytes; empty when it is not packed by Flate."""
    try:
        found = zlib.decompressobj().decompress(packed, room + 1)
    except zlib.error:
        return b""
    return found if len(found) <= room else None


def _names(data: bytes) -> bytes:
    """With the escapes of names undone: ``/J#53`` is ``/JS`` (ISO 32000-1, 7.3.5)."""
    if b"#" not in data:
        return data
    return re.sub(rb"#([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), data)


def _check_size(width: int, height: int) -> None:
    if not 0 < width * height <= MOST_PIXELS:
        raise Invalid("file-pixels", "This picture is too large: at most 60 million pixels.", field="file")


def _check_markup(text: bytes) -> None:
    if _MARKUP.search(text):
        raise _hidden()


def _hidden() -> Invalid:
    return Invalid("file-hidden", "This file holds more than a picture or document. Please scan it anew.", field="file")


def _broken() -> Invalid:
    return Invalid("file-broken", "This file is not complete. Please save or scan it anew.", field="file")
