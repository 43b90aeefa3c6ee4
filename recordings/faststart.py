"""Moving an MP4's index to its front (ISO/IEC 14496-12), so that it plays before all of it has come."""

import struct
from collections.abc import Iterator

from recordings.derived import CHUNK, SealedReader, SealedWriter

_CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})


def faststart(source: SealedReader, target: SealedWriter) -> None:
    """Copy ``source`` to ``target`` with ``moov`` before ``mdat``. Raises ``ValueError`` when it is no MP4 of ours."""
    boxes = {kind: (start, size) for kind, start, size in _boxes(source)}
    if b"moov" not in boxes or b"mdat" not in boxes:
        raise ValueError("not an MP4 with moov and mdat")
    moov_at, moov_size = boxes[b"moov"]
    moov = bytearray(source.read(moov_at, moov_size))
    if moov_at > boxes[b"mdat"][0]:
        _shift(moov, 0, len(moov), moov_size)
    order = [b"ftyp", b"moov", *(kind for kind in boxes if kind not in (b"ftyp", b"moov"))]
    for kind in order:
        if kind == b"moov":
            target.write(bytes(moov))
        elif kind in boxes:
            _copy(source, target, *boxes[kind])


def _boxes(source: SealedReader) -> Iterator[tuple[bytes, int, int]]:
    at = 0
    while at + 8 <= source.length:
        head = source.read(at, 16)
        size, kind = struct.unpack_from(">I4s", head)
        size = struct.unpack_from(">Q", head, 8)[0] if size == 1 else size or source.length - at
        if size < 8:
            raise ValueError("a box of wrong size")
        yield kind, at, size
        at += size


def _shift(moov: bytearray, start: int, end: int, by: int) -> None:
    """Add ``by`` to every chunk offset inside."""
    at = start
    while at + 8 <= end:
        size, kind = struct.unpack_from(">I4s", moov, at)
        if size < 8 or at + size > end:
            raise ValueError("a box of wrong size")
        if kind in _CONTAINERS:
            _shift(moov, at + 8, at + size, by)
        elif kind in (b"stco", b"co64"):
            form = ">I" if kind == b"stco" else ">Q"
            step = struct.calcsize(form)
            count = struct.unpack_from(">I", moov, at + 12)[0]
            for index in range(count):
                place = at + 16 + index * step
                struct.pack_into(form, moov, place, struct.unpack_from(form, moov, place)[0] + by)
        at += size


def _copy(source: SealedReader, target: SealedWriter, start: int, size: int) -> None:
    for offset in range(start, start + size, CHUNK):
        target.write(source.read(offset, min(CHUNK, start + size - offset)))
