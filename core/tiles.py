"""The ledger's tree on disk in the C2SP tlog-tiles layout, so that any web server or copied directory can serve it.

``tile/L/N`` holds 256 hashes of height 8·L; ``tile/L/N.p/W`` the first W of them while it grows; ``tile/entries/N`` the
entries themselves, each after its length in two bytes. N is written in groups of three digits.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from core.merkle import leaf_hash, perfect_root

WIDTH = 256
_HEIGHT = 8
_HASH = 32
_CACHED = 256
"""Tiles kept in memory by one reader: a walk over millions of entries needs no more."""

Fetch = Callable[[str], bytes]
"""Returns the file of a path inside the layout; raises ``OSError`` when there is none."""


class TilesBroken(Exception):
    """Tiles are missing or do not hold what their place demands."""


def number_path(number: int) -> str:
    """``1234067`` → ``x001/x234/067``."""
    groups = [f"{number % 1000:03d}"]
    while number := number // 1000:
        groups.append(f"x{number % 1000:03d}")
    return "/".join(reversed(groups))


def tile_path(level: int | str, number: int, width: int = WIDTH) -> str:
    """Path of a tile, full or partial; ``level`` is ``entries`` for bundles."""
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{number_path(number)}{partial}"


class Tiles:
    """Reads the tree of ``size`` leaves out of a layout."""

    def __init__(self, fetch: Fetch, size: int) -> None:
        self._fetch = fetch
        self._size = size
        self._cache: dict[tuple[int | str, int], bytes] = {}

    def node(self, level: int, index: int) -> bytes:
        """Hash of a perfect subtree, as ``core.merkle`` asks for. Raises ``TilesBroken``."""
        tile_level, below = divmod(level, _HEIGHT)
        first = index << below
        return perfect_root(self.hashes(tile_level, first, 1 << below))

    def leaf(self, index: int) -> bytes:
        """Hash of one entry."""
        return self.hashes(0, index, 1)[0]

    def entry(self, index: int) -> bytes:
        """The entry itself, checked against its leaf."""
        number, place = divmod(index, WIDTH)
        bundle = list(unbundle(self._tile("entries", number)))
        if place >= len(bundle) or leaf_hash(bundle[place]) != self.leaf(index):
            raise TilesBroken(f"entry {index} is not the one its hash stands for")
        return bundle[place]

    def hashes(self, level: int, first: int, count: int) -> Sequence[bytes]:
        """``count`` hashes of one tile of a level, from ``first`` on."""
        number, place = divmod(first, WIDTH)
        raw = self._tile(level, number)
        found = [raw[i : i + _HASH] for i in range(place * _HASH, (place + count) * _HASH, _HASH)]
        if len(found[-1]) != _HASH:
            raise TilesBroken(f"{tile_path(level, number)} is too short")
        return found

    def _tile(self, level: int | str, number: int) -> bytes:
        key = (level, number)
        if key not in self._cache:
            hashes = self._size if level == "entries" else self._size >> (_HEIGHT * int(level))
            width = min(WIDTH, hashes - number * WIDTH)
            if width < 1:
                raise TilesBroken(f"{tile_path(level, number)} is beyond the tree")
            if len(self._cache) >= _CACHED:
                del self._cache[next(iter(self._cache))]
            self._cache[key] = self._fetched(level, number, width)
        return self._cache[key]

    def _fetched(self, level: int | str, number: int, width: int) -> bytes:
        """The tile of that width, or the full one that has replaced it."""
        for path in dict.fromkeys((tile_path(level, number, width), tile_path(level, number))):
            try:
                return self._fetch(path)
            except OSError:
                continue
        raise TilesBroken(f"{tile_path(level, number, width)} is missing")


def directory_fetch(directory: Path) -> Fetch:
    """Reads a layout in a directory."""
    return lambda path: (directory / path).read_bytes()


def extend(directory: Path, size: int, entries: Sequence[bytes]) -> None:
    """Add ``entries`` to the layout that holds ``size`` of them. Durable when it returns; harmless when repeated."""
    hashes = [leaf_hash(entry) for entry in entries]
    _extend_row(directory, "entries", size, [len(entry).to_bytes(2, "big") + entry for entry in entries])
    level, start = 0, size
    while hashes:
        _extend_row(directory, level, start, hashes)
        reader = Tiles(directory_fetch(directory), start + len(hashes) << (_HEIGHT * level))
        done, full = start // WIDTH, (start + len(hashes)) // WIDTH
        hashes = [perfect_root(reader.hashes(level, number * WIDTH, WIDTH)) for number in range(done, full)]
        level, start = level + 1, done


def unbundle(raw: bytes) -> Iterator[bytes]:
    """The entries of a bundle. Raises ``TilesBroken``."""
    at = 0
    while at < len(raw):
        end = at + 2 + int.from_bytes(raw[at : at + 2], "big")
        if at + 2 > len(raw) or end > len(raw):
            raise TilesBroken("a bundle of entries is cut short")
        yield raw[at + 2 : end]
        at = end


def _extend_row(directory: Path, level: int | str, start: int, items: Sequence[bytes]) -> None:
    """Append ``items`` to the row of tiles of one level that holds ``start`` of them."""
    for number in range(start // WIDTH, (start + len(items) - 1) // WIDTH + 1):
        old = max(0, start - number * WIDTH)
        fresh = items[max(0, number * WIDTH - start) : (number + 1) * WIDTH - start]
        kept = b"" if not old else _kept(directory, level, number, old)
        replace_durably(directory / tile_path(level, number, old + len(fresh)), kept + b"".join(fresh))
        if old + len(fresh) == WIDTH:
            shutil.rmtree(directory / f"{tile_path(level, number)}.p", ignore_errors=True)


def _kept(directory: Path, level: int | str, number: int, width: int) -> bytes:
    """The first ``width`` items of a tile that stands already, alone or in the full one that has replaced it."""
    partial, full = directory / tile_path(level, number, width), directory / tile_path(level, number)
    if partial.exists():
        return partial.read_bytes()
    if not full.exists():
        raise TilesBroken(f"{tile_path(level, number, width)} is missing")
    raw = full.read_bytes()
    if level != "entries":
        return raw[: width * _HASH]
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in islice(unbundle(raw), width))


def replace_durably(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, on disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
